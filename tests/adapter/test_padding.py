"""An item's output does not depend on how much padding it gets, on which side, or on its batch."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import get_peft_model
from torch import Tensor, nn

from molre.adapter import MoLREConfig, gates, reading
from tests.helpers.adapter.small import wake
from tests.helpers.adapter.text_models import SIZES, T5, TEXT, bert


def distilbert() -> nn.Module:
    sizes = {"vocab_size": 40, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    return transformers.DistilBertModel(transformers.DistilBertConfig(**sizes))


def siglip_text() -> nn.Module:
    config = transformers.SiglipTextConfig(**TEXT, max_position_embeddings=64)
    return transformers.SiglipTextModel(config)


def t5_encoder() -> nn.Module:
    return transformers.T5EncoderModel(transformers.T5Config(**T5))


def llama_classifier() -> nn.Module:
    config = transformers.LlamaConfig(**TEXT, num_labels=3, pad_token_id=0)
    return transformers.LlamaForSequenceClassification(config)


class Wrapped(nn.Module):
    """A model of one's own around a transformers model, with names of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = bert()
        self.head = nn.Linear(16, 3)

    def forward(self, tokens: Tensor, keep: Tensor) -> Tensor:
        return self.head(self.encoder(tokens, keep).last_hidden_state)


class Torch(nn.Module):
    """torch's own encoder, whose mask is true where a token is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)

    def forward(self, tokens: Tensor, padding_mask: Tensor) -> Tensor:
        return self.encoder(self.embed(tokens), src_key_padding_mask=padding_mask)


@dataclass(frozen=True)
class Row:
    """A model that takes padded text."""

    make: Callable[[], nn.Module]
    targets: tuple[str, ...] | None = None
    call: str = "hf"
    left: bool = False  # positions follow the mask, so that padding may stand on the left


ROWS = {
    "bert": Row(bert),
    "bert_mlp": Row(bert, ("intermediate.dense", "output.dense")),
    "bert_eager": Row(lambda: bert(attn_implementation="eager")),
    "distilbert": Row(distilbert, ("q_lin", "v_lin", "lin1")),
    "siglip_text": Row(siglip_text),
    "t5_encoder": Row(t5_encoder, ("q", "v", "wo"), left=True),
    "llama_classifier": Row(llama_classifier, ("q_proj", "v_proj", "up_proj")),
    "wrapped": Row(Wrapped, call="own"),
    "torch": Row(Torch, ("linear1", "linear2"), call="torch"),
}


@functools.cache
def adapted(name: str, mode: str) -> Any:
    torch.manual_seed(0)
    row, options = ROWS[name], {"gate_mode": mode, **SIZES}
    if row.targets:
        options["target_modules"] = list(row.targets)
    return wake(get_peft_model(row.make(), MoLREConfig(**options))).eval()


def run(name: str, model: nn.Module, tokens: Tensor, mask: Tensor) -> Tensor:
    call = ROWS[name].call
    with torch.no_grad():
        if call == "torch":
            return model(tokens, mask == 0)
        if call == "own":
            return model(tokens, mask)
        out = model(input_ids=tokens, attention_mask=mask)
    return out.logits if "logits" in out else out.last_hidden_state


def beside(output: Tensor, real: slice) -> Tensor:
    return output if output.ndim < 3 else output[:, real]


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("mode", ["mean", "cls"])
@settings(max_examples=6)
@given(
    length=st.integers(2, 9), pad=st.integers(1, 12), left=st.booleans(), seed=st.integers(0, 99)
)
def test_padding_and_batch_do_not_change_an_items_output(
    name: str, mode: str, length: int, pad: int, left: bool, seed: int
) -> None:
    model, generator = adapted(name, mode), torch.Generator().manual_seed(seed)
    left = left and ROWS[name].left
    item = torch.randint(3, 40, (1, length), generator=generator)
    alone = run(name, model, item, torch.ones_like(item))
    full = torch.randint(3, 40, (1, length + pad), generator=generator)
    blank = torch.zeros(1, pad, dtype=item.dtype)
    padded = torch.cat([blank, item] if left else [item, blank], 1)
    mask = torch.cat([blank, item > 0] if left else [item > 0, blank], 1).long()
    batch, masks = torch.cat([full, padded]), torch.cat([torch.ones_like(full), mask])
    real = slice(pad, None) if left else slice(0, length)
    together = beside(run(name, model, batch, masks)[1:], real)
    torch.testing.assert_close(together, beside(alone, slice(None)), atol=1e-5, rtol=1e-4)


def test_the_gates_of_padded_text_are_of_its_own_tokens() -> None:
    """Against pooling by hand, item by item; contexts say what the router saw."""
    model = adapted("bert", "mean")
    tokens = torch.randint(3, 40, (2, 7), generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[1] * 7, [1, 1, 1, 0, 0, 0, 0]])
    name = next(iter(reading.layers(model)))
    inputs: list[Tensor] = []
    handle = model.get_submodule(name).register_forward_pre_hook(lambda m, a: inputs.append(a[0]))
    seen = reading.contexts(model, input_ids=tokens, attention_mask=mask)[name]
    handle.remove()
    torch.testing.assert_close(seen[1], inputs[0][1, :3].mean(0).detach())
    torch.testing.assert_close(seen[0], inputs[0][0].mean(0).detach())
    read = gates(model, input_ids=tokens, attention_mask=mask)[name]
    with torch.no_grad():
        alone = gates(model, input_ids=tokens[1:, :3], attention_mask=mask[1:, :3])[name]
    torch.testing.assert_close(read[1:], alone)


def naflex() -> Any:
    config = transformers.Siglip2VisionConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        patch_size=4,
        num_patches=16,
    )
    torch.manual_seed(0)
    base = transformers.Siglip2VisionModel(config)
    targets = ["q_proj", "v_proj", "fc1", "patch_embedding"]
    target = rf".*({'|'.join(targets)})"
    return wake(get_peft_model(base, MoLREConfig(target_modules=target, **SIZES))).eval()


@pytest.mark.parametrize("places", [6, 9, 16, 40])
def test_an_image_padded_to_more_places_gives_the_same(places: int) -> None:
    """SigLIP 2 (NaFlex) pads images of any shape to one number of patches."""
    model, shape = naflex(), torch.tensor([[2, 3]])
    patches = torch.randn(1, 6, 48, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        alone = model(patches, torch.ones(1, 6), shape)
        padded = torch.cat([patches, torch.zeros(1, places - 6, 48)], 1)
        mask = (torch.arange(places) < 6).float()[None]
        again = model(pixel_values=padded, pixel_attention_mask=mask.int(), spatial_shapes=shape)
    torch.testing.assert_close(again.pooler_output, alone.pooler_output, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        again.last_hidden_state[:, :6], alone.last_hidden_state, atol=1e-5, rtol=1e-4
    )


def test_an_encoder_and_a_decoder_have_masks_of_their_own() -> None:
    """Keys and values of cross attention are the encoder's tokens, whatever the decoder's mask."""
    sizes = {
        "vocab_size": 40,
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 32,
        "num_layers": 2,
        "num_heads": 2,
    }
    torch.manual_seed(0)
    base = transformers.T5Model(transformers.T5Config(**sizes))
    targets = r".*(encoder\..*\.(q|v|wo)|EncDecAttention\.(k|v))"
    model = wake(get_peft_model(base, MoLREConfig(target_modules=targets, **SIZES))).eval()
    source, target = torch.randint(3, 40, (1, 5)), torch.randint(3, 40, (1, 8))
    blank = torch.zeros(1, 3, dtype=torch.long)
    with torch.no_grad():
        alone = model(input_ids=source, decoder_input_ids=target).last_hidden_state
        mask = torch.tensor([[1] * 5 + [0] * 3])  # as long as the decoder's own tokens
        again = model(
            input_ids=torch.cat([source, blank], 1), attention_mask=mask, decoder_input_ids=target
        ).last_hidden_state
    torch.testing.assert_close(again, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_runs_again_with_the_same_mask(reentrant: bool) -> None:
    model = copy.deepcopy(adapted("bert", "mean"))
    tokens = torch.randint(3, 40, (2, 7))
    masks = [torch.tensor([[1] * 7, [1] * k + [0] * (7 - k)]) for k in (2, 5)]

    def gradients() -> list[Tensor]:
        model.zero_grad()
        outs = [model(input_ids=tokens, attention_mask=m).last_hidden_state for m in masks]
        sum(out[:, 0].square().sum() for out in outs).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    plain = gradients()
    base = model.base_model.model
    base.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": reentrant})
    base.enable_input_require_grads()
    base.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    for got, wanted in zip(gradients(), plain, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-5, rtol=1e-4)


class Folding(nn.Module):
    """Pairs of tokens are joined, so that the mask is of other tokens than the layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.joined = nn.Linear(8, 4)

    def forward(self, x: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.joined(x.reshape(len(x), -1, 8))


def test_a_mask_of_other_tokens_is_refused_where_it_hides_some() -> None:
    model = get_peft_model(Folding(), MoLREConfig(target_modules=["joined"], **SIZES))
    x, mask = torch.randn(2, 6, 4), torch.ones(2, 6)
    assert torch.equal(model(x, mask), model(x))
    mask[1, 4:] = 0
    with pytest.raises(ValueError, match=r"^joined got \(2, 3, 8\), and attention_mask .*'token'"):
        model(x, mask)
    token = get_peft_model(
        Folding(), MoLREConfig(target_modules=["joined"], gate_mode="token", **SIZES)
    )
    token(x, mask)


def test_a_copy_and_an_unloaded_model_keep_to_themselves() -> None:
    model = copy.deepcopy(adapted("bert", "mean"))
    tokens, mask = torch.randint(3, 40, (2, 7)), torch.tensor([[1] * 7, [1] * 3 + [0] * 4])
    expected = run("bert", adapted("bert", "mean"), tokens, mask)
    assert torch.equal(run("bert", model, tokens, mask), expected)
    plain = model.unload()
    assert not any(m._forward_pre_hooks for m in plain.modules())
    assert not any("_molre_masks" in m.__dict__ for m in plain.modules())


def test_compiled_without_a_graph_break() -> None:
    model = adapted("bert", "mean")
    tokens, mask = torch.randint(3, 40, (2, 7)), torch.tensor([[1] * 7, [1] * 3 + [0] * 4])
    torch.compiler.reset()
    compiled: Any = torch.compile(model, backend="aot_eager", fullgraph=True)
    expected = run("bert", model, tokens, mask)
    torch.testing.assert_close(run("bert", compiled, tokens, mask), expected, atol=1e-5, rtol=1e-5)


class Opaque(nn.Module):
    """Blocks are given a mask in a form of their own, as flex attention's are."""

    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        return self.block(x, attention_mask=attention_mask.tolist())


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Linear(4, 4)

    def forward(self, x: Tensor, attention_mask: object = None) -> Tensor:
        return self.value(x)


def test_a_mask_that_cannot_be_read_leaves_it_to_the_next_one_out() -> None:
    config = MoLREConfig(target_modules=["value"], **SIZES)
    model, x = wake(get_peft_model(Opaque(), config)).eval(), torch.randn(1, 5, 4)
    mask = torch.tensor([[1, 1, 1, 0, 0]])
    alone = model(x[:, :3], mask[:, :3])
    torch.testing.assert_close(model(x, mask)[:, :3], alone)


class Sequence(nn.Module):
    """A convolution of kernel 1 over time stands for a linear layer, as in SqueezeBert."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Conv1d(6, 4, 1)

    def forward(self, x: Tensor, attention_mask: Tensor) -> Tensor:
        return self.value(x)


@pytest.mark.parametrize("places", [4, 6, 9])  # 6: as many as there are channels
def test_a_convolution_over_tokens_leaves_padding_out(places: int) -> None:
    config = MoLREConfig(target_modules=["value"], **SIZES)
    model, x = wake(get_peft_model(Sequence(), config)).eval(), torch.randn(1, 6, places)
    mask = (torch.arange(places) < 3)[None].long()
    alone = model(x[..., :3], mask[:, :3])
    torch.testing.assert_close(model(x, mask)[..., :3], alone)
