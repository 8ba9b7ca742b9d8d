"""MoLRE for ``peft.get_peft_model``: which modules are wrapped, by what, and what is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from peft.tuners.tuners_utils import BaseTuner, _maybe_include_all_linear_layers
from peft.utils import register_peft_method, resolve_quantization_backend
from torch import Size, Tensor, nn

from molre.adapter.budget import Placement, place
from molre.adapter.causal import check_causal, is_causal
from molre.adapter.config import MoLREConfig
from molre.adapter.layer import Convolution, Linear, MoLRELayer, merge_refusal
from molre.adapter.mixed_batch import naming
from molre.adapter.padding import unwatch, watch
from molre.adapter.sharing import check_mergeable, everywhere
from molre.adapter.windows import check_target

# Query and value projections as vision and language models name them; the first row that a model
# has is taken. The last two are fused projections.
_QUERY_AND_VALUE = (
    ("q_proj", "v_proj"),
    ("query", "value"),
    ("to_q", "to_v"),
    ("q", "v"),
    ("qkv",),
    ("c_attn",),
)


class MoLREModel(BaseTuner):
    """A model with MoLRE layers; made by ``peft.get_peft_model(model, MoLREConfig(...))``.

    Attributes:
        placements: for adapters with a ``budget``, what it allowed.
    """

    prefix = "molre_"
    tuner_layer_cls = MoLRELayer
    target_module_mapping = {}  # noqa: RUF012 - peft wants one; _QUERY_AND_VALUE is used

    placements: dict[str, Placement]

    def _prepare_adapter_config(self, peft_config: Any, model_config: dict) -> Any:
        return peft_config  # the targets are settled in _prepare_model, which sees the model

    def _prepare_model(self, peft_config: Any, model: nn.Module) -> None:
        if peft_config.target_modules is None:
            peft_config.target_modules = _query_and_value(model)
        adapter = next(name for name, c in self.peft_config.items() if c is peft_config)
        if "placements" not in self.__dict__:
            self.placements = {}
        targets = self._targets(peft_config, model)
        # gates that are fixed look at nothing, so neither ahead nor past an item
        mode = peft_config.gate_mode if peft_config.fixed_gates is None else "token"
        for target in targets:
            check_target(model, target, mode)
            check_causal(model, target, mode, peft_config.task_type)
        if peft_config.budget is not None:
            placement = place(model, targets, peft_config)
            self.placements[adapter] = placement
            peft_config.target_modules = set(placement.targets)
            peft_config.layers_to_transform = peft_config.layers_pattern = None

    def _targets(self, config: Any, model: nn.Module) -> list[str]:
        config = _maybe_include_all_linear_layers(config, model)
        inside = tuple(n + "." for n, m in model.named_modules() if isinstance(m, MoLRELayer))
        names = [n for n, _ in model.named_modules() if n and not n.startswith(inside)]
        targets = [n for n in names if self._check_target_module_exists(config, n)]
        if not targets and config.layers_to_transform is not None and not config.layers_pattern:
            # peft finds no list of blocks that is a child of the model itself, unless it is named
            config.layers_pattern = sorted(n for n, m in model.named_children() if _numbered(m))
            targets = [n for n in names if self._check_target_module_exists(config, n)]
        if (
            not targets
            and config.target_modules
            and config.target_modules != "dummy-target-modules"
        ):
            raise ValueError(_no_match(config, names))
        return targets

    def _create_and_replace(
        self,
        peft_config: Any,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        if isinstance(target, MoLRELayer):
            target.update_layer(adapter_name, peft_config)
            return
        layer = _wrapper(target)(target, current_key, adapter_name, peft_config)
        layer.quantization_backend = resolve_quantization_backend(
            target, get_apply_tensor_subclass=None
        )
        layer.causal = is_causal(self.model, current_key, peft_config.task_type)
        layer.around = watch(self.model, current_key)
        if layer.around:
            layer.around[-1].layers.append(layer)
        if adapter_name not in self.active_adapters:
            layer.requires_grad_(False)
        self._replace_module(parent, target_name, layer, target)
        everywhere(self.model, target, layer)

    @classmethod
    def _remap_adapter_state_dict_for_load(
        cls, model: nn.Module, config: Any, adapter_name: str, state_dict: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        mapped: dict[str, Tensor] = super()._remap_adapter_state_dict_for_load(
            model, config, adapter_name, state_dict
        )
        _check_same_backbone(model.state_dict(), mapped)
        return mapped

    def merge_adapter(
        self, adapter_names: list[str] | None = None, safe_merge: bool = False
    ) -> None:
        """Merge adapters with fixed gates into the base weights.

        Raises:
            ValueError: if an adapter routes its input; nothing is changed then.
        """
        self._refuse_routed(adapter_names)
        check_mergeable(self.model)
        super().merge_adapter(adapter_names, safe_merge)

    def _unload_and_optionally_merge(
        self,
        merge: bool = True,
        progressbar: bool = False,
        safe_merge: bool = False,
        adapter_names: list[str] | None = None,
    ) -> Any:
        if merge:
            self._refuse_routed(adapter_names)
            check_mergeable(self.model)
        adapted = [m for m in self.model.modules() if isinstance(m, MoLRELayer)]
        model: Any = super()._unload_and_optionally_merge(
            merge, progressbar, safe_merge, adapter_names
        )
        for layer in adapted:
            everywhere(model, layer, layer.get_base_layer())
        unwatch(model)
        return model

    def add_weighted_adapter(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what LoRA does under this name.

        Raises:
            ValueError: always, saying what to do instead.
        """
        raise ValueError(
            "MoLRE adapters cannot be combined into one: each routes its input separately, so "
            "no weighted sum of their weights is equivalent. Use them together (base_model."
            'set_adapter(["a", "b"])), or one per item (adapter_names=[...]).'
        )

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Let each item of a batch have its own adapter: peft's ``adapter_names``."""
        with naming(self, kwargs.get("adapter_names"), kwargs.get("num_beams")):
            yield

    def _refuse_routed(self, adapter_names: list[str] | None) -> None:
        for name in adapter_names or self.active_adapters:
            if getattr(self.peft_config.get(name), "fixed_gates", True) is None:
                raise merge_refusal(name)


def _check_same_backbone(own: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    """Refuse an adapter whose layers, or whose saved head, this model has in another size."""
    for key, value in saved.items():
        if ".molre_" not in key:
            _check_same_head(key, own.get(key, value).shape, value.shape)
            continue
        layer = key.partition(".molre_")[0].removeprefix("base_model.model.")
        if key not in own:
            raise ValueError(
                f"this adapter was trained on another backbone: it adapts {layer}, which this "
                "model lacks. Load it onto the model that it was trained on."
            )
        if own[key].shape == value.shape:
            continue
        if _of_other_sizes(key, own[key].shape, value.shape):
            raise ValueError(
                f"the adapter being loaded differs in size (r, num_experts or router_dim) from "
                f"the one of that name in this model: at {layer} its weight has shape "
                f"{tuple(value.shape)}, not {tuple(own[key].shape)}. Load it under another "
                "adapter_name, or call delete_adapter first."
            )
        raise ValueError(
            f"this adapter was trained on another backbone: at {layer} its weight has shape "
            f"{tuple(value.shape)}, and this model needs {tuple(own[key].shape)}. Load it onto "
            "the model that it was trained on."
        )


def _of_other_sizes(key: str, own: Size, saved: Size) -> bool:
    """Whether a weight differs only in what the configuration sets, and not in the base layer."""
    kind = key.partition(".molre_")[2].partition(".")[0]
    base = {"A": slice(1, None), "B": slice(0, 1), "router_in": slice(1, None)}
    kept = base.get(kind, slice(0, 0))  # the router's last layer knows nothing of the base layer
    return own[kept] == saved[kept]


def _check_same_head(key: str, own: Size, saved: Size) -> None:
    """A module of ``modules_to_save``, usually the head."""
    if own != saved:
        module = key.partition(".modules_to_save.")[0].removeprefix("base_model.model.")
        raise ValueError(
            f"this adapter was trained for another list of findings or classes: its {module} has "
            f"shape {tuple(saved)}, and this model needs {tuple(own)}. Load it onto a model with a "
            "head of the same list."
        )


def _wrapper(target: nn.Module) -> type[MoLRELayer]:
    if isinstance(target, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return Convolution
    if isinstance(target, nn.Linear) or type(target).__name__ == "Conv1D":
        return Linear
    if hasattr(target, "in_features") and hasattr(target, "out_features"):
        return Linear  # a quantised layer that is no subclass of nn.Linear
    raise ValueError(
        f"MoLRE adapts linear layers and 1D to 3D convolutions, not {type(target).__name__}: "
        "leave it out of target_modules."
    )


def _query_and_value(model: nn.Module) -> set[str]:
    ends = {name.rsplit(".", 1)[-1] for name, m in model.named_modules() if _adaptable(m)}
    for row in _QUERY_AND_VALUE:
        if set(row) <= ends:
            return set(row)
    raise ValueError(
        "MoLRE does not recognize this model's query and value projections: give "
        "target_modules. Its layer names end in "
        f"{', '.join(sorted(ends)) or 'nothing that can be adapted'}."
    )


def _adaptable(module: nn.Module) -> bool:
    with suppress(ValueError):
        return bool(_wrapper(module))
    return False


def _numbered(module: nn.Module) -> bool:
    names = [name for name, _ in module.named_children()]
    return bool(names) and all(name.isdigit() for name in names)


def _no_match(config: Any, names: list[str]) -> str:
    wanted = config.target_modules
    if isinstance(wanted, str):
        return f"target_modules={wanted!r} matches no module of this model as a whole name."
    ends = sorted({name.rsplit(".", 1)[-1] for name in names})
    if set(wanted) & set(ends) and config.layers_to_transform is not None:
        return (
            f"target_modules={sorted(wanted)} matches no module in the blocks "
            f"{config.layers_to_transform}: check layers_to_transform and layers_pattern."
        )
    near = sorted({n for w in wanted for n in difflib.get_close_matches(w, ends, n=3, cutoff=0.4)})
    hint = (
        f" Similar names: {', '.join(near)}." if near else f" Layer names end in {', '.join(ends)}."
    )
    return f"target_modules={sorted(wanted)} matches no module of this model.{hint}"


register_peft_method(name="molre", config_cls=MoLREConfig, model_cls=MoLREModel)
