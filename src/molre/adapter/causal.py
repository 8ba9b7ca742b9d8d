"""Layers of causal decoders, whose tokens must not see the tokens after them.

One set of gates for a whole sequence (``gate_mode='mean'``) is made from all its tokens, so it
would show each token those that come later. A decoder is known by what transformers says of it
(``is_causal`` of its attention, ``is_decoder`` of its configuration, its class, its model type), or
by the task that peft is told.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from torch import nn

from molre.adapter.budget import block_of
from molre.adapter.padding import KEYS_VALUES

_LANGUAGE_MODEL = re.compile(r"(ForCausalLM|LMHeadModel|DoubleHeadsModel)$")
_CAUSAL_ATTENTION = re.compile(r"Causal\w*Attention")
_SEEN_WHOLE = re.compile(r"For(SequenceClassification|ImageClassification)$")
_TEXT_TOWER = re.compile(r"^CLIPText")  # its attention says is_causal=False, and masks causally
_PERCEPTION = re.compile(r"(^|\.)\w*(vision|visual|image|audio)\w*(\.|$)", re.IGNORECASE)
_CROSS = re.compile(r"cross|encoder_attn|EncDecAttention", re.IGNORECASE)
_EITHER_WAY = {"xlnet"}  # a language model whose attention is not causal when it encodes


def check_causal(model: nn.Module, key: str, gate_mode: str, task: object) -> None:
    """Refuse a target whose gates would look ahead.

    Args:
        model: the model that holds it.
        key: the target's name.
        gate_mode: only ``mean`` looks ahead.
        task: peft's ``task_type``, or None.

    Raises:
        ValueError: naming the target and the modes that do not.
    """
    if gate_mode == "mean" and is_causal(model, key, task):
        raise ValueError(
            f"{key} is part of a causal decoder, where gate_mode='mean' would show each token "
            "the tokens after it: use gate_mode='token', or 'cls' for gates from the first token."
        )


def is_causal(model: nn.Module, key: str, task: object = None) -> bool:
    """Whether a layer's tokens must not know of those after them.

    A sequence classifier reads out one answer after the last token, and there nothing is ahead.

    Args:
        model: the model that holds it.
        key: the layer's name.
        task: peft's ``task_type``, or None.
    """
    parts = key.split(".")
    around = [model.get_submodule(".".join(parts[:i])) for i in range(len(parts))]
    if any(_SEEN_WHOLE.search(type(module).__name__) for module in around):
        return False
    if parts[-1] in KEYS_VALUES and any(_CROSS.search(part) for part in parts):
        return False  # tokens of the encoder
    if any(_TEXT_TOWER.search(type(module).__name__) for module in around):
        return True
    block = block_of(model, key)
    if block is None and _PERCEPTION.search(key):
        return False
    said = _attention_says(model.get_submodule(block or key.rpartition(".")[0]))
    config = next((m.config for m in reversed(around) if getattr(m, "config", None)), None)
    if said or getattr(config, "is_decoder", False) is True:
        return True
    if _PERCEPTION.search(key.rpartition(".")[0]):
        return False
    named = any(_LANGUAGE_MODEL.search(type(module).__name__) for module in around)
    named = named or _task(task) == "CAUSAL_LM"
    return named or (said is None and _decoder_type(config))


def _attention_says(holder: nn.Module) -> bool | None:
    """Whether attention within a module is causal; None where none says."""
    modules = list(holder.modules())
    if any(_CAUSAL_ATTENTION.search(type(m).__name__) for m in modules):
        return True
    flags = [m.is_causal for m in modules if isinstance(getattr(m, "is_causal", None), bool)]
    return any(flags) if flags else None


def _task(task: object) -> str:
    return str(getattr(task, "value", task))


def _decoder_type(config: Any) -> bool:
    """A model type that transformers knows as a causal language model and nothing else."""
    kind = getattr(config, "model_type", None)
    if not kind or kind in _EITHER_WAY or getattr(config, "is_encoder_decoder", False):
        return False
    known = sys.modules.get("transformers.models.auto.modeling_auto")
    if known is None:
        return False
    tasks = ("CAUSAL_LM", "CAUSAL_IMAGE_MODELING", "MASKED_LM")
    text, image, masked = (getattr(known, f"MODEL_FOR_{t}_MAPPING_NAMES", {}) for t in tasks)
    return kind not in masked and (kind in text or kind in image)
