"""Tables are made of what is kept, also while another run keeps more."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.cohort import study_state
from molre.cohort.ingest import ingest
from molre.cohort.publish import publish
from tests.helpers.cohort.dicoms import write_study


def test_a_study_that_another_run_keeps_meanwhile_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(3):
        write_study(tmp_path / "scans" / str(i), f"1.2.{i}", f"P{i}", seed=i, slices=8)
    cohort = ingest([tmp_path / "scans"], tmp_path / "cohort", workers=1).cohort.path
    *before, late = (cohort / "state").glob("*.json")
    other_run = cohort / "state" / "late.elsewhere"
    late.rename(other_run)
    look = study_state.load_all

    def while_another_run_works(folder: Path):
        yield from look(folder)
        if other_run.exists():
            other_run.rename(late)

    monkeypatch.setattr(study_state, "load_all", while_another_run_works)
    assert len(publish(cohort, ()).studies) == len(before) == 2
    assert len(publish(cohort, ()).studies) == 3
