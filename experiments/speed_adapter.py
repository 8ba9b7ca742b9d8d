"""What MoLRE costs beside LoRA of the same width (r = 48): time and peak memory of a training step.

A transformers ViT/16 224 with random weights, 8 slices a step. Times are medians of rounds in which
the variants take turns, in one process; peak memory is taken in a process of its own for each.
With a CUDA device peft's X-LoRA is among the variants: six trainable LoRA of rank 8 with scalings for
each token and layer from a classifier as wide as MoLRE's router; it runs the network twice a step.
With --compile the tables are the same; X-LoRA and the cached prefix, which work by hooks, run without.

    python experiments/speed_adapter.py --rounds 15
    python experiments/speed_adapter.py --rounds 15 --compile
    python experiments/speed_adapter.py --device cuda --size large
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers import ViTConfig, ViTModel
from xlora_vit import XLora

from molre.adapter import MoLREConfig
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.prefix import Prefix

SIZES = {
    "base": {},
    "large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
    },
}
TARGETS = ["q_proj", "v_proj"]
EXPERTS, RANK, LAST = 6, 8, 2
Step = Callable[[], object]
PARTS = ["memory", "every", "last"]
# processor time, of all threads, counts less of what others do on the same cores
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class LoopedLinear(nn.Module):
    """MoLRE as its formula reads, one expert after the other: the reference that is not fused."""

    def __init__(self, base: nn.Linear):
        super().__init__()
        self.base = base
        d_in, d_out = base.in_features, base.out_features
        self.a = nn.ModuleList(nn.Linear(d_in, RANK, bias=False) for _ in range(EXPERTS))
        self.b = nn.ModuleList(nn.Linear(RANK, d_out, bias=False) for _ in range(EXPERTS))
        self.router = nn.Sequential(nn.Linear(d_in, 32), nn.GELU(), nn.Linear(32, EXPERTS))

    def forward(self, x: Tensor) -> Tensor:
        gates = functional.softmax(self.router(x.mean(1)).float(), dim=-1)
        result = self.base(x)
        for e in range(EXPERTS):
            result = result + gates[:, e, None, None].to(x.dtype) * self.b[e](self.a[e](x))
        return result


def looped(network: nn.Module) -> nn.Module:
    network.requires_grad_(False)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if name in TARGETS:
                setattr(module, name, LoopedLinear(child))
    return network


def with_lora(network: nn.Module, **where: Any) -> nn.Module:
    config = LoraConfig(r=EXPERTS * RANK, target_modules=TARGETS, init_lora_weights=False, **where)
    return get_peft_model(network, config)


def with_molre(network: nn.Module, mode: str = "mean", **where: Any) -> nn.Module:
    sizes: dict[str, Any] = {"r": RANK, "num_experts": EXPERTS, "gate_mode": mode}
    config = MoLREConfig(target_modules=TARGETS, init_weights=False, **sizes, **where)
    return get_peft_model(network, config)


VARIANTS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "frozen forward": lambda network: network.requires_grad_(False),
    "LoRA r=48": with_lora,
    "MoLRE mean": with_molre,
    "MoLRE token": lambda network: with_molre(network, "token"),
    "MoLRE looped": looped,
    "X-LoRA": lambda network: XLora(network, TARGETS, EXPERTS, RANK),
}


class Machine:
    """Where the steps run, and in which precision."""

    def __init__(self, given: argparse.Namespace):
        self.device, self.compile = torch.device(given.device), given.compile
        self.size, self.slices = given.size, given.slices
        self.cuda, self.clock = self.device.type == "cuda", CLOCKS[given.clock]

    def network(self) -> nn.Module:
        torch.manual_seed(0)
        network = ViTModel(ViTConfig(**SIZES[self.size]), add_pooling_layer=False)
        return network.to(self.device, torch.bfloat16 if self.cuda else torch.float32)

    def pixels(self, slices: int | None = None) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        pixels = torch.randn(slices or self.slices, 3, 224, 224, generator=generator)
        return pixels.to(self.device)

    def compiled(self, module: nn.Module) -> nn.Module:
        return torch.compile(module) if self.compile else module

    def autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.cuda)

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()

    def describe(self) -> str:
        name = torch.cuda.get_device_name() if self.cuda else f"{torch.get_num_threads()} threads"
        precision = "bfloat16 with float32 adapters" if self.cuda else "float32"
        return (
            f"{name}, {precision}; Python {platform.python_version()}, torch {torch.__version__}, "
            f"transformers {transformers.__version__}, peft {peft.__version__}"
        )


def step_of(machine: Machine, name: str, slices: int | None = None) -> Step:
    """One step of a variant: forward and backward, or a forward alone where nothing trains."""
    model = VARIANTS[name](machine.network()).to(machine.device).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    run = model if name == "X-LoRA" else machine.compiled(model)
    pixels = machine.pixels(slices)

    def step() -> None:
        with torch.set_grad_enabled(bool(trained)), machine.autocast():
            loss = run(pixel_values=pixels).last_hidden_state.float().square().mean()
        if trained:
            loss.backward()
            for p in trained:
                p.grad = None

    return step


def in_turns(machine: Machine, steps: dict[str, Step], rounds: int) -> dict[str, list[float]]:
    """Seconds of every step in every round; each step runs twice before the first."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step()
        step()
    names = list(steps)
    for i in range(rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            machine.wait()
            started = machine.clock()
            steps[name]()
            machine.wait()
            taken[name].append(machine.clock() - started)
    return taken


def ratio(taken: dict[str, list[float]], name: str, to: str) -> float:
    """Median over rounds of the ratio within a round: what slows a whole round cancels."""
    return statistics.median(ratios(taken, name, to))


def ratios(taken: dict[str, list[float]], name: str, to: str) -> list[float]:
    """The ratio of each round: their spread is what the median rests on."""
    return [a / b for a, b in zip(taken[name], taken[to], strict=True)]


# last blocks


def last_block_steps(machine: Machine, folder: Path) -> tuple[dict[str, Step], int]:
    """Whole training steps with q and v of the last blocks adapted, uncached and from a cache."""
    steps = {"frozen forward": step_of(machine, "frozen forward")}
    pixels = machine.pixels()
    for name, adapt in (("LoRA r=48", with_lora), ("MoLRE mean", with_molre)):
        whole = backbone(machine)
        adapt(whole.network, **last_of(whole))
        run = machine.compiled(whole)
        steps[f"{name}, last {LAST}"] = update(machine, whole, run, lambda: pixels)
    whole = backbone(machine)
    blocks = len(whole.network.layers)
    prefix = Prefix(whole, f"layers.{blocks - LAST}")
    with_molre(whole.network, **last_of(whole))
    with torch.no_grad(), machine.autocast():
        np.save(folder / "states.npy", prefix(pixels).pooled.half().cpu().numpy())
    mapped = np.load(folder / "states.npy", mmap_mode="r")

    def read() -> Tensor:
        return torch.from_numpy(np.array(mapped)).to(machine.device).float()

    steps[f"MoLRE mean, last {LAST}, cached prefix"] = update(machine, whole, prefix.resume, read)
    return steps, blocks


def backbone(machine: Machine) -> Backbone:
    network = machine.network()
    width = network.config.hidden_size
    return Backbone("vit", network, features, width, Contract(), Weights("random", ""))


def last_of(whole: Backbone) -> dict[str, Any]:
    blocks = len(whole.network.layers)
    return {"layers_to_transform": list(range(blocks - LAST, blocks)), "layers_pattern": "layers"}


def features(network: nn.Module, pixels: Tensor) -> Features:
    hidden = network(pixel_values=pixels).last_hidden_state
    return Features(None, hidden[:, 0])


def update(
    machine: Machine,
    model: nn.Module,
    run: Callable[[Tensor], Features],
    inputs: Callable[[], Tensor],
) -> Step:
    """One whole training step: inputs, forward, backward, AdamW."""
    optimizer = torch.optim.AdamW(p for p in model.parameters() if p.requires_grad)

    def step() -> None:
        with machine.autocast():
            loss = run(inputs()).pooled.float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


# memory


def peak_memory(machine: Machine, name: str) -> dict[str, float]:
    """MB that the third step adds to what was resident before it, and the process's own peak."""
    step = step_of(machine, name)
    step()
    step()
    gc.collect()
    if machine.cuda:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        peak = torch.cuda.max_memory_allocated()
    else:
        ctypes.CDLL(None).malloc_trim(0)  # what a compiler freed must not hide what a step takes
        before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew (Linux)
        step()
        peak = status("VmHWM")
    return {"step": (peak - before) / 1e6, "peak": peak / 1e6}


def status(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(key + ":")).split()[1])


def peak_in_own_process(given: argparse.Namespace, name: str) -> dict[str, float]:
    # freed blocks go back to the system at once, so that resident memory is memory in use
    environment = {
        **os.environ,
        "MALLOC_MMAP_THRESHOLD_": "131072",
        "MALLOC_TRIM_THRESHOLD_": "131072",
    }
    command = [sys.executable, __file__, "--memory-of", name, "--device", given.device]
    command += [
        "--size",
        given.size,
        "--slices",
        str(given.slices),
        "--threads",
        str(given.threads),
    ]
    command += ["--compile"] if given.compile else []
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


# report


def every_block(given: argparse.Namespace, machine: Machine, names: list[str]) -> list[str]:
    steps = {name: step_of(machine, name) for name in names}
    taken = in_turns(machine, steps, given.rounds)
    lines = ["| q and v of every block | ms | to LoRA r=48 | rounds |", "| --- | --- | --- | --- |"]
    for name in names:
        ms = 1000 * statistics.median(taken[name])
        each = ratios(taken, name, "LoRA r=48")
        spread = f"{min(each):.2f} to {max(each):.2f}"
        lines.append(f"| {name} | {ms:.0f} | {statistics.median(each):.2f} | {spread} |")
    return lines


def memory(given: argparse.Namespace, names: list[str]) -> Iterator[str]:
    yield "| memory | step, MB | to LoRA r=48 | process at its peak, MB |"
    yield "| --- | --- | --- | --- |"
    lora = peak_in_own_process(given, "LoRA r=48")
    for name in names:
        of = lora if name == "LoRA r=48" else peak_in_own_process(given, name)
        to_lora = of["step"] / lora["step"]
        yield f"| {name} | {of['step']:.0f} | {to_lora:.2f} | {of['peak']:.0f} |"


def last_blocks(given: argparse.Namespace, machine: Machine) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        steps, blocks = last_block_steps(machine, Path(folder))
        taken = in_turns(machine, steps, given.rounds)
    lines = [f"| last {LAST} of {blocks} blocks | ms | to the frozen forward | to uncached MoLRE |"]
    lines.append("| --- | --- | --- | --- |")
    for name in steps:
        to_frozen = ratio(taken, name, "frozen forward")
        to_uncached = ratio(taken, name, f"MoLRE mean, last {LAST}")
        ms = 1000 * statistics.median(taken[name])
        lines.append(f"| {name} | {ms:.0f} | {to_frozen:.2f} | {to_uncached:.2f} |")
    return [*lines, "", f"(k + 2) / blocks is {(LAST + 2) / blocks:.2f}."]


def report(given: argparse.Namespace, machine: Machine) -> None:
    command = " ".join(["python experiments/speed_adapter.py", *sys.argv[1:]])
    print(f"`{command}`: ViT-{given.size} 224, {given.slices} slices, {given.rounds} rounds;")
    print(f"{machine.describe()}; load {os.getloadavg()[0]:.1f}.\n", flush=True)
    names = [n for n in VARIANTS if n != "X-LoRA" or machine.cuda or given.xlora]
    parts: dict[str, Callable[[], Iterable[str]]] = {
        "memory": lambda: memory(given, names),
        "every": lambda: every_block(given, machine, names),
        "last": lambda: last_blocks(given, machine),
    }
    for part in given.parts:
        for line in parts[part]():
            print(line, flush=True)
        print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--size", choices=list(SIZES), default="base")
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="with torch.compile, inductor")
    parser.add_argument("--xlora", action="store_true", help="X-LoRA without a CUDA device too")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--memory-of", choices=list(VARIANTS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    machine = Machine(given)
    if given.memory_of:
        print(json.dumps(peak_memory(machine, given.memory_of)))
        return
    report(given, machine)


if __name__ == "__main__":
    main()
