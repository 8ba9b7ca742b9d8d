"""Text models of a few thousand parameters, for tests of what a token may see."""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn

from tests.helpers.adapter import small

SIZES: dict[str, Any] = {**small.SIZES, "init_weights": False}
TEXT: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
T5: dict[str, Any] = {
    "vocab_size": 40, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2,
}  # fmt: skip


def bert(**options: Any) -> nn.Module:
    return transformers.BertModel(transformers.BertConfig(**TEXT, **options))
