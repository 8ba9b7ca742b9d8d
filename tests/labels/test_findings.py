from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.findings import findings, load

HEADER = "id,name,category,parent,blank_means\n"


def written(path: Path, text: str) -> Path:
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def test_the_packaged_table_has_six_categories_and_known_parents():
    table = findings()
    assert len(table) == len(set(table.ids)) > 0
    assert len(table.categories) == 6
    assert {f.parent for f in table if f.parent} <= set(table.ids)
    assert {f.blank_means for f in table} == {"absent", "unknown"}


def test_a_cell_with_commas_inside_quotes_is_one_cell():
    hemorrhage = findings().by_id["intraparenchymal_hemorrhage"]
    assert hemorrhage.definition.endswith("supra- or infratentorial, from any cause.")
    assert hemorrhage.parent == "intracranial_hemorrhage"


def test_ancestors_run_upwards_and_descendants_are_their_inverse():
    table = findings()
    assert table.ancestors("depressed_skull_fracture") == ("calvarial_fracture", "skull_fracture")
    for finding in table.ids:
        for below in table.descendants(finding):
            assert finding in table.ancestors(below)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,A,x,,absent\na,A,x,,absent\n", "there twice"),
        ("a,A,x,b,absent\n", "unknown or circular"),
        ("a,A,x,b,absent\nb,B,x,a,absent\n", "unknown or circular"),
        ("a,A,x,,maybe\n", "blank_means 'maybe'"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, rows: str, said: str):
    with pytest.raises(MolreError, match=said):
        load(written(tmp_path / "findings.csv", rows))


def test_a_missing_column_is_named(tmp_path: Path):
    path = tmp_path / "findings.csv"
    path.write_text("id,name\na,A\n", encoding="utf-8")
    with pytest.raises(MolreError, match="'category'"):
        load(path)
