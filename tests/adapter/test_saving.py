"""Models by ways to save and load: what is loaded is bit-equal to what was saved.

The generators are seeded differently before the second model gets its adapter and before loading,
so that a weight that is not loaded would show.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from packaging.version import Version
from peft import (
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from torch import Tensor, nn
from torch._inductor import config as inductor
from transformers.integrations.peft import MIN_PEFT_VERSION

from molre.adapter import MoLREConfig
from tests.helpers.adapter.models import CASES, ROWS, Case, first_output, wrapped
from tests.helpers.adapter.small import wake

EVERY = pytest.mark.parametrize("case", ROWS)
TRANSFORMERS = pytest.mark.parametrize("name", [name for name in CASES if name.startswith("hf_")])


def run(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return first_output(model(x))


def loaded(case: Case, folder: Path, **options: Any) -> Any:
    model = case.model()
    torch.manual_seed(99)
    return PeftModel.from_pretrained(model, folder, **options).eval()


@EVERY
@pytest.mark.parametrize(("name", "low_memory"), [("default", True), ("renamed", False)])
def test_round_trip_is_bit_equal(case: Case, name: str, low_memory: bool, tmp_path: Path) -> None:
    x, model = case.batch(), case.adapted()
    expected = run(model, x)
    model.save_pretrained(tmp_path)
    again = loaded(case, tmp_path, adapter_name=name, low_cpu_mem_usage=low_memory)
    assert torch.equal(run(again, x), expected)
    assert not any(p.requires_grad for p in again.parameters())
    assert not any(p.is_meta for p in again.parameters())


@EVERY
def test_loading_to_go_on_training(case: Case, tmp_path: Path) -> None:
    model = case.adapted()
    model.save_pretrained(tmp_path)
    again = loaded(case, tmp_path, is_trainable=True)
    trains = {n for n, p in again.named_parameters() if p.requires_grad}
    assert trains == {n for n, p in model.named_parameters() if p.requires_grad} != set()


@EVERY
def test_a_second_adapter_is_loaded_beside_the_first(case: Case, tmp_path: Path) -> None:
    x, first = case.batch(), case.adapted()
    first.save_pretrained(tmp_path)
    expected = run(first, x)
    second = case.adapted(r=1)
    wake(second, seed=5)
    before = run(second, x)
    second.load_adapter(tmp_path, "other")
    assert torch.equal(run(second, x), before)
    second.set_adapter("other")
    assert torch.equal(run(second, x), expected)


@EVERY
def test_injected_state_round_trip(case: Case) -> None:
    x, first = case.batch(), case.model()
    wake(inject_adapter_in_model(case.config(), first))
    state = get_peft_model_state_dict(first)
    assert len(state) == 6 * len(wrapped(first))  # A, B, and weight and bias of two router layers
    second = case.model()
    torch.manual_seed(99)
    inject_adapter_in_model(case.config(), second)
    assert not torch.equal(run(second, x), run(first, x))
    result = set_peft_model_state_dict(second, state)
    assert not result.unexpected_keys
    assert torch.equal(run(second, x), run(first, x))


@TRANSFORMERS
@pytest.mark.skipif(
    Version(peft.__version__) < Version(MIN_PEFT_VERSION),
    reason=f"this transformers refuses a peft before {MIN_PEFT_VERSION}, whatever the method",
)
def test_transformers_own_adapter_methods(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    x, model = case.batch(), case.model()
    base = run(model.requires_grad_(False), x)
    model.add_adapter(case.config())
    wake(model)
    expected = run(model, x)
    model.save_pretrained(tmp_path)
    other: Any = case.model()
    torch.manual_seed(99)
    other.load_adapter(str(tmp_path), adapter_name="mine")
    assert torch.equal(run(other, x), expected)
    assert not torch.equal(expected, base)
    other.disable_adapters()
    assert torch.equal(run(other, x), base)
    other.enable_adapters()
    other.delete_adapter("mine")
    assert torch.equal(run(other, x), base)


@TRANSFORMERS
@pytest.mark.parametrize("reentrant", [True, False])
def test_transformers_gradient_checkpointing(name: str, reentrant: bool) -> None:
    case = CASES[name]
    x, model = case.batch(), case.adapted().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    plain = gradients(model, x)
    options = {"use_reentrant": reentrant}
    base = model.base_model.model
    base.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    x.requires_grad_()  # reentrant checkpoints see no gradient otherwise
    again = gradients(model, x)
    assert plain.keys() == again.keys() != set()
    for key, gradient in plain.items():
        torch.testing.assert_close(again[key], gradient, atol=1e-6, rtol=1e-5)


def gradients(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    model.zero_grad(set_to_none=True)
    first_output(model(x)).square().sum().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_inductor_gives_the_same_output() -> None:
    case = CASES["mlp"]
    x, model = case.batch(), case.adapted()
    torch.compiler.reset()
    # headers compiled ahead and instructions tried out pay for more than one small model
    with inductor.patch({"cpp_cache_precompile_headers": False, "cpp.vec_isa_ok": True}):
        compiled: Any = torch.compile(model, fullgraph=True)
        torch.testing.assert_close(run(compiled, x), run(model, x), atol=1e-5, rtol=1e-5)


ANOTHER = {
    "wider": lambda: nn.Sequential(nn.Linear(9, 4), nn.Linear(4, 4)),
    "another_output": lambda: nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 4)),
}


@pytest.mark.parametrize("other", ANOTHER)
def test_an_adapter_of_another_backbone_is_refused(other: str, tmp_path: Path) -> None:
    base = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 4))
    get_peft_model(base, MoLREConfig(target_modules=["0"])).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"^this adapter was trained on another backbone: at 0 "):
        PeftModel.from_pretrained(ANOTHER[other](), tmp_path)


def test_an_adapter_saved_with_the_head_of_another_list_of_findings_is_refused(
    tmp_path: Path,
) -> None:
    def model(findings: int) -> nn.Module:
        parts = {"body": nn.Linear(8, 4), "head": nn.Linear(4, findings)}
        return nn.Sequential(OrderedDict(parts))

    config = MoLREConfig(target_modules=["body"], modules_to_save=["head"])
    get_peft_model(model(3), config).save_pretrained(tmp_path)
    said = r"^this adapter was trained for another list of findings or classes: its head has "
    with pytest.raises(ValueError, match=said):
        PeftModel.from_pretrained(model(5), tmp_path)
    PeftModel.from_pretrained(model(3), tmp_path)


def test_an_adapter_of_a_deeper_backbone_is_refused(tmp_path: Path) -> None:
    deep = nn.ModuleDict({"0": nn.Linear(8, 4), "1": nn.Linear(4, 4)})
    get_peft_model(deep, MoLREConfig(target_modules=["0", "1"])).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"another backbone: it adapts 1, which this model lacks"):
        PeftModel.from_pretrained(nn.ModuleDict({"0": nn.Linear(8, 4)}), tmp_path)


@pytest.mark.parametrize("sizes", [{"r": 3}, {"num_experts": 2}, {"router_dim": 5}])
def test_an_adapter_of_another_size_over_one_of_that_name(sizes: dict, tmp_path: Path) -> None:
    case = CASES["mlp"]
    case.adapted(**sizes).save_pretrained(tmp_path)
    model = case.adapted()
    with pytest.raises(
        ValueError, match=r"differs in size \(r, .*under another adapter_name, or call"
    ):
        model.load_adapter(tmp_path, "default")
    model.load_adapter(tmp_path, "other")


def test_adapters_are_not_added_up_into_one() -> None:
    model = CASES["hf_vit"].adapted()
    with pytest.raises(
        ValueError, match=r"cannot be combined into one: each routes its input separately"
    ):
        model.add_weighted_adapter(["default"], [1.0], "sum")
