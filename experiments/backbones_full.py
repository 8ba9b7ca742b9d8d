"""Every backbone at full size, once each, and their families under the transformers before 5.

    make test-full

A network of the published configuration with random weights makes features of one random picture
or volume of its contract, each in a process of its own, so that memory is given back. Then the
tests of the families whose names transformers has changed run with its 4.57 line on the path.
Results: experiments/backbones_full.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_suffix(".md")
TESTS = (
    "dinov3",
    "dinov2",
    "siglip",
    "medimageinsight",
    "biomedclip",
    "prefix",
    "presets",
    "preset_weights",
    "huggingface",
    "huggingface_files",
)
SPARE = 2.0  # times the weights: activations, and the system's own


def one(name: str, repeats: int) -> dict[str, Any]:
    """One forward of a backbone at full size."""
    import torch

    from molre.backbones.backbone import Backbone, Weights
    from molre.backbones.catalogue import presets

    preset = presets()[name]
    torch.manual_seed(0)
    torch.set_num_threads(1)  # its CPU time is then its own, whatever else the machine does
    network = preset.skeleton()
    features = import_module(preset.read.__module__).features
    weights = Weights(id=name, sha256="random weights")
    backbone = Backbone(name, network, features, preset.dim, preset.contract, weights)
    pixels = torch.randn(1, *backbone.contract.pixel_shape)
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats):
            start = time.process_time()
            found = backbone(pixels)
            seconds.append(time.process_time() - start)
    assert found.pooled.shape == (1, preset.dim)
    assert torch.isfinite(found.pooled).all()
    return {
        "backbone": name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "pixels": " × ".join(str(n) for n in pixels.shape[1:]),
        "tokens": list(found.tokens.shape[1:]) if found.tokens is not None else None,
        "embedding": found.pooled.shape[1],
        "seconds": min(seconds),
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def every(names: list[str], repeats: int) -> list[dict[str, Any]]:
    """Each backbone in a process of its own; what could not run says why."""
    from molre.backbones.catalogue import presets
    from molre.backbones.preset_weights import available_memory

    rows = []
    for name in names:
        preset, have = presets()[name], available_memory()
        if not preset.parameters:
            rows.append({"backbone": name, "why": "its network is published with its weights only"})
            continue
        if have is not None and SPARE * preset.weight_bytes > have:
            rows.append({"backbone": name, "why": f"{have / 2**30:.1f} GiB of memory were free"})
            continue
        command = [sys.executable, __file__, "--one", name, "--repeats", str(repeats)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        last = (ran.stderr.strip().splitlines() or ["died"])[-1]
        rows.append(
            json.loads(ran.stdout.splitlines()[-1])
            if ran.returncode == 0
            else {"backbone": name, "why": f"FAILED: {last}"}
        )
        sys.stdout.write(f"{rows[-1]}\n")
        sys.stdout.flush()
    return rows


def older(folder: Path) -> str:
    """The families' tests under another transformers; its version and pytest's last line."""
    environment = os.environ | {"PYTHONPATH": str(folder)}
    version = subprocess.run(
        [sys.executable, "-c", "import transformers; print(transformers.__version__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[-1]
    tests = [str(next((ROOT / "tests" / "backbones").rglob(f"test_{name}.py"))) for name in TESTS]
    command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *tests]
    ran = subprocess.run(
        [*command, "-q", "--no-header", "-o", "addopts=--strict-markers --import-mode=importlib"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(ran.stdout)
    # without the seconds, which are not the point
    last = ran.stdout.strip().splitlines()[-1].strip("= ").split(" in ")[0]
    return f"transformers {version}: {last}"


def write(rows: list[dict[str, Any]], family_tests: str) -> None:
    import timm
    import torch
    import transformers

    lines = [
        "# Every backbone at full size",
        "",
        "Command: `make test-full`. Random weights, one random picture or volume of the contract, "
        f"float32, {platform.machine()}; CPU seconds of one thread, the best of a few repeats, each "
        "backbone in a process of its own. A check that they run, not a benchmark: the machine was "
        f"not idle (1-minute load {os.getloadavg()[0]:.1f} at the end).",
        "",
        f"torch {torch.__version__}, transformers {transformers.__version__}, timm "
        f"{timm.__version__}.",
        "",
        "| backbone | parameters | pixels | tokens | embedding | CPU seconds | peak GiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        if "why" in row:
            lines.append(f"| `{row['backbone']}` | not run: {row['why']} | | | | | |")
            continue
        tokens = " × ".join(str(n) for n in row["tokens"]) if row["tokens"] else "none"
        lines.append(
            f"| `{row['backbone']}` | {row['parameters']:,} | {row['pixels']} | {tokens} | "
            f"{row['embedding']} | {row['seconds']:.2f} | {row['gib']:.1f} |"
        )
    lines += [
        "",
        "## The same families under the transformers before 5",
        "",
        "transformers renamed the modules of SigLIP, DINOv2 and DINOv3 between 4.57 and 5. The tests "
        f"of {', '.join(f'`test_{name}.py`' for name in TESTS)} (published names, embeddings against "
        "transformers itself, parameter counts, number of wrapped modules) ran with the versions of "
        "constraints-transformers4.txt on the path:",
        "",
        f"    {family_tests}",
        "",
    ]
    RESULTS.write_text("\n".join(lines), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--older", type=Path, help="folder with the transformers before 5")
    parser.add_argument("--one", help="one backbone, in this process")
    parser.add_argument("--only", nargs="*", help="these backbones alone")
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    if given.one:
        sys.stdout.write(json.dumps(one(given.one, given.repeats)) + "\n")
        return 0
    from molre.backbones.catalogue import presets

    rows = every(given.only or list(presets()), given.repeats)
    family_tests = older(given.older) if given.older else "not run (--older)"
    write(rows, family_tests)
    failed = any("FAILED" in row.get("why", "") for row in rows)
    return 1 if failed or "failed" in family_tests or "error" in family_tests else 0


if __name__ == "__main__":
    sys.exit(main())
