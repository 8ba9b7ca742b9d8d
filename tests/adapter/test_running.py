"""An adapter is accepted only where a forward pass was seen to call every adapted layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from peft import LoHaConfig, LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional

from molre.adapter import MoLREConfig, check_runs, gates
from tests.helpers.adapter.models import CASES, ROWS, Case, small_timm
from tests.helpers.adapter.small import Mlp

SIZES: dict[str, Any] = {"r": 2, "num_experts": 3, "router_dim": 4}
CONFIGS: dict[str, Callable[[list[str]], Any]] = {
    "molre": lambda names: MoLREConfig(target_modules=names, **SIZES),
    "lora": lambda names: LoraConfig(target_modules=names),
    "loha": lambda names: LoHaConfig(target_modules=names),
}


def eva() -> nn.Module:
    """Biases of its own for q and v, so it reads ``qkv.weight``."""
    return small_timm("eva02_tiny_patch14_224", swiglu_mlp=False, scale_mlp=False)


def beit() -> nn.Module:
    return timm.models.beit.Beit(16, 8, embed_dim=16, depth=2, num_heads=2, num_classes=0)


class Reading(nn.Module):
    """Every way in which a model passes over its own layers, one a name."""

    def __init__(self) -> None:
        super().__init__()
        self.called = nn.Linear(8, 8)
        self.read = nn.Linear(8, 8)
        self.kernel = nn.Conv1d(8, 8, 1)
        self.plain_only = nn.Linear(8, 8)
        self.training_only = nn.Linear(8, 8)
        self.unused = nn.Linear(8, 8)
        self.thrown_away = nn.Linear(8, 8)
        self.cut_off = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.called(x)
        x = functional.linear(x, self.read.weight, self.read.bias)
        x = functional.conv1d(x.mT, self.kernel.weight).mT
        if type(self.plain_only) is nn.Linear:
            x = self.plain_only(x)
        if self.training:
            x = self.training_only(x)
        self.thrown_away(x)
        return x + self.cut_off(x).detach()


IDLE = ["read", "kernel", "plain_only", "training_only", "unused"]
UNREACHED = ["thrown_away", "cut_off"]


@pytest.mark.parametrize("method", ["molre", "lora"])
@pytest.mark.parametrize("name", [*IDLE, *UNREACHED])
@pytest.mark.parametrize("training", [True, False])
def test_a_layer_that_does_nothing_is_named(method: str, name: str, training: bool) -> None:
    model = get_peft_model(Reading(), CONFIGS[method](["called", name])).train(training)
    said = "never ran" if name in IDLE else "no gradient reaches"
    with pytest.raises(ValueError, match=rf"^{name} .*{said}.*exclude_modules"):
        check_runs(model, torch.randn(1, 3, 8))
    check_runs(get_peft_model(Reading(), CONFIGS[method](["called"])), torch.randn(1, 3, 8))


@pytest.mark.parametrize("method", CONFIGS)
@pytest.mark.parametrize("make", [eva, beit])
def test_attention_that_reads_its_weights_is_named(method: str, make: Any) -> None:
    x = torch.randn(1, 3, 16, 16)
    if method != "molre" or make is eva:
        model: Any = get_peft_model(make(), CONFIGS[method](["qkv"])).eval()
        with pytest.raises(
            ValueError, match=r"^blocks\.0\.attn\.qkv, .* does not call qkv, it rea"
        ):
            check_runs(model, x)
    check_runs(get_peft_model(make(), CONFIGS[method](["fc1", "fc2"])), x)


def test_reading_the_gates_of_such_a_model_says_it_too() -> None:
    x = torch.randn(1, 3, 16, 16)
    model = get_peft_model(eva(), CONFIGS["molre"](["qkv"])).eval()
    with pytest.raises(ValueError, match=r"qkv never ran|never ran \(2 of 2 adapted layers\)"):
        gates(model, x)
    some = get_peft_model(eva(), CONFIGS["molre"](["qkv", "fc1"])).eval()
    with pytest.raises(ValueError, match=r"never ran \(2 of 4 adapted layers\)"):
        gates(some, x)
    assert len(gates(get_peft_model(eva(), CONFIGS["molre"](["fc1"])).eval(), x)) == 2


class Towers(nn.Module):
    """Two parts, of which an input may need one."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = Mlp(), Mlp()

    def forward(self, image: Tensor | None = None, text: Tensor | None = None) -> Tensor:
        outs = [self.image(image)] if image is not None else []
        return sum(outs + ([self.text(text)] if text is not None else []))  # type: ignore[return-value]


def test_a_part_that_is_not_asked_has_no_gates_and_is_no_fault() -> None:
    model = get_peft_model(Towers(), CONFIGS["molre"](["first", "second"])).eval()
    read = gates(model, image=torch.randn(2, 8))
    assert [name.split(".")[2] for name in read] == ["image", "image"]
    with pytest.raises(ValueError, match=r"text\.first, text\.second never ran \(2 of 4"):
        check_runs(model, image=torch.randn(2, 8))
    check_runs(model, image=torch.randn(2, 8), text=torch.randn(2, 8))


@pytest.mark.parametrize("case", ROWS)
def test_every_family_runs_and_is_left_as_it_was(case: Case) -> None:
    model, x = case.adapted().train(), case.batch()
    modes = {name: module.training for name, module in model.named_modules()}
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    check_runs(model, x)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not any("forward" in module.__dict__ for module in model.modules())


def test_compiled_models_are_looked_at_beneath() -> None:
    model = CASES["mlp"].adapted()
    compiled: Any = torch.compile(model, backend="aot_eager")
    x = CASES["mlp"].batch()
    check_runs(compiled, x)
    assert all(torch.equal(a, gates(model, x)[n]) for n, a in gates(compiled, x).items())


def test_torchs_fused_encoder_runs_what_is_adapted() -> None:
    """In evaluation it hands its weights to one kernel, unless something is hooked to it."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    x = torch.randn(2, 5, 8)
    lora = get_peft_model(layer, CONFIGS["lora"](["linear1", "linear2"])).eval()
    with pytest.raises(ValueError, match=r"^linear1, linear2 never ran .* TransformerEncoderLayer"):
        check_runs(lora, x)
    names, options = ["linear1", "linear2"], {"init_weights": False, **SIZES}
    model = get_peft_model(lora.unload(), MoLREConfig(target_modules=names, **options)).eval()
    check_runs(model, x)
    with torch.no_grad():
        adapted = model(x)
        with model.disable_adapter():
            assert not torch.allclose(adapted, model(x), atol=1e-3)


def test_nothing_to_look_at_is_said() -> None:
    with pytest.raises(ValueError, match="no layer of this model has an active adapter"):
        check_runs(Mlp(), torch.randn(1, 8))


def test_disabled_adapters_do_not_run_and_merged_ones_do_not_train() -> None:
    options = {"fixed_gates": [0.2, 0.3, 0.5], "init_weights": False, **SIZES}
    model = get_peft_model(Mlp(), MoLREConfig(target_modules=["first"], **options))
    x = torch.randn(1, 8)
    with model.disable_adapter(), pytest.raises(ValueError, match="has an active adapter"):
        check_runs(model, x)
    model.merge_adapter()
    check_runs(model, x)


class Torch(nn.Module):
    """torch's attention, whose output projection is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x)[0]


def test_pefts_own_lora_of_torchs_attention_runs_and_one_of_its_projection_does_not() -> None:
    x = torch.randn(1, 4, 8)
    check_runs(get_peft_model(Torch(), LoraConfig(target_modules=["attention"])), x)
    with pytest.raises(ValueError, match=r"^attention\.out_proj never ran"):
        check_runs(get_peft_model(Torch(), LoraConfig(target_modules=["out_proj"])), x)
