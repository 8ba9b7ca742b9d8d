"""What a comparison was made from: paths from OUT, and hashes of all that it reads of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from molre import files
from molre.errors import MolreError
from molre.runs.sources import (
    COMPARISON,
    SOURCES_VERSION,
    hashes,
    read_sources,
    write_comparison_sources,
)
from tests.helpers.evaluation.runs import write_run

READ = {
    "manifest.json", "predictions.parquet", "studies.parquet", "routing.parquet",
    "history.parquet", "model/model.json",
}  # fmt: skip


def test_runs_are_named_from_out_with_the_hashes_of_what_is_read(tmp_path: Path) -> None:
    run, out = write_run(tmp_path / "runs" / "a"), tmp_path / "out"
    write_comparison_sources(out, [run], {"draws": 20})
    told = read_sources(out / COMPARISON)
    assert told["settings"] == {"draws": 20}
    (entry,) = told["runs"]
    assert entry["path"] == "../runs/a"
    assert entry["sha256"] == hashes(run) == {name: files.sha256(run / name) for name in READ}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not readable as what molre wrote"),
        ("{}", "not readable as what molre wrote"),
        (json.dumps({"format_version": SOURCES_VERSION + 1}), "is newer than this molre can read"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / COMPARISON).write_text(content)
    with pytest.raises(MolreError, match=words):
        read_sources(tmp_path / COMPARISON)
