"""How fast every backbone is here, and what 70,000 scans would take: docs/reference/speed.md.

    python experiments/speed_backbones.py [--device cuda] > docs/reference/speed.md

Networks of the published shapes at random weights, which take the same time. Each is measured in a
process of its own. On a CPU a pass is timed on one thread by the processor's clock (so that other
work on the machine does not count) and one process a core is taken to share the work, as `molre
embed` does. On a quiet machine about five minutes, most of it for MedGemma's 896 x 896.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile

import torch

from molre.backbones.catalogue import presets
from molre.benchmark.backbone_speed import Measured
from molre.benchmark.config import BackboneChoice
from molre.benchmark.cost import TFLOPS
from molre.benchmark.job_process import PROGRAM
from molre.workers.job import Job, run_job

SCANS, SLICES = 70_000, 40
HEAD = (
    """# Speed

<!-- written by experiments/speed_backbones.py -->

    python experiments/speed_backbones.py{option}

{where}, {cores} core(s), load {load}; torch {torch}. Networks of the published shapes at random
weights. On a CPU a pass is timed on one thread by processor time, assuming that every core does as many.

Hours and GPU-hours are for one embedding pass over """
    + f"""{SCANS:,} scans of at most {SLICES} slices, which all
arms at `slice` share. They are an estimate: GPU-hours are counted operations at an assumed
{TFLOPS:g} TFLOP/s sustained, and reading the scans is not included. Training at `blocks` takes
1.5 to 3 such passes per epoch, learning rate and seed; `molre benchmark COHORT --dry-run`, with a preset
or `--config`, adds up a whole benchmark.

"""
)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", nargs="*", default=None)
    given = parser.parse_args()
    cores = os.cpu_count() if given.device == "cpu" else 1
    where = platform.processor() or platform.machine()
    if given.device != "cpu":
        where = torch.cuda.get_device_name(given.device)
    option = "" if given.device == "cpu" else f" --device {given.device}"
    load = f"{os.getloadavg()[0]:.0f}"
    print(
        HEAD.format(option=option, where=where, cores=cores, load=load, torch=torch.__version__),
        end="",
    )
    print("| backbone | parameters | input | per second | GFLOP | hours here | GPU-hours |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in given.only or ("efficientnet_lite0", *presets()):
        print(row(name, given.device, cores or 1), flush=True)


def row(name: str, device: str, cores: int) -> str:
    choice = BackboneChoice(backbone=name, unverified=True).model_dump(mode="json")
    with tempfile.TemporaryDirectory() as folder:
        facts = {"choice": choice, "configs": {}, "device": device}
        outcome = run_job(Job(PROGRAM, "measure", "speed", folder, facts, attempts=1))
    if outcome.state != "done":
        return f"| {name} | | | not measured: {outcome.reason} | | | |"
    m = Measured(**outcome.facts)
    units = SCANS * (min(SLICES, m.most) if m.unit == "slice" else 1)
    speed, hours = "not measured", ""
    if m.seconds is not None:
        speed, hours = (
            f"{cores / m.seconds:.3g} {m.unit}s",
            f"{units * m.seconds / cores / 3600:,.0f}",
        )
    gpu = "" if m.gflops is None else f"{units * m.gflops / (TFLOPS * 1e3) / 3600:,.1f}"
    gpu = "< 0.1" if gpu == "0.0" else gpu
    flop = "" if m.gflops is None else f"{m.gflops:,.0f}" if m.gflops > 10 else f"{m.gflops:.2f}"
    pixels = " × ".join(map(str, m.pixels))
    size = f"{m.parameters / 1e6:.2f} M"
    return f"| {name} | {size} | {pixels} | {speed} | {flop} | {hours} | {gpu} |"


if __name__ == "__main__":
    main()
