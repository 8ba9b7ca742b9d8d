from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.findings import FindingsTable, findings
from molre.labels.table import read_wide, write_wide

TABLE = findings()


def csv(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def long_of(*arguments: object, **options: object) -> pl.DataFrame:
    return read_wide(*arguments, **options)[1]  # type: ignore[arg-type]


def state(long: pl.DataFrame, study: str, finding: str) -> str:
    return long.filter((pl.col("id") == study) & (pl.col("finding") == finding))["state"].item()


def test_a_wide_table_becomes_one_row_a_study_and_finding(tmp_path: Path):
    path = csv(tmp_path, "study,skull_fracture,hydrocephalus\nA,1,\nB,0,1.0\n")
    long = long_of(path, TABLE, source="reader", labeller="two radiologists")
    assert long.height == 2 * len(TABLE)
    assert state(long, "A", "skull_fracture") == "present"
    assert state(long, "A", "hydrocephalus") == "not_mentioned"
    assert state(long, "B", "calvarial_fracture") == "absent"
    assert state(long, "B", "ventriculomegaly") == "present"
    assert long["labeller"].unique().to_list() == ["two radiologists"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffstudy,skull_fracture\nA,1\n",
        "study;skull_fracture\nA;1\n",
        "study\tskull_fracture\nA\t1\n",
        " study , skull_fracture \r\n A , 1.0 \r\n\r\n",
        "StudyInstanceUID,skull_fracture\nA,1\n",
        'skull_fracture,accession\n1,"A"\n',
        "study,skull_fracture\rA,1\r",
        'study;"skull_fracture"\n"A";" 1"\n',
        "sep=;\nstudy;skull_fracture\nA;1\n",
        '\ufeff"sep=,"\r\nstudy,skull_fracture\r\nA,1\r\n',
        "SEP=\t\nstudy\tskull_fracture\nA\t1\n",
        "sep=|\nstudy|skull_fracture\nA|1\n",
        "sep=^\nStudy Instance UID^skull_fracture\nA^1\n",
        "study|skull_fracture\nA|1\n",
        "Accession Number,skull_fracture\nA,1\n",
        "PatientID,skull_fracture\nA,1\n",
    ],
)
def test_what_spreadsheets_write_is_understood(tmp_path: Path, text: str):
    long = long_of(csv(tmp_path, text), TABLE)
    assert long["id"].unique().to_list() == ["A"]
    assert state(long, "A", "skull_fracture") == "present"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study,skul_fracture\nA,1\n", r"'skul_fracture'.*[Dd]id you mean 'skull_fracture'"),
        ("study,skull_fracture\nA,1\nB,0\nA,0\n", "'A' is on line 2 and again on line 4"),
        ("study,skull_fracture\nA,1\nB,7\n", "line 3, column skull_fracture: value '7'"),
        ("study,skull_fracture\nA,1,0\n", "line 2 has 3 cells, the header 2"),
        ("study,skull_fracture\n,1\n", "line 2 has no study"),
        ("study,skull_fracture\n", "no rows"),
        ("study,source\nA,reader\n", "no column for any finding"),
        ("patient_nr,skull_fracture\nA,1\n", r"no column names the study.*patient_nr"),
        ("study,skull_fracture,skull_fracture\nA,1,1\n", "'skull_fracture' is listed twice"),
        ("study,study,skull_fracture\nA,B,1\n", "'study' is listed twice"),
        ("study,skull_fracture,\nA,1,\n", "a column has no name"),
        ("study,skull_fracture\nA,yes\n", "line 2, column skull_fracture: value 'yes'"),
        ('study,skull_fracture\n\n"A\nb",1\nC,-1\n', "line 5, .*value '-1'"),
        ('study,skull_fracture\nA,1\n"B,0\nC,0\n', "line 3 is not valid CSV"),
        ("sep=;\nstudy;skull_fracture\nA;1\nB;7\n", "line 4, column skull_fracture: value '7'"),
        (
            "ID,Label\nID_12345_any,0\nID_12345_epidural,1\n",
            "RSNA hemorrhage.*[Oo]ne row per study",
        ),
        (
            "study,finding,value\nA,skull_fracture,1\nA,hydrocephalus,0\n",
            "'finding' holds findings",
        ),
        (
            "study,Skull fracture,note,Sinusitis\nA,1,,\n",
            "3 unknown.*'Skull fracture': did you mean "
            "'skull_fracture'.*'note': it resembles no.*--ignore-column note --ignore-",
        ),
        ("study,skull_fracture\nA,1\nB\n", "line 3 has 1 cells, the header 2"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("study,skull_fracture,calvarial_fracture\nA,0,1\n", "study A: calvarial_fracture is 1"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(tmp_path: Path, text: str, said: str):
    with pytest.raises(MolreError, match=said) as refused:
        long_of(csv(tmp_path, text), TABLE)
    assert refused.value.exit_code == 2


def test_a_table_that_is_no_utf8_or_not_there_is_refused(tmp_path: Path):
    with pytest.raises(MolreError, match="UTF-8"):
        long_of(csv(tmp_path, "study,skull_fracture\nMüller,1\n", "latin-1"), TABLE)
    with pytest.raises(MolreError, match="UTF-8"):
        long_of(csv(tmp_path, "study,skull_fracture\nA,1\n", "utf-16-le"), TABLE)
    with pytest.raises(MolreError, match="no such file"):
        long_of(tmp_path / "none.csv", TABLE)
    with pytest.raises(MolreError, match="is a folder"):
        long_of(tmp_path, TABLE)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_text_with_a_byte_order_mark_is_read(tmp_path: Path, encoding: str):
    long = long_of(csv(tmp_path, "study\tskull_fracture\nMüller\t1\n", encoding), TABLE)
    assert state(long, "Müller", "skull_fracture") == "present"


def test_a_parquet_table_is_called_one(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes(b"PAR1" + bytes(20))
    with pytest.raises(MolreError, match="is a Parquet table.*CSV UTF-8"):
        read_wide(tmp_path / "t.csv", findings())


def test_a_workbook_is_called_one(tmp_path: Path):
    (tmp_path / "labels.xlsx").write_bytes(b"PK\3\4 and more")
    with pytest.raises(MolreError, match="is a workbook.*CSV UTF-8"):
        long_of(tmp_path / "labels.xlsx", TABLE)


def test_other_columns_pass_when_they_are_named(tmp_path: Path):
    path = csv(tmp_path, "study,comment,source,skull_fracture\nA,hm,cq500,1\nB,,,0\n")
    with pytest.raises(MolreError, match="--ignore-column comment"):
        long_of(path, TABLE)
    long = long_of(path, TABLE, source="reader", ignore=["comment"])
    assert dict(long.select("id", "source").unique().iter_rows()) == {"A": "cq500", "B": "reader"}


def test_source_and_labeller_hold_per_row_unless_ignored(tmp_path: Path):
    text = "study,source,labeller,skull_fracture\nA,report-llm,model 3,1\nB,,,0\n"
    path = csv(tmp_path, text)

    def said(**options: object) -> list[tuple[str, ...]]:
        long = long_of(path, TABLE, source="reader", labeller="Dr. X", **options)
        return sorted(long.select("id", "source", "labeller").unique().iter_rows())

    assert said() == [("A", "report-llm", "model 3"), ("B", "reader", "Dr. X")]
    assert said(ignore=["source", "labeller"]) == [
        ("A", "reader", "Dr. X"),
        ("B", "reader", "Dr. X"),
    ]


def test_a_quoted_comma_belongs_to_its_cell(tmp_path: Path):
    path = csv(tmp_path, 'study,"note, free",skull_fracture\n"Doe, A","1, 2",1\n')
    long = long_of(path, TABLE, ignore=["note, free"])
    assert state(long, "Doe, A", "skull_fracture") == "present"
    semicolons = csv(tmp_path, 'study;"a, b, c, d";skull_fracture\nA;;1\n')
    assert state(long_of(semicolons, TABLE, ignore=["a, b, c, d"]), "A", "skull_fracture") == (
        "present"
    )


def test_identifiers_are_text_and_keep_their_zeros(tmp_path: Path):
    long = long_of(csv(tmp_path, "accession,skull_fracture\n007,1\n7,0\n"), TABLE)
    assert long["id"].unique(maintain_order=True).to_list() == ["007", "7"]


def test_uncertain_is_an_empty_cell_when_written(tmp_path: Path):
    rows = [("A", "skull_fracture", "uncertain"), ("A", "hydrocephalus", "absent")]
    long = pl.DataFrame(rows, schema=["study_id", "finding", "state"], orient="row")
    few = FindingsTable(tuple(TABLE.by_id[f] for f in ("skull_fracture", "hydrocephalus")))
    write_wide(long, tmp_path / "w.csv", few, id_name="accession")
    assert (tmp_path / "w.csv").read_text() == "accession,skull_fracture,hydrocephalus\nA,,0\n"


def test_the_id_column_can_be_named_and_a_wrong_name_gets_a_hint(tmp_path: Path):
    path = csv(tmp_path, "case_nr,skull_fracture\nA,1\n")
    assert long_of(path, TABLE, id_column="case_nr")["id"][0] == "A"
    with pytest.raises(MolreError, match="Did you mean 'case_nr'"):
        long_of(path, TABLE, id_column="case_no")


SMALL = FindingsTable(TABLE.rows[:12])
names = st.text(
    st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=8
).filter(lambda s: s == s.strip())


@given(
    st.dictionaries(names, st.lists(st.sampled_from("10 "), min_size=12, max_size=12), max_size=4)
)
def test_wide_to_long_to_wide_changes_nothing_once_closed(
    tmp_path_factory: pytest.TempPathFactory, cells: dict[str, list[str]]
):
    folder = tmp_path_factory.mktemp("wide")
    rows = [
        (n, f, {"1": "present", "0": "absent"}.get(v, "uncertain"))
        for n, c in cells.items()
        for f, v in zip(SMALL.ids, c, strict=True)
    ]
    if not rows:
        return
    write_wide(
        pl.DataFrame(rows, schema=["id", "finding", "state"], orient="row"), folder / "a", SMALL
    )
    try:
        closed = long_of(folder / "a", SMALL)
    except MolreError:  # the draw contradicts the hierarchy
        return
    write_wide(closed, folder / "b", SMALL)
    again = long_of(folder / "b", SMALL)
    assert again.equals(closed)
    assert np.array_equal(again["id"].unique(maintain_order=True), list(cells))
