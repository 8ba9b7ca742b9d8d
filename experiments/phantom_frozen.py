"""Are the phantoms' findings neither given away nor lost to a frozen backbone?

Writes 1,000 synthetic studies, embeds them with the offline default backbone, trains `frozen` on 60 %
of the patients and scores the rest. A macro AUC near 0.5 would mean that findings are lost, one near
1 that they are given away; where exactly the line is nobody has derived. One training seed, and most
findings have 10 to 20 positives: read the intervals. Synthetic throughout.

    python experiments/phantom_frozen.py --work DIR
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import torch


def molre(*arguments: object) -> float:
    """Run a verb; its seconds."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "molre", *map(str, arguments)], check=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for scans and runs")
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--arms", nargs="+", default=["frozen"])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    phantoms, cohort = given.work / "phantoms", given.work / "cohort"
    seconds = {
        "phantom": molre(
            "phantom", "--studies", given.studies, "--seed", given.seed, "-o", phantoms
        ),
        "ingest": molre("ingest", phantoms, "-o", cohort),
    }
    molre("label", phantoms / "labels.csv", "--cohort", cohort)
    molre("split", cohort)
    seconds["embed"] = molre("embed", cohort)
    runs = []
    for arm in given.arms:
        runs.append(given.work / "runs" / f"{arm}-0")
        seconds[f"train {arm}"] = molre("train", cohort, "--arm", arm, "-o", runs[-1])
        molre("evaluate", runs[-1])
    write(given, runs, seconds)


def write(given: argparse.Namespace, runs: list[Path], seconds: dict[str, float]) -> None:
    lines = [
        "# Synthetic findings on a frozen backbone",
        "",
        f"`python experiments/phantom_frozen.py --work DIR --studies {given.studies} "
        f"--seed {given.seed} --arms {' '.join(given.arms)}`; efficientnet_lite0. "
        f"Python {platform.python_version()}, torch {torch.__version__}, 2 cores. Synthetic phantoms.",
        "",
        "| step | seconds |",
        "| --- | --- |",
        *[f"| {step} | {value:.0f} |" for step, value in seconds.items()],
        "",
    ]
    for run in runs:
        lines += one_run(run)
    given.out.write_text("\n".join(lines))
    print("\n".join(lines))


def one_run(run: Path) -> list[str]:
    metrics = pl.read_parquet(run / "metrics.parquet").filter(pl.col("finding") != "macro")
    counted = metrics.filter(pl.col("in_endpoint"))
    above = counted.filter(pl.col("auc") > 0.97).height
    columns = ("finding", "positives", "auc", "auc_low", "auc_high")
    rows = counted.sort("auc").select(columns).iter_rows()
    macro = pl.read_parquet(run / "metrics.parquet").filter(pl.col("finding") == "macro")
    low, high = macro["auc_low"][0], macro["auc_high"][0]
    return [
        f"## {run.name}",
        "",
        f"Macro AUC {macro['auc'][0]:.3f} ({low:.3f} to {high:.3f}, 95 %), {macro['status'][0]} with "
        f"at least 10 positive and 10 negative patients in test, parents included; {above} of "
        f"{counted.height} AUCs are above 0.97. n test = {metrics['n'].max()}; one training seed.",
        "",
        "| finding | positives | AUC | 95 % interval |",
        "| --- | --- | --- | --- |",
        *[
            f"| {finding} | {positives} | {value:.3f} | {low:.3f} to {high:.3f} |"
            for finding, positives, value, low, high in rows
        ],
        "",
    ]


if __name__ == "__main__":
    main()
