from __future__ import annotations

import polars as pl
import pytest

from molre.errors import MolreError
from molre.labels.reports.texts import read_texts

SECRET = "Mr Secret has a bleed"


def test_a_table_or_json_lines_give_the_same(tmp_path):
    (tmp_path / "r.csv").write_text('accession;text\n007;"two\nlines"\n8;one\n')
    (tmp_path / "r.jsonl").write_text(
        '{"id": "007", "text": "two\\nlines", "more": [1]}\n\n{"id": "8", "text": "one"}\n'
    )
    pl.DataFrame({"study": ["007", "8"], "report": ["two\nlines", "one"]}).write_parquet(
        tmp_path / "r.parquet"
    )
    for name in ("r.csv", "r.jsonl", "r.parquet"):
        assert read_texts(tmp_path / name) == {"007": "two\nlines", "8": "one"}


def test_several_reports_of_a_study_are_joined_and_empty_ones_are_none(tmp_path):
    (tmp_path / "r.csv").write_text("id,text\nr1,first\nr2,\nr1,addendum\n")
    assert read_texts(tmp_path / "r.csv") == {"r1": "first\n\naddendum"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.jsonl", f'{{"id": "1", "text": "a"}}\n{SECRET}\n', "line 2 is not a JSON object"),
        ("r.jsonl", f'"{SECRET}"\n', "line 1 is not a JSON object"),
        ("r.csv", f"id,words\n1,{SECRET}\n", "has no column 'text'"),
        ("r.csv", f"key,text\n1,{SECRET}\n", "no column names the study"),
    ],
)
def test_an_error_never_holds_a_report(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    with pytest.raises(MolreError, match=said) as error:
        read_texts(tmp_path / name)
    assert "Secret" not in str(error.value)


def test_what_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(MolreError, match="no such file"):
        read_texts(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl").write_bytes(b'{"text": "\xff"}')
    with pytest.raises(MolreError, match="not UTF-8"):
        read_texts(tmp_path / "r.jsonl")
