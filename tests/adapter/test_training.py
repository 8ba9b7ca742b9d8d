"""The trainers that people use: transformers' Trainer, accelerate, DDP, 4-bit weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from accelerate import Accelerator
from peft import get_peft_model
from torch import nn

from molre.adapter import MoLREConfig
from tests.helpers.adapter import two_ranks
from tests.helpers.adapter.models import HF
from tests.helpers.adapter.small import SIZES, adapter_weights, small, step, wake


def classifier() -> Any:
    torch.manual_seed(0)
    config = transformers.ViTConfig(intermediate_size=32, num_labels=2, **HF)
    base = transformers.ViTForImageClassification(config)
    return get_peft_model(base, MoLREConfig(modules_to_save=["classifier"], dropout=0.1, **SIZES))


class Images(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(index))
        return {"pixel_values": pixels, "labels": index % 2}


def trainer(folder: Path, steps: int) -> transformers.Trainer:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=2,
        save_steps=2,
        learning_rate=1e-2,
        lr_scheduler_type="constant",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    return transformers.Trainer(model=classifier(), args=arguments, train_dataset=Images())


def test_trainer_resumed_is_trainer_uninterrupted(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole", 4)
    whole.train()
    start = adapter_weights(classifier())
    expected = adapter_weights(whole.model)
    assert all(not torch.equal(start[n], expected[n]) for n in expected)
    trainer(tmp_path / "cut", 2).train()
    resumed = trainer(tmp_path / "cut", 4)
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == 4
    for name, weight in adapter_weights(resumed.model).items():
        assert torch.equal(weight, expected[name]), name


def test_accelerate_prepares_and_steps() -> None:
    x, plain, ours = torch.randn(4, 8), small(), small()
    step(plain, x)
    torch.optim.SGD(plain.parameters(), lr=0.1).step()
    accelerator = Accelerator(cpu=True)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    prepared, optimizer = accelerator.prepare(ours, optimizer)
    before = adapter_weights(small())
    accelerator.backward(prepared(x).square().mean())
    optimizer.step()
    unwrapped = accelerator.unwrap_model(prepared)
    for name, weight in adapter_weights(unwrapped).items():
        assert torch.equal(weight, plain.get_parameter(name)), name
        assert not torch.equal(weight, before[name]), name


def test_two_ranks_are_one_process_without_unused_parameters(tmp_path: Path) -> None:
    script = Path(two_ranks.__file__)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    x = torch.load(tmp_path / "x.pt")
    one = small()
    one.add_adapter("idle", MoLREConfig(target_modules=["first"], **SIZES))
    optimizer = torch.optim.SGD([p for p in one.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        step(one, x)
        optimizer.step()
    ranks = [torch.load(tmp_path / f"rank{rank}.pt") for rank in range(2)]
    for name, weight in adapter_weights(one).items():
        if ".idle." not in name:
            torch.testing.assert_close(ranks[0][name], weight, atol=1e-6, rtol=1e-5)
            assert torch.equal(ranks[0][name], ranks[1][name])
            assert not torch.equal(weight, adapter_weights(small())[name])


def four_bit(**options: Any) -> Any:
    bitsandbytes = pytest.importorskip("bitsandbytes")
    torch.manual_seed(0)
    layer = nn.Linear(64, 64)
    quantised = bitsandbytes.nn.Linear4bit(64, 64, compute_dtype=torch.float32)
    quantised.load_state_dict(layer.state_dict())
    base = nn.Sequential(quantised, nn.Linear(64, 4)).to("cpu")
    config = MoLREConfig(target_modules=["0"], **SIZES, **options)
    return get_peft_model(base, config)


def test_four_bit_weights_train() -> None:
    model, x = four_bit(), torch.randn(8, 5, 64)
    base = model.base_model.model[0].base_layer
    assert type(base).__name__ == "Linear4bit"
    assert base.weight.dtype == torch.uint8
    with model.disable_adapter():
        plain = model(x)
    assert torch.equal(model(x), plain)
    packed, losses = base.weight.clone(), []
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    for _ in range(5):
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(p.grad.abs().sum() > 0 for p in model.parameters() if p.requires_grad)
    assert torch.equal(base.weight, packed)


def test_four_bit_weights_merge_to_within_their_precision() -> None:
    model, x = wake(four_bit(fixed_gates=[0.1, 0.2, 0.3])), torch.randn(8, 64)
    with torch.no_grad():
        apart = model(x)
        with model.disable_adapter():
            plain = model(x)
        model.merge_adapter()
        merged = model(x)
    assert type(model.base_model.model[0].base_layer).__name__ == "Linear4bit"
    assert (merged - apart).norm() < 0.3 * (plain - apart).norm()


def test_four_bit_routed_does_not_merge() -> None:
    model = four_bit()
    weight = model.base_model.model[0].weight.clone()
    with pytest.raises(ValueError, match="cannot be merged"):
        model.merge_and_unload()
    assert torch.equal(model.base_model.model[0].weight, weight)
