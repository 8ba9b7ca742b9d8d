"""Did the adapters run? A layer can be wrapped and never be called.

Some attention reads its projection's weight (``F.linear(x, self.qkv.weight)``: timm's EvaAttention,
torch's nn.MultiheadAttention) or hands all weights to one fused kernel (torch's
nn.TransformerEncoderLayer in evaluation). An adapter on such a layer trains nothing,
silently. So an adapted model is run once, and each adapted layer has to be seen running.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn


def check_runs(model: nn.Module, *args: Any, **kwargs: Any) -> None:
    """Run a model once, in evaluation mode, and see every adapted layer at work.

    It works for every method of peft. Each layer with an active adapter must be called, and where
    the adapter trains, a gradient must reach it.

    Args:
        model: an adapted model; it is left as it was.
        args: what the model is called with, such as a batch of one.
        kwargs: the same.

    Raises:
        ValueError: naming the layers that do nothing, what holds them and what to do.
    """
    whole: Any = getattr(model, "_orig_mod", model)  # compiled or not, the layers are the same
    check(whole, partial(whole, *args, **kwargs))


def check(model: nn.Module, run: Callable[[], Any]) -> None:
    """As :func:`check_runs`, for a model that is run in another way than by calling it.

    Args:
        model: holds the adapted layers.
        run: runs it and gives its output.
    """
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        # peft's LoRA of an nn.MultiheadAttention holds one of its out_proj, and adds it up itself
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if _active(module) and not inside:
            found[name] = module
    if not found:
        raise ValueError("no layer of this model has an active adapter: nothing would be adapted.")
    with _evaluating(model):
        with counting(found) as calls, torch.no_grad():
            run()
        idle = [name for name in found if not calls[name]]
        if idle:
            raise never_called(model, idle, len(found))
        idle = _unreached(found, run)
    if idle:
        raise ValueError(
            f"{_some(idle)} of this model ran, but no gradient reaches the adapter from the "
            "model's output, so it would not train: adapt other layers (exclude_modules)."
        )


def never_called(model: nn.Module, idle: list[str], count: int) -> ValueError:
    """What to say of adapted layers that did not run.

    Args:
        model: holds them.
        idle: their names.
        count: of all adapted layers.
    """
    kind = type(model.get_submodule(idle[0].rpartition(".")[0])).__name__
    leaf = idle[0].rpartition(".")[2]
    return ValueError(
        f"{_some(idle)} never ran ({len(idle)} of {count} adapted layers): {kind} does not call "
        f"{leaf}, it reads {leaf}.weight directly or skips it, so an adapter there does "
        f"nothing. Add it to exclude_modules and adapt layers that are called, such as proj or "
        "the MLPs."
    )


@contextmanager
def counting(found: Mapping[str, nn.Module]) -> Iterator[dict[str, int]]:
    """Count how often modules are called, while open.

    Their ``forward`` is replaced. Hooks would be simpler, but torch's fused kernels step aside
    where a hook is set, and a layer would run because it is looked at.

    Args:
        found: modules by name.
    """
    calls = dict.fromkeys(found, 0)
    own: dict[str, Any] = {name: m.__dict__.get("forward") for name, m in found.items()}

    def called(name: str, forward: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        calls[name] += 1
        return forward(*args, **kwargs)

    for name, module in found.items():
        module.forward = partial(called, name, module.forward)
    try:
        yield calls
    finally:
        for name, module in found.items():
            if own[name] is None:
                del module.forward
            else:
                module.forward = own[name]


def _active(module: nn.Module) -> bool:
    if not isinstance(module, BaseTunerLayer) or module.disable_adapters:
        return False
    return bool(set(module.active_adapters) & set(module._all_available_adapter_names()))


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _unreached(found: Mapping[str, nn.Module], run: Callable[[], Any]) -> list[str]:
    """Layers whose adapter trains and is not reached by a gradient."""
    weights = {name: _trained(module) for name, module in found.items()}
    flat = [p for some in weights.values() for p in some]
    if not flat:
        return []  # loaded to be used, not trained
    with torch.enable_grad():
        out = [t.float().sum() for t in _tensors(run()) if t.requires_grad]
        if not out:
            return [name for name, some in weights.items() if some]
        gradients = torch.autograd.grad(torch.stack(out).sum(), flat, allow_unused=True)
    reached = {id(p) for p, g in zip(flat, gradients, strict=True) if g is not None}
    return [n for n, some in weights.items() if some and not any(id(p) in reached for p in some)]


def _trained(module: nn.Module) -> list[nn.Parameter]:
    assert isinstance(module, BaseTunerLayer)
    if module.merged:
        return []
    ours = tuple(f"{name}." for name in module.adapter_layer_names)
    return [p for n, p in module.named_parameters() if p.requires_grad and n.startswith(ours)]


def _tensors(output: Any) -> Iterator[Tensor]:
    """The floating tensors of an output, however it holds them."""
    if isinstance(output, Tensor):
        if output.is_floating_point():
            yield output
        return
    if dataclasses.is_dataclass(output) and not isinstance(output, Mapping):
        output = vars(output)
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, (list, tuple)):
        for part in output:
            yield from _tensors(part)


def _some(names: list[str]) -> str:
    shown = [name.removeprefix("base_model.model.") for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
