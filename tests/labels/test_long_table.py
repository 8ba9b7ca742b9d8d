"""The long label table: four states, who said so and in which words; closed like a wide one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.findings import FindingsTable, findings
from molre.labels.read_labels import read_labels
from molre.labels.table import write_wide
from tests.helpers.labels.long_rows import COLUMNS, frame, row

TABLE = findings()


def test_the_hierarchy_decides_what_is_uncertain(tmp_path: Path) -> None:
    rows = [("A", "intracranial_hemorrhage", "uncertain"), ("A", "epidural_hemorrhage", "present")]
    _, long = read_labels(frame(rows, COLUMNS[:3]), TABLE)
    assert row(long, "A", "intracranial_hemorrhage")["state"] == "present"


@pytest.mark.parametrize(
    ("rows", "columns", "said"),
    [
        (
            [("A", "skul_fracture", "present")],
            COLUMNS[:3],
            "'skul_fr.*mean 'skull_fracture'",
        ),
        ([("A", "skull_fracture", "1")], COLUMNS[:3], "unknown state '1'.*present, absent"),
        ([("A", "skull_fracture", "abscent")], COLUMNS[:3], "mean 'absent'"),
        ([(" ", "skull_fracture", "absent")], COLUMNS[:3], "a row has no study"),
        ([("A", "skull_fracture", "absent")] * 2, COLUMNS[:3], "'A' has two rows for skull_fract"),
        ([("A", "skull_fracture", "absent", "x")], [*COLUMNS[:3], "evidense"], "mean 'evidence'"),
        ([("A", "skull_fracture", "absent")], ["nr", "finding", "state"], "no column names the st"),
        ([("A", "skull_fracture", "absent")], ["study", "finding", "value"], "not a long label ta"),
        (
            [("A", "skull_fracture", "absent"), ("A", "calvarial_fracture", "present")],
            COLUMNS[:3],
            "the label table: study A: calvarial_fracture is 1 but the broader skull_fracture is 0",
        ),
    ],
)
def test_a_bad_long_table_is_refused_with_what_is_wrong(rows, columns, said: str) -> None:
    with pytest.raises(MolreError, match=said):
        read_labels(frame(rows, columns), TABLE)


@pytest.mark.parametrize(
    "cell",
    [["a", "b"], {"words": "a"}, b"\xff", object()],
    ids=["list", "struct", "bytes", "object"],
)
def test_cells_that_are_no_text_are_refused_by_their_column(cell: object) -> None:
    kind = pl.Object if type(cell) is object else None
    given = frame().with_columns(pl.Series("evidence", [cell] * 3, dtype=kind))
    with pytest.raises(MolreError, match=r"column 'evidence' is of \w+.*, not text"):
        read_labels(given, TABLE)


def test_other_columns_may_be_left_out_and_an_empty_table_is_refused(tmp_path: Path) -> None:
    given = frame().with_columns(confidence=pl.lit(0.9))
    with pytest.raises(MolreError, match="--ignore-column confidence"):
        read_labels(given, TABLE)
    assert read_labels(given, TABLE, ignore=["confidence"])[1].height == 2 * len(TABLE)
    with pytest.raises(MolreError, match="has no rows"):
        read_labels(frame([]), TABLE)


SMALL = FindingsTable(TABLE.rows[:12])


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("AB"), st.sampled_from(SMALL.ids)),
        st.sampled_from(["present", "absent", "not_mentioned"]),
        min_size=1,
    )
)
def test_without_uncertainty_a_long_table_says_what_the_wide_one_of_it_says(
    tmp_path_factory: pytest.TempPathFactory, states: dict[tuple[str, str], str]
) -> None:
    given = frame([(*pair, state) for pair, state in states.items()], COLUMNS[:3])
    wide = tmp_path_factory.mktemp("wide") / "wide.csv"
    write_wide(given.rename({"study": "id"}), wide, SMALL)
    try:
        expected = read_labels(wide, SMALL)[1]
    except MolreError:  # the draw contradicts the hierarchy
        with pytest.raises(MolreError):
            read_labels(given, SMALL)
        return
    assert read_labels(given, SMALL)[1].equals(expected)
