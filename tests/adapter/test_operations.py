"""Models by operations: what peft promises of an adapter holds for MoLRE on every family.

Every test runs on every row of :mod:`tests.adapter.models`.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import get_peft_model, inject_adapter_in_model
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.helpers.adapter.models import ROWS, Case, first_output, wrapped
from tests.helpers.adapter.small import wake

pytestmark = pytest.mark.parametrize("case", ROWS)


def run(model: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return first_output(model(x))


def trainable(model: nn.Module) -> set[str]:
    return {name for name, p in model.named_parameters() if p.requires_grad}


def test_starts_bit_equal_and_wraps_as_many_modules_as_stated(case: Case) -> None:
    x, base = case.batch(), run(case.model().requires_grad_(False), case.batch())
    adapted = case.model()
    inject_adapter_in_model(case.config(init_weights=True), adapted)
    assert len(wrapped(adapted)) == case.wrapped
    assert torch.equal(run(adapted, x), base)


def test_only_the_adapter_trains(case: Case) -> None:
    model = case.adapted()
    assert trainable(model) == {n for n, _ in model.named_parameters() if "molre_" in n}
    first_output(model(case.batch())).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == ("molre_" in name), name


def test_two_adapters_and_several_active(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    one = run(model, x)
    model.add_adapter("other", case.config(r=3, num_experts=2, alpha=5.0))
    assert torch.equal(run(model, x), one)  # added, not active
    model.set_adapter("other")
    wake(model, seed=3)
    other = run(model, x)
    model.set_adapter("default")
    one = run(model, x)
    model.base_model.set_adapter(["default", "other"])
    both = run(model, x)
    model.base_model.set_adapter(["other", "default"])
    torch.testing.assert_close(run(model, x), both, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(one, other, atol=1e-4)
    assert not torch.allclose(both, one, atol=1e-4)
    assert not torch.allclose(both, other, atol=1e-4)
    assert all(".default." in n or ".other." in n for n in trainable(model))
    model.set_adapter("other")
    assert torch.equal(run(model, x), other)
    assert all(".other." in name for name in trainable(model))


def test_disable_adapter_is_the_base_model(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    base, out = run(case.model().requires_grad_(False), x), run(model, x)
    assert not torch.allclose(out, base, atol=1e-4)
    with model.disable_adapter():
        assert torch.equal(run(model, x), base)
    assert torch.equal(run(model, x), out)


def test_delete_adapter_leaves_the_other_alone(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    model.add_adapter("other", case.config())
    wake(model, seed=3)
    one = run(model, x)
    model.delete_adapter("other")
    assert torch.equal(run(model, x), one)
    assert not any("other" in name for name in model.state_dict())
    assert all("other" not in model.get_submodule(n).configs for n in wrapped(model))


def test_unload_gives_the_base_model_back(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    plain = model.unload()
    assert not wrapped(plain)
    assert plain.state_dict().keys() == case.model().state_dict().keys()
    assert torch.equal(run(plain, x), run(case.model().requires_grad_(False), x))


def test_merge_is_refused(case: Case) -> None:
    model = case.adapted()
    before = {n: v.clone() for n, v in model.state_dict().items()}
    with pytest.raises(ValueError, match="cannot be merged"):
        model.merge_and_unload()
    assert all(torch.equal(v, model.state_dict()[n]) for n, v in before.items())


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_gives_equal_gradients(case: Case, reentrant: bool) -> None:
    x, model = case.batch().requires_grad_(), case.adapted().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout) or "DropPath" in type(module).__name__:
            module.eval()
    plain = gradients(model, first_output(model(x)))
    again = gradients(
        model, checkpoint(lambda y: first_output(model(y)), x, use_reentrant=reentrant)
    )
    assert plain.keys() == again.keys() == trainable(model)
    for name, gradient in plain.items():
        torch.testing.assert_close(again[name], gradient, atol=1e-6, rtol=1e-5)


def gradients(model: nn.Module, out: Tensor) -> dict[str, Tensor]:
    model.zero_grad(set_to_none=True)
    out.square().sum().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_compiles_without_a_graph_break(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    torch.compiler.reset()
    compiled: Any = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(run(compiled, x), run(model, x), atol=1e-5, rtol=1e-5)


def test_autocast_keeps_the_adapter_in_float32(case: Case) -> None:
    x, model = case.batch(), case.adapted()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = first_output(model(x))
        out.float().square().mean().backward()
    for name, parameter in model.named_parameters():
        if "molre_" in name:
            assert parameter.dtype == parameter.grad.dtype == torch.float32
    precise = run(model, x)
    error = (out.float() - precise).abs().mean() / precise.abs().mean()
    assert error < 0.1


@pytest.mark.parametrize(("dtype", "upcast"), [(torch.float16, True), (torch.bfloat16, False)])
def test_half_precision_weights(case: Case, dtype: torch.dtype, upcast: bool) -> None:
    config, x = case.config(), case.batch()
    model = wake(get_peft_model(case.model().to(dtype), config, autocast_adapter_dtype=upcast))
    wanted = torch.float32 if upcast else dtype
    assert {p.dtype for n, p in model.named_parameters() if "molre_" in n} == {wanted}
    out = first_output(model(x.to(dtype)))
    assert out.dtype == dtype
    assert torch.isfinite(out).all()
    with model.disable_adapter():
        assert not torch.equal(first_output(model(x.to(dtype))), out)
    out.float().square().mean().backward()
