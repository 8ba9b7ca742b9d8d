"""The whole system once, small: what tests of verbs and pages look at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FINDINGS = "epidural_hemorrhage,cerebral_atrophy,pneumocephalus"
SETTINGS = ("min_labels=2", "max_epochs=6", "patience=6", "learning_rates=[0.003]")


def molre(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own and expect an exit code."""
    command = [sys.executable, "-m", "molre", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def build(root: Path) -> Path:
    """Phantoms, cohort, two trained arms, a comparison and a prediction under ``root``."""
    phantoms, cohort = root / "phantoms", root / "cohort"
    molre(
        "phantom", "--studies", 30, "--seed", 5, "--findings", FINDINGS, "--prevalence", 0.5,
        "-o", phantoms,
    )  # fmt: skip
    molre("ingest", phantoms, "-o", cohort)
    molre("label", phantoms / "labels.csv", "--cohort", cohort)
    molre("split", cohort, "--fractions", 0.4, 0.2, 0.2, 0.2)
    for arm in ("frozen", "molre"):
        settings = [part for s in SETTINGS for part in ("--set", s)]
        molre("train", cohort, "--arm", arm, "-o", root / "runs" / f"{arm}-0", *settings)
        molre("evaluate", root / "runs" / f"{arm}-0")
    molre("compare", root / "runs/frozen-0", root / "runs/molre-0", "-o", root / "comparison")
    molre("predict", root / "runs/molre-0/model", phantoms / "study_00000", "-o", root / "out")
    return root
