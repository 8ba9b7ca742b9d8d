from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from molre.labels.reports.read_reports import read_reports

TEXT = "FINDINGS: No hemorrhage.\nIMPRESSION: Normal; stable."
CSV = f'accession;report\r\n0012;"{TEXT}"\r\n0013;Atrophy.\r\n'


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_as_spreadsheets_write_it(tmp_path: Path, encoding: str) -> None:
    table = read_reports(write(tmp_path / "r.csv", CSV.encode(encoding)))
    assert table.id_column == "accession"
    assert [(r.study, r.text, r.line) for r in table.reports] == [
        ("0012", TEXT, 2), ("0013", "Atrophy.", 4),
    ]  # fmt: skip


def test_json_lines_and_parquet_are_read_alike(tmp_path: Path) -> None:
    rows = [{"study": "a", "text": TEXT}, {"study": "b", "text": None}]
    lines = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    pl.DataFrame(rows).write_parquet(tmp_path / "r.parquet")
    for path in (lines, tmp_path / "r.parquet"):
        found = [(r.study, r.text) for r in read_reports(path).reports]
        assert found == [("a", TEXT), ("b", "")]


def test_columns_of_sections_are_joined_under_their_names(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "id,findings,impression\n1,No bleed.,Normal.\n")
    assert read_reports(path).reports[0].text == "FINDINGS: No bleed.\n\nIMPRESSION: Normal."


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("r.csv", b"PK\3\4", "workbook"),
        ("r.csv", "id,age\n1,40\n", "no column holds the report"),
        ("r.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("r.jsonl", "\n", "is empty"),
        ("r.parquet", b"PAR1 damaged", "damaged"),
    ],
)
def test_what_is_not_a_table_of_reports_is_refused(
    tmp_path: Path, name: str, data: bytes | str, message: str
) -> None:
    with pytest.raises(MolreError, match=message):
        read_reports(write(tmp_path / name, data))


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "id,report\n1,No bleed.\n")
    with pytest.raises(MolreError, match="no column 'reprot'"):
        read_reports(path, text_names=["reprot"])


def test_reports_of_one_study_are_joined_and_empty_ones_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", "id,text\nr1,first\nr2,\nr1,ADDENDUM: more\n")
    assert read_reports(path).texts == {"r1": "first\n\nADDENDUM: more"}


@pytest.mark.parametrize(
    ("name", "data"),
    [("r.jsonl", "Mr Secret has a bleed\n"), ("r.csv", "id,words\n1,Mr Secret has a bleed\n")],
)
def test_an_error_never_holds_a_report(tmp_path: Path, name: str, data: str) -> None:
    with pytest.raises(MolreError) as error:
        read_reports(write(tmp_path / name, data))
    assert "Secret" not in str(error.value)
