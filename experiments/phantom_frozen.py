"""Are the phantoms' findings neither given away nor lost to a frozen backbone?

Writes 1,000 synthetic studies, embeds them with the offline default backbone, trains `frozen` on 60 %
of the patients and scores the rest. The macro AUC should lie between 0.68 and 0.92, with at most a
quarter of the findings above 0.97. Synthetic throughout.

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
    counted = metrics.filter((pl.col("positives") >= 10) & (pl.col("negatives") >= 10))
    above = counted.filter(pl.col("auc") > 0.97).height
    rows = counted.sort("auc").select("finding", "positives", "auc").iter_rows()
    return [
        f"## {run.name}",
        "",
        f"Macro AUC {counted['auc'].mean():.3f} over {counted.height} findings with at least 10 "
        f"positives and negatives in test, parents included; {above} of them above 0.97. "
        f"n test = {metrics['n'].max()}.",
        "",
        "| finding | positives | AUC |",
        "| --- | --- | --- |",
        *[f"| {finding} | {positives} | {value:.3f} |" for finding, positives, value in rows],
        "",
    ]


if __name__ == "__main__":
    main()
