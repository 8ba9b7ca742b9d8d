"""The whole system once, small: what tests of verbs and pages look at."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from molre.cli.main import main
from molre.phantom.write import write_phantoms

FINDINGS = ("epidural_hemorrhage", "cerebral_atrophy", "pneumocephalus")
SETTINGS = ("min_labels=2", "max_epochs=6", "patience=6", "learning_rates=[0.003]")


def molre(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command line and expect an exit code.

    In this process, which has imported everything already; ``molre_process`` is the whole of it.
    """
    command = ["molre", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    with patch.object(sys, "argv", command), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as leaving:
            left = leaving.code
    return _expect(subprocess.CompletedProcess(command, left, out.getvalue(), err.getvalue()), code)


def molre_process(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own, as a user starts it."""
    command = [sys.executable, "-m", "molre", *map(str, arguments)]
    return _expect(subprocess.run(command, capture_output=True, text=True, check=False), code)


def _expect(done: subprocess.CompletedProcess[str], code: int) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def build(root: Path) -> Path:
    """Phantoms, cohort, two trained arms, a comparison and a prediction under ``root``."""
    phantoms, cohort = root / "phantoms", root / "cohort"
    write_phantoms(phantoms, 30, 5, findings=FINDINGS, prevalence=0.5, max_slices=10)
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
