"""Which tokens of a layer's input are padding, so that no router looks at them.

A batch of items of unequal length is padded, and the model is told by a mask which tokens count.
Pooling over padding would make an item's gates depend on its batch. So the modules around an
adapted layer note the masks that they are given, and the layer asks the nearest one that takes a
mask: what its own attention may see is what its router may see. A mask that cannot be laid over the
layer's tokens, and hides some, is refused.

Masks of attention come as (batch, tokens), or (batch, heads or 1, queries, keys): bool or whole
numbers, true where a token counts; or floats that are added to the scores, very negative where it
does not. Names that end in ``padding_mask`` are torch's: true where a token is padding.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

MASKS = ("attention_mask", "attn_mask", "padding_mask", "pixel_mask", "patch_valid", "token_mask")
FOREIGN = ("encoder_", "memory_", "cross_")  # masks of what a decoder looks at, not of its tokens
KEYS_VALUES = {"k", "v", "kv", "k_proj", "v_proj", "key", "value", "to_k", "to_v", "to_kv"}
HIDDEN = -5000.0  # added to a score: below, the token is hidden; position biases stay far above


@dataclass
class MaskNote:
    """The masks that a module was given in one call."""

    given: dict[str, Tensor] = field(default_factory=dict)
    crossing: bool = False  # keys and values are of other tokens than queries
    opaque: bool = False  # a mask that is no tensor, such as flex attention's
    ahead: bool = False  # no token may see those after it


@dataclass
class Masks:
    """The masks that one module was last given; a forward pre-hook.

    Each thread has its own: nn.DataParallel runs copies of a module side by side that share their
    hooks, and a server may run one model for two requests at once. A thread that ran none, such as
    the one that runs a checkpointed block again, takes the latest of any.

    Args:
        names: of the positional parameters of its forward.
        takes: whether one of its parameters is a mask.
        attention: whether it is attention itself, and not a block or a model.
        layers: adapted layers under it that see the tokens of its whole input; of the outermost
            module only.
    """

    names: tuple[str, ...]
    takes: bool
    attention: bool
    layers: list[Any] = field(default_factory=list)
    latest: MaskNote = field(default_factory=MaskNote)
    compiled: bool = False  # a compiled graph knows no threads
    own: Any = field(default_factory=threading.local, repr=False, compare=False)
    nested: bool = False  # torch's encoder, told to leave nested tensors alone
    handle: Any = None

    def note(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Before the module runs."""
        said = dict(zip(self.names, args, strict=False)) | kwargs
        given = {
            name: value
            for name, value in said.items()
            if isinstance(value, Tensor) and (name.endswith(MASKS) or name == "mask")
        }
        opaque = any(
            name.endswith(MASKS) and value is not None and not isinstance(value, Tensor)
            for name, value in said.items()
        )
        others = said.get("key_value_states")
        if others is None and self.attention:
            others = said.get("encoder_hidden_states")
        ahead = any(said.get(name) is True for name in ("is_causal", "tgt_is_causal")) or any(
            _triangular(said.get(name)) for name in ("src_mask", "tgt_mask", "attn_mask")
        )
        self.latest = MaskNote(given, others is not None, opaque, ahead)
        if torch.compiler.is_compiling():
            self.compiled = True
        else:
            self.own.told = self.latest
        if self.layers:
            _refuse_unseen(said, given, self.layers)

    @property
    def told(self) -> MaskNote:
        """In the last call of this thread."""
        if torch.compiler.is_compiling() or self.compiled:
            return self.latest
        told: MaskNote = getattr(self.own, "told", self.latest)
        return told

    def __getstate__(self) -> dict[str, Any]:
        """Without what belongs to a thread, which is neither copied nor saved."""
        return {name: value for name, value in self.__dict__.items() if name != "own"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, own=threading.local())

    def of(self, leaf: str) -> list[tuple[str, Tensor]] | None:
        """The masks of the tokens that a layer called ``leaf`` sees; None where this is silent."""
        told = self.told
        own = [(n, m) for n, m in told.given.items() if not n.startswith(FOREIGN)]
        if told.crossing:
            if leaf not in KEYS_VALUES:
                return None
            return [(n, m) for n, m in told.given.items() if n.startswith(FOREIGN)] or own
        return own if own or (self.takes and not told.opaque) else None


def watch(model: nn.Module, key: str) -> list[Masks]:
    """Let the modules around a layer note their masks.

    The search ends at the model that the layer is of: a vision tower is told nothing by the mask
    of the text beside it.

    Args:
        model: the whole model.
        key: name of the layer.

    Returns:
        the nearest first.
    """
    found: list[Masks] = []
    config = None
    for name in _around(key):
        module = model.get_submodule(name)
        own = getattr(module, "config", None)
        if own is not None:
            if config is not None and own is not config:
                break
            config = own
        masks = _masks(module)
        if masks is not None:
            found.append(masks)
    return found


def _around(key: str) -> Iterator[str]:
    while key:
        key = key.rpartition(".")[0]
        yield key


def _masks(module: nn.Module) -> Masks | None:
    if "_molre_masks" in module.__dict__:
        masks: Masks = module.__dict__["_molre_masks"]
        return masks
    parameters = inspect.signature(module.forward).parameters.values()
    names = tuple(
        p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    )
    named = {p.name for p in parameters}
    takes = any(name.endswith(MASKS) and not name.startswith(FOREIGN) for name in named)
    if not takes and "mask" not in named and all(p.kind is not p.VAR_KEYWORD for p in parameters):
        return None
    masks = Masks(names, takes, "attention" in type(module).__name__.lower())
    masks.handle = module.register_forward_pre_hook(masks.note, with_kwargs=True)
    module.__dict__["_molre_masks"] = masks
    if isinstance(module, nn.TransformerEncoder) and module.use_nested_tensor:
        # its nested tensors are for fused kernels, which would pass over the adapted layers
        module.use_nested_tensor, masks.nested = False, True
    return masks


def unwatch(model: nn.Module) -> None:
    """Take all that :func:`watch` did off a model again."""
    for module in model.modules():
        masks = module.__dict__.pop("_molre_masks", None)
        if masks is not None:
            masks.handle.remove()
            if masks.nested and isinstance(module, nn.TransformerEncoder):
                module.use_nested_tensor = True


def valid_tokens(around: list[Masks], name: str, x: Tensor, mode: str) -> Tensor | None:
    """Which tokens of a layer's input count.

    Args:
        around: of :func:`watch`.
        name: of the layer.
        x: its input, (batch, tokens..., d).
        mode: ``mean`` or ``cls``, as in ``gate_mode``.

    Returns:
        bool (batch, tokens), or None where no mask is given.

    Raises:
        ValueError: if a mask hides tokens, and not these; or if it is causal, and a mean would look
            ahead.
    """
    if x.ndim < 3 or (x.ndim == 3 and x.shape[1] == 1):
        return None  # one token, such as a pooled one, is its own mean
    if mode == "mean" and any(masks.told.ahead for masks in around):
        raise ValueError(
            f"{name} is given a causal mask, and gate_mode='mean' would show each token the "
            "tokens after it: use gate_mode='token', or 'cls' for gates from the first token."
        )
    leaf = name.rpartition(".")[2]
    for masks in around:
        of_these = masks.of(leaf)
        if of_these is None:
            continue
        for mask_name, mask in of_these:
            valid = _valid(mask_name, mask, x)
            if valid is not None:
                return valid
        for mask_name, mask in of_these:
            _refuse_unmapped(name, mask_name, mask, x)
        return None
    return None


def _valid(name: str, mask: Tensor, x: Tensor) -> Tensor | None:
    """Bool (batch, tokens) of a mask; None where it is not of these tokens."""
    if x.ndim != 3 or mask.shape[-1] != x.shape[1] or mask.shape[0] not in (1, len(x)):
        return None
    if mask.ndim == 2 and name.endswith("attn_mask"):
        return None  # torch's (queries, keys), of no item
    if mask.ndim not in (2, 3, 4):
        return None
    keep = _keeps(name, mask)
    if mask.ndim > 2:  # a key that some query may see
        keep = keep.flatten(1, -2).any(1)
    return keep.expand(len(x), -1)


def _keeps(name: str, mask: Tensor) -> Tensor:
    if mask.is_floating_point():
        hides = (mask < 0).any() | (mask == 0).all()  # added to scores; else ones and zeros
        return torch.where(hides, mask > HIDDEN, mask != 0)
    return mask == 0 if name.endswith("padding_mask") else mask != 0


def _triangular(mask: Any) -> bool:
    """Whether torch's mask (queries, keys) hides what comes after, whichever way it says so."""
    if not isinstance(mask, Tensor) or mask.ndim != 2 or len(mask) < 2 or len(mask) != len(mask.T):
        return False
    later, earlier = mask[0, -1], mask[-1, 0]
    if mask.is_floating_point():
        return bool((later < HIDDEN) & (earlier > HIDDEN))
    return bool(later != earlier)


def _refuse_unmapped(layer: str, name: str, mask: Tensor, x: Tensor) -> None:
    if name.endswith("attn_mask") and mask.ndim < 3:
        return
    keep = _keeps(name, mask)
    if mask.ndim > 2 and not name.endswith("pixel_mask"):
        keep = keep.flatten(1, -2).any(1)
    if not keep.all():
        raise ValueError(
            f"{layer} got {tuple(x.shape)}, and {name} of shape {tuple(mask.shape)} hides tokens "
            "that cannot be identified there, so its gates would depend on the padding: "
            "use gate_mode='token', or batches without padding."
        )


def _refuse_unseen(said: dict[str, Any], given: dict[str, Tensor], layers: list[Any]) -> None:
    """Inputs of which one set of gates an item makes no sense, and names that nothing reads."""
    if said.get("adapter_names") is not None:
        raise ValueError(
            "adapter_names is read by peft's own model, not by the model inside it: adapt with "
            "get_peft_model and call what it returns."
        )
    pooling = [layer for layer in layers if layer.pools()]
    if not pooling:
        return
    if _packed(said, given):
        raise ValueError(
            "several sequences are packed into one row here (position_ids restart), and they would "
            "all share one set of gates: use gate_mode='token', or pad instead."
        )
    if any(layer.causal for layer in pooling) and _cached(said.get("past_key_values")):
        raise ValueError(
            f"{pooling[0].name} sees only the newest token when keys and values are cached, and "
            "gate_mode='cls' needs the first: generate with use_cache=False, or use "
            "gate_mode='token'."
        )


def _packed(said: dict[str, Any], given: dict[str, Tensor]) -> bool:
    if said.get("cu_seq_lens_q") is not None:
        return True
    positions = said.get("position_ids")
    if not isinstance(positions, Tensor) or positions.ndim != 2 or positions.is_floating_point():
        return False
    back = (positions[:, 1:] < positions[:, :-1]) & (positions[:, 1:] == 0)
    mask = given.get("attention_mask")
    if mask is not None and mask.shape == positions.shape:
        back = back & (mask[:, 1:] != 0) & (mask[:, :-1] != 0)  # left padding has positions, too
    return bool(back.any())


def _cached(cache: Any) -> bool:
    if cache is None:
        return False
    if hasattr(cache, "get_seq_length"):
        return int(cache.get_seq_length()) > 0
    return bool(len(cache))
