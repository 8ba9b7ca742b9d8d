from __future__ import annotations

import polars as pl
import pytest

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from molre.workflows.label_merge import merge_labels
from tests.helpers.labels.two_tables import write_long

SHIFT = "midline_shift"


@pytest.fixture
def pair(tmp_path):
    labels = write_long(
        tmp_path / "labels.csv", [("r1", SHIFT, "present"), ("r2", SHIFT, "absent")]
    )
    return labels, write_long(tmp_path / "decisions.csv", [("r1", SHIFT, "absent")], "reader")


@pytest.mark.parametrize("name", ["merged.parquet", "merged.csv"])
def test_the_table_is_a_label_table_that_says_who_labeled_what(pair, tmp_path, name):
    done = merge_labels(*pair, tmp_path / name)
    _, long = read_labels(tmp_path / name, findings())
    assert (done.decided, done.changed) == (1, 1)
    rows = long.filter(finding=SHIFT).select("id", "state", "source").rows()
    assert rows == [("r1", "absent", "reader"), ("r2", "absent", "report-rules")]


def test_only_what_was_decided_is_a_reader_s(pair, tmp_path):
    merge_labels(*pair, tmp_path / "merged.parquet")
    merged = pl.read_parquet(tmp_path / "merged.parquet")
    assert set(merged.filter(pl.col("source") == "reader")["finding"]) == {SHIFT}


def test_what_is_in_the_way_or_of_other_studies_is_refused(pair, tmp_path):
    labels, decisions = pair
    (tmp_path / "there.csv").write_text("mine")
    for out, said in (
        (tmp_path / "there.csv", "already exists"),
        (tmp_path / "x.txt", "not the name of a table"),
        (tmp_path, "not the name of a table"),
    ):
        with pytest.raises(MolreError, match=said):
            merge_labels(labels, decisions, out)
    other = write_long(tmp_path / "other.csv", [("r9", SHIFT, "absent")], "reader")
    with pytest.raises(MolreError, match="no decision is of a study"):
        merge_labels(labels, other, tmp_path / "m.csv")
    (tmp_path / "wide.csv").write_text(f"study,{SHIFT}\nr1,1\n")
    with pytest.raises(MolreError, match="not a table of decisions"):
        merge_labels(labels, tmp_path / "wide.csv", tmp_path / "m.csv")
