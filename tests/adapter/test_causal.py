"""In a causal decoder no output depends on the tokens after it, or the adapter is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from peft import TaskType, get_peft_model
from torch import nn

from molre.adapter import MoLREConfig
from tests.helpers.adapter.small import wake
from tests.helpers.adapter.text_models import SIZES, T5, TEXT, bert

BART: dict[str, Any] = {
    "vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 2,
    "encoder_attention_heads": 2, "decoder_attention_heads": 2,
    "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
}  # fmt: skip
GPT2 = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2}


def llama() -> nn.Module:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**TEXT))


class CausalSelfAttention(nn.Module):
    """As in the small GPTs that people write themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.v = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, v = self.q(x)[:, None], self.v(x)[:, None]
        return nn.functional.scaled_dot_product_attention(q, q, v, is_causal=True)[:, 0]


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.attn = nn.Embedding(40, 16), CausalSelfAttention()

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.attn(self.embed(input_ids))


def clip_text() -> nn.Module:
    return transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT))


DECODERS: dict[str, tuple[Callable[[], nn.Module], list[str]]] = {
    "llama": (llama, ["q_proj", "v_proj"]),
    "llama_mlp": (llama, ["up_proj"]),
    "llama_head": (llama, ["lm_head"]),
    "llama_body": (lambda: transformers.LlamaModel(transformers.LlamaConfig(**TEXT)), ["v_proj"]),
    "mistral": (
        lambda: transformers.MistralModel(
            transformers.MistralConfig(**TEXT, num_key_value_heads=2)
        ),
        ["v_proj"],
    ),
    "gpt2": (lambda: transformers.GPT2Model(transformers.GPT2Config(**GPT2)), ["c_attn", "c_fc"]),
    "bloom": (
        lambda: transformers.BloomModel(
            transformers.BloomConfig(vocab_size=40, hidden_size=16, n_layer=2, n_head=2)
        ),
        ["query_key_value"],
    ),
    "bert": (lambda: bert(is_decoder=True), ["query", "value"]),
    "clip_text": (clip_text, ["q_proj", "v_proj"]),
    "own": (Own, ["q", "v"]),
}


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("mode", ["mean", "cls", "token"])
def test_a_later_token_changes_nothing_before_it(name: str, mode: Any) -> None:
    make, targets = DECODERS[name]
    torch.manual_seed(0)
    config = MoLREConfig(target_modules=targets, gate_mode=mode, **SIZES)
    if mode == "mean":
        with pytest.raises(ValueError, match=r"causal decoder, .*use gate_mode='token', or 'cls'"):
            get_peft_model(make(), config)
        return
    model: Any = wake(get_peft_model(make(), config)).eval()
    tokens = torch.randint(3, 38, (1, 6))
    changed = tokens.clone()
    changed[0, 4] = 39
    with torch.no_grad():
        first, second = (
            out if isinstance(out, torch.Tensor) else out[0]
            for out in (model(input_ids=tokens), model(input_ids=changed))
        )
    torch.testing.assert_close(second[:, :4], first[:, :4], atol=1e-6, rtol=1e-5)
    assert not torch.allclose(second[:, 4:], first[:, 4:], atol=1e-4)


def test_the_task_is_believed_where_the_model_says_nothing() -> None:
    model = nn.Sequential(nn.Embedding(40, 16), nn.Linear(16, 40))
    model.prepare_inputs_for_generation = None  # type: ignore[assignment] - peft wants it there
    config = MoLREConfig(target_modules=["1"], task_type=TaskType.CAUSAL_LM, **SIZES)
    with pytest.raises(ValueError, match=r"^1 is part of a causal decoder"):
        get_peft_model(model, config)


def vision_and_text() -> nn.Module:
    """A language model that looks: its vision tower sees the whole image."""
    vision = transformers.CLIPVisionConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        image_size=16, patch_size=8,
    )  # fmt: skip
    text = transformers.LlamaConfig(**TEXT)
    config = transformers.LlavaConfig(vision_config=vision, text_config=text, image_token_id=39)
    return transformers.LlavaForConditionalGeneration(config)


ALLOWED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "bert": (lambda: bert(is_decoder=False), r".*(query|value|dense)"),
    "t5_encoder": (
        lambda: transformers.T5Model(transformers.T5Config(**T5)),
        r"encoder.*\.(q|v|wo)",
    ),
    "t5_cross": (lambda: transformers.T5Model(transformers.T5Config(**T5)), r".*EncDec.*\.(k|v)"),
    "bart_encoder": (
        lambda: transformers.BartModel(transformers.BartConfig(**BART)),
        r"encoder\..*(q_proj|v_proj|fc1)",
    ),
    "bart_cross": (
        lambda: transformers.BartModel(transformers.BartConfig(**BART)),
        r".*encoder_attn\.(k_proj|v_proj)",
    ),
    "vision_tower": (vision_and_text, r".*vision_tower.*(q_proj|v_proj|fc1)"),
    "classifier": (
        lambda: transformers.LlamaForSequenceClassification(transformers.LlamaConfig(**TEXT)),
        r".*(q_proj|v_proj)",
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_tokens_that_may_see_all_others_are_averaged(name: str) -> None:
    make, targets = ALLOWED[name]
    get_peft_model(make(), MoLREConfig(target_modules=targets, **SIZES))


REFUSED = {
    "t5_decoder": (ALLOWED["t5_encoder"][0], r"decoder.*SelfAttention\.(q|v)"),
    "t5_cross_query": (ALLOWED["t5_encoder"][0], r".*EncDecAttention\.q"),
    "bart_decoder": (ALLOWED["bart_encoder"][0], r"decoder\..*(self_attn\.v_proj|fc1)"),
    "bart_cross_query": (ALLOWED["bart_encoder"][0], r".*encoder_attn\.q_proj"),
    "text_of_a_vision_model": (vision_and_text, r".*language_model.*v_proj"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_decoders_own_tokens_are_not(name: str) -> None:
    make, targets = REFUSED[name]
    with pytest.raises(ValueError, match="is part of a causal decoder"):
        get_peft_model(make(), MoLREConfig(target_modules=targets, **SIZES))
    get_peft_model(make(), MoLREConfig(target_modules=targets, gate_mode="token", **SIZES))


def test_an_adapter_of_before_is_refused_when_it_is_loaded(tmp_path: Any) -> None:
    from peft import PeftModel

    model = get_peft_model(llama(), MoLREConfig(gate_mode="token", **SIZES))
    model.save_pretrained(tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(path.read_text().replace('"gate_mode": "token"', '"gate_mode": "mean"'))
    with pytest.raises(ValueError, match="is part of a causal decoder"):
        PeftModel.from_pretrained(llama(), tmp_path)


def test_the_first_token_is_looked_for_behind_padding_on_the_left() -> None:
    torch.manual_seed(0)
    model: Any = wake(get_peft_model(llama(), MoLREConfig(gate_mode="cls", **SIZES))).eval()
    item, blank = torch.randint(3, 38, (1, 5)), torch.zeros(1, 3, dtype=torch.long)
    other = torch.randint(3, 38, (1, 8))
    with torch.no_grad():
        alone = model(input_ids=item).logits
        both = model(
            input_ids=torch.cat([other, torch.cat([blank, item], 1)]),
            attention_mask=torch.tensor([[1] * 8, [0] * 3 + [1] * 5]),
            position_ids=torch.tensor([list(range(8)), [1, 1, 1, 0, 1, 2, 3, 4]]),
        ).logits
    torch.testing.assert_close(both[1:, 3:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("mode", ["cls", "token"])
def test_generation_with_a_cache_is_that_without_or_refused(mode: Any) -> None:
    torch.manual_seed(0)
    model: Any = wake(get_peft_model(llama(), MoLREConfig(gate_mode=mode, **SIZES))).eval()
    options = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    tokens = torch.randint(3, 38, (1, 5))
    plain = model.generate(input_ids=tokens, use_cache=False, **options)
    if mode == "token":
        assert torch.equal(model.generate(input_ids=tokens, use_cache=True, **options), plain)
        return
    with pytest.raises(ValueError, match="use_cache=False, or use gate_mode='token'"):
        model.generate(input_ids=tokens, use_cache=True, **options)
    with model.disable_adapter():
        model.generate(input_ids=tokens, use_cache=True, **options)


def test_several_sequences_in_one_row_have_no_gates_in_common() -> None:
    model: Any = get_peft_model(llama(), MoLREConfig(gate_mode="cls", **SIZES)).eval()
    tokens, positions = torch.randint(3, 38, (1, 6)), torch.tensor([[0, 1, 2, 0, 1, 2]])
    with pytest.raises(ValueError, match="packed into one row"):
        model(input_ids=tokens, position_ids=positions)
    token: Any = get_peft_model(llama(), MoLREConfig(gate_mode="token", **SIZES)).eval()
    token(input_ids=tokens, position_ids=positions)


@pytest.mark.parametrize("kind", ["float", "bool", "flag"])
def test_torchs_own_layers_are_known_by_the_mask_they_are_given(kind: str) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    said: dict[str, Any] = {"src_mask": mask if kind == "float" else mask != 0}
    if kind == "flag":
        said["is_causal"] = True
    config = MoLREConfig(target_modules=["linear1"], **SIZES)
    model, x = wake(get_peft_model(layer, config)).eval(), torch.randn(2, 5, 8)
    with pytest.raises(ValueError, match=r"^linear1 is given a causal mask, .* use gate_mode='tok"):
        model(x, **said)
    model(x)
    model(x, src_mask=torch.zeros(5, 5))


def test_gpts_of_images_are_decoders_and_their_classifiers_are_not() -> None:
    config = transformers.ImageGPTConfig(vocab_size=9, n_embd=16, n_layer=1, n_head=2)
    with pytest.raises(ValueError, match="causal decoder"):
        get_peft_model(transformers.ImageGPTModel(config), MoLREConfig(**SIZES))
    get_peft_model(transformers.ImageGPTForImageClassification(config), MoLREConfig(**SIZES))
