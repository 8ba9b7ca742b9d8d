"""Ctrl-C in the middle, then the same command again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from molre.cohort.ingest import ingest
from tests.helpers.cohort.dicoms import write_study

STUDIES = 24
CODE = "import sys; from molre.cohort.ingest import ingest; ingest(sys.argv[1:2], sys.argv[2])"


def test_ctrl_c_stops_cleanly_and_a_rerun_goes_on(tmp_path: Path):
    scans, out = tmp_path / "scans", tmp_path / "cohort"
    for i in range(STUDIES):
        write_study(scans / f"{i:02d}", f"1.2.{i + 100}", f"P{i}", seed=i, slices=6)
    run = subprocess.Popen(
        [sys.executable, "-c", f"if __name__ == '__main__':\n    {CODE}", scans, out],
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while run.poll() is None and not list(out.glob("state/*.json")):
        pass
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: parent and workers
    _, said = run.communicate(timeout=60)
    assert b"KeyboardInterrupt" in said
    assert not (out / "cohort.json").exists()
    assert not list(out.rglob("*.part"))
    done = ingest([scans], out)
    assert (done.studies, done.exit_code) == (STUDIES, 0)
    assert 0 < done.read < STUDIES
