"""--dry-run: what would be found, and nothing written."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from molre.cli.main import app
from tests.helpers.cohort.dicoms import write_slice, write_study


def _scans(folder: Path) -> Path:
    import numpy as np

    for i in range(3):
        write_study(folder / str(i), f"1.2.{i + 100}", f"P{i}", seed=i, slices=8 + i)
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    write_slice(folder / "scout.dcm", "1.2.100", "P0", 99, np.zeros((8, 8)), ImageType=scout)
    (folder / "note.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return folder


def test_it_counts_what_ingest_then_finds_and_writes_nothing(tmp_path):
    scans, out = _scans(tmp_path / "scans"), tmp_path / "cohort"
    before = sorted(tmp_path.rglob("*"))
    run = CliRunner().invoke(app, ["ingest", str(scans), "-o", str(out), "--dry-run", "--json"])
    assert run.exit_code == 0, run.output
    assert sorted(tmp_path.rglob("*")) == before
    found = json.loads(run.stdout)
    assert (found["studies"], found["slices"], found["refused"]) == (3, 8 + 9 + 10, 2)
    size = sum(path.stat().st_size for path in scans.rglob("*.dcm"))
    assert found["gigabytes"] * 1e9 == size
    assert found["tried"] == 3
    assert found["hours"] > 0

    done = CliRunner().invoke(app, ["ingest", str(scans), "-o", str(out), "--cache"])
    assert done.exit_code == 0, done.output
    written = sum(path.stat().st_size for path in (out / "volumes").iterdir())
    assert abs(found["cache_gigabytes"] * 1e9 / written - 1) < 0.02


def test_words_name_studies_slices_disk_and_time(tmp_path):
    command = ["ingest", str(_scans(tmp_path / "scans")), "-o", str(tmp_path / "c"), "--dry-run"]
    said = " ".join(CliRunner().invoke(app, command).stdout.split())
    assert "3 studies, 27 slices" in said
    assert "2 workers" in said
    assert "Nothing was written" in said


def test_where_no_study_can_be_read_the_time_is_unknown(tmp_path):
    write_study(tmp_path / "mr", "1.2.3", slices=2, SOPClassUID="1.2.840.10008.5.1.4.1.1.4")
    command = ["ingest", str(tmp_path / "mr"), "-o", str(tmp_path / "c"), "--dry-run"]
    said = CliRunner().invoke(app, command).stdout
    assert "0 studies" in said
    assert "not known" in said
