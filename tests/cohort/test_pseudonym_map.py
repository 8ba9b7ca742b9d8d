"""The map of identifiers: only where it is asked for, for its owner's eyes, outside the cohort."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from molre.cli.main import app
from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.cohort.pseudonym_map import write_map
from molre.errors import MolreError
from tests.helpers.cohort.dicoms import write_study


def test_it_joins_the_cohort_to_the_hospital(tmp_path: Path):
    for i in range(3):
        write_study(
            tmp_path / "scans" / str(i), f"1.2.{i + 100}", f"PID-{i // 2}", seed=i, slices=4
        )
    out, path = tmp_path / "cohort", tmp_path / "keys" / "map.csv"
    scans = str(tmp_path / "scans")
    run = CliRunner().invoke(app, ["ingest", scans, "-o", str(out), "--pseudonym-map", str(path)])
    assert run.exit_code == 0, run.output
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(path.open()))
    assert {row["study_instance_uid"] for row in rows} == {"1.2.100", "1.2.101", "1.2.102"}
    assert {row["patient_id"] for row in rows} == {"PID-0", "PID-1"}
    table = Cohort(out).scans()
    assert {(r["patient"], r["study"]) for r in rows} == set(
        table.select("patient", "study").iter_rows()
    )
    for file in out.rglob("*"):
        assert not file.is_file() or b"PID-0" not in file.read_bytes()


def test_without_being_asked_there_is_none(tmp_path: Path):
    write_study(tmp_path / "scans", "1.2.100", "PID-1", slices=4)
    ingest([tmp_path / "scans"], tmp_path / "cohort")
    assert not [f for f in tmp_path.rglob("*.csv") if b"PID-1" in f.read_bytes()]


def test_inside_the_cohort_it_is_refused_before_anything_is_read(tmp_path: Path):
    write_study(tmp_path / "scans", "1.2.100", slices=4)
    out = tmp_path / "cohort"
    link = tmp_path / "elsewhere"
    link.symlink_to(out)
    for place in (out / "x" / "..", link, out / "deeper"):
        with pytest.raises(MolreError, match="does not belong"):
            write_map([tmp_path / "scans"], out, b"salt", place / "map.csv")
    command = ["ingest", str(tmp_path / "scans"), "-o", str(out)]
    run = CliRunner().invoke(app, [*command, "--pseudonym-map", str(out / "map.csv")])
    assert run.exit_code != 0
    assert not out.exists()


@pytest.mark.parametrize("place", ["scans/00.dcm", "labels.csv", "scans", "labels.csv/m", "new"])
def test_over_a_scan_or_a_table_it_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    write_study(tmp_path / "scans", "1.2.100", slices=4)
    (tmp_path / "labels.csv").write_text("study,skull_fracture\n1.2.100,1\n")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    monkeypatch.chdir(tmp_path)
    command = ["ingest", "scans", "-o", "new/cohort", "--pseudonym-map", place]
    assert isinstance(CliRunner().invoke(app, command).exception, MolreError)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
