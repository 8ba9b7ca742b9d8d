"""peft's X-LoRA on a vision transformer, for comparison; nothing but the benchmark uses it.

X-LoRA is made for causal language models. Three things stand between it and a ViT in peft 0.21.2:
it loads its experts from disk, it looks for its layers below an attribute ``model``, and it asks
``inputs_embeds`` for the length of the sequence. Its scalings are for each token and each layer, from
a classifier of one hidden layer, as wide as MoLRE's router, on the last hidden state of a pass
without experts. The experts train here, as MoLRE's do.
"""

from __future__ import annotations

import copy
import tempfile
from typing import Any

from peft import LoraConfig, XLoraConfig, get_peft_model
from torch import Tensor, nn


class XLora(nn.Module):
    """X-LoRA around a transformers ViT.

    Args:
        network: a ViTModel, changed in place.
        targets: names of the layers to adapt.
        experts: how many LoRA.
        rank: of each.
    """

    def __init__(self, network: nn.Module, targets: list[str], experts: int, rank: int):
        super().__init__()
        tokens = 1 + (network.config.image_size // network.config.patch_size) ** 2
        self.sequence = (tokens, 0)
        shaped = _CausalShaped(network)
        lora = LoraConfig(r=rank, target_modules=targets, init_lora_weights=False)
        with tempfile.TemporaryDirectory() as folder:  # its experts are read from disk
            paths = {str(e): f"{folder}/{e}" for e in range(experts)}
            for path in paths.values():
                get_peft_model(copy.deepcopy(shaped), lora).save_pretrained(path)
            config = XLoraConfig(
                hidden_size=network.config.hidden_size,
                adapters=paths,
                use_trainable_adapters=True,
                layerwise_scalings=True,
                xlora_depth=2,
                xlora_size=32,
                xlora_dropout_p=0.0,
            )
            self.model = get_peft_model(shaped, config)

    def forward(self, pixel_values: Tensor) -> Any:
        """The ViT's output; the scalings are computed in a pass of their own before it."""
        length = pixel_values.new_zeros(len(pixel_values), *self.sequence)
        return self.model(pixel_values=pixel_values, inputs_embeds=length)


class _CausalShaped(nn.Module):
    """A network under ``model``, where X-LoRA looks for its layers, as in a causal language model."""

    base_model_prefix = "model"

    def __init__(self, network: nn.Module):
        super().__init__()
        self.model, self.config = network, network.config

    def forward(self, pixel_values: Tensor, inputs_embeds: Tensor, **wanted: Any) -> Any:
        return self.model(pixel_values=pixel_values, **wanted)
