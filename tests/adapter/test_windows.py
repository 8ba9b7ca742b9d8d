"""Layers whose batch axis is not a batch of images are refused, and the way out is named."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
import transformers
from peft import get_peft_model
from torch import Tensor, nn

from molre.adapter import MoLREConfig, gates
from tests.helpers.adapter.models import CASES, HF, davit, hf_vit, small_timm, wrapped

SIZES: dict[str, Any] = {"r": 2, "num_experts": 2, "router_dim": 4}


def timm_swin() -> nn.Module:
    return timm.create_model(
        "swin_tiny_patch4_window7_224", img_size=56, depths=(2, 1), embed_dim=8, num_heads=(1, 2)
    )


def timm_maxvit() -> nn.Module:
    return timm.create_model(
        "maxvit_tiny_tf_224", img_size=64, depths=(1, 1), embed_dim=(32, 32), stem_width=8
    )


def hf_swin() -> nn.Module:
    config = transformers.SwinConfig(
        image_size=32, patch_size=4, embed_dim=8, depths=[2, 1], num_heads=[1, 2], window_size=4
    )
    return transformers.SwinModel(config)


def sam_vision() -> nn.Module:
    config = transformers.SamVisionConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=64, patch_size=8,
        window_size=4, global_attn_indexes=[1], output_channels=8, mlp_dim=16,
    )  # fmt: skip
    return transformers.SamVisionModel(config)


WINDOWED = {
    "timm_swin": (timm_swin, ["qkv"], ["fc1", "fc2"]),
    "timm_davit": (davit, ["qkv"], ["fc1", "fc2"]),
    "timm_maxvit": (timm_maxvit, ["qkv"], ["fc1", "fc2"]),
    "hf_swin": (hf_swin, None, ["fc1", "fc2"]),
    "sam_vision": (sam_vision, ["qkv"], ["lin1", "lin2"]),
}


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_attention_in_windows_is_refused_and_the_mlps_are_named(name: str, mode: Any) -> None:
    make, targets, mlps = WINDOWED[name]
    model = make()
    before = [n for n, _ in model.named_modules()]
    config = MoLREConfig(target_modules=targets, gate_mode=mode, **SIZES)
    with pytest.raises(ValueError, match="windows folded into the batch") as refused:
        get_peft_model(model, config)
    assert all(repr(mlp) in str(refused.value) for mlp in mlps)
    assert "gate_mode='token'" in str(refused.value)
    assert [n for n, _ in model.named_modules()] == before  # nothing was wrapped


@pytest.mark.parametrize("name", WINDOWED)
def test_token_gates_are_allowed_in_windows(name: str) -> None:
    make, targets, _ = WINDOWED[name]
    config = MoLREConfig(target_modules=targets, gate_mode="token", **SIZES)
    assert wrapped(get_peft_model(make(), config))


def test_the_mlps_of_a_windowed_model_gate_each_image_by_itself() -> None:
    case = CASES["timm_davit"]
    model, x = case.adapted(), case.batch(3)
    with torch.no_grad():
        together, alone = model(x), model(x[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-5)


def test_the_mlps_inside_a_block_of_windowed_attention_are_allowed() -> None:
    # in MaxViT the MLP is a child of the block that partitions, and works on the whole image
    names = wrapped(get_peft_model(timm_maxvit(), MoLREConfig(target_modules=["fc2"], **SIZES)))
    assert "base_model.model.stages.0.blocks.0.attn_grid.mlp.fc2" in names


def test_a_global_block_of_sam_is_allowed() -> None:
    config = MoLREConfig(target_modules=["qkv"], layers_to_transform=[1], **SIZES)
    (name,) = wrapped(get_peft_model(sam_vision(), config))
    assert ".layers.1." in name


@pytest.mark.parametrize(
    ("make", "count"), [(lambda: small_timm("vit_tiny_patch16_224"), 2), (hf_vit, 4)]
)
def test_whole_image_attention_is_allowed(make: Any, count: int) -> None:
    assert len(wrapped(get_peft_model(make(), MoLREConfig(**SIZES)))) == count


def test_vitdet_without_windows_is_allowed() -> None:
    config = transformers.VitDetConfig(**HF, window_size=0)
    model = get_peft_model(
        transformers.VitDetModel(config), MoLREConfig(target_modules=["qkv"], **SIZES)
    )
    assert len(wrapped(model)) == 2


class TorchBlock(nn.Module):
    """Attention as torchvision's ViT has it."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.mlp = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp(self.self_attention(x, x, x, need_weights=False)[0])


def test_a_projection_that_is_never_called_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^self_attention\.out_proj belongs to .*exclude_modules"):
        get_peft_model(TorchBlock(), MoLREConfig(target_modules=["out_proj"], **SIZES))
    with pytest.raises(ValueError, match="nn.MultiheadAttention"):
        get_peft_model(TorchBlock(), MoLREConfig(target_modules="all-linear", **SIZES))
    options = {"target_modules": ["out_proj", "mlp"], "exclude_modules": ["out_proj"]}
    model = get_peft_model(TorchBlock(), MoLREConfig(**options, **SIZES))
    assert wrapped(model) == ["base_model.model.mlp"]


@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_layers_that_put_the_tokens_first_are_refused(kind: Any, mode: Any) -> None:
    layers = nn.ModuleList([kind(8, 2, 16)])
    config = MoLREConfig(target_modules=["linear1"], gate_mode=mode, **SIZES)
    with pytest.raises(ValueError, match=r"^0\.linear1 is inside .* with batch_first=False.*mix"):
        get_peft_model(layers, config)
    get_peft_model(nn.ModuleList([kind(8, 2, 16, batch_first=True)]), config)
    token = MoLREConfig(target_modules=["linear1"], gate_mode="token", **SIZES)
    assert wrapped(get_peft_model(layers, token))


def test_places_that_are_folded_into_the_batch_are_refused_and_not_those_around() -> None:
    from transformers import MobileViTConfig, MobileViTModel

    sizes = {"hidden_sizes": [8, 8, 8], "neck_hidden_sizes": [4, 4, 4, 8, 8, 8, 16]}
    base = MobileViTModel(MobileViTConfig(image_size=64, num_attention_heads=2, **sizes)).eval()
    for targets in (["query", "value"], ["intermediate.dense"]):
        with pytest.raises(ValueError, match="folded into the batch"):
            get_peft_model(base, MoLREConfig(target_modules=targets))
    model = get_peft_model(base, MoLREConfig(target_modules=["conv_projection.convolution"]))
    assert {len(g) for g in gates(model, torch.randn(2, 3, 64, 64)).values()} == {2}


def test_gates_that_are_fixed_look_at_nothing_and_may_stand_anywhere() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    base = GPT2LMHeadModel(GPT2Config(vocab_size=20, n_embd=16, n_layer=1, n_head=2)).eval()
    ids = torch.randint(0, 20, (2, 6))
    fixed = MoLREConfig(r=2, num_experts=2, fixed_gates=[0.5, 0.5], init_weights=False)
    model = get_peft_model(base, fixed).eval()
    changed = ids.clone()
    changed[:, 4] = (ids[:, 4] + 1) % 20
    assert torch.equal(model(changed).logits[:, :4], model(ids).logits[:, :4])
