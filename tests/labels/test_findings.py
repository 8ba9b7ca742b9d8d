from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.labels.findings import findings, load

HEADER = "id,name,category,parent,blank_means\n"


def written(path: Path, text: str) -> Path:
    path.write_text(HEADER + text, encoding="utf-8")
    return path


def test_the_packaged_table_has_75_findings_in_six_categories():
    table = findings()
    assert len(table) == len(set(table.ids)) == 75
    assert Counter(f.category for f in table) == {
        "hemorrhage": 13,
        "infarction": 11,
        "trauma": 11,
        "mass_lesion": 15,
        "structural": 15,
        "chronic": 10,
    }
    assert [f.id for f in table] == list(table.ids) == list(table.by_id)
    assert all(f.name and f.definition and f.report_terms for f in table)


def test_silence_means_absent_for_68_findings_and_nothing_for_7():
    table = findings()
    assert Counter(f.blank_means for f in table) == {"absent": 68, "unknown": 7}
    assert {f.id for f in table if f.blank_means == "unknown"} == {
        "cerebral_atrophy",
        "small_vessel_disease",
        "intracranial_atherosclerosis",
        "intracranial_calcification",
        "paranasal_sinus_disease",
        "mastoid_effusion",
        "scalp_hematoma",
    }


def test_the_hierarchy_has_no_circle_and_at_most_four_levels():
    table = findings()
    for finding in table.ids:
        above = table.ancestors(finding)
        assert finding not in above
        assert len(above) == len(set(above)) <= 3


def test_a_parent_may_be_of_another_category():
    table = findings()
    across = {
        f.id: f.parent for f in table if f.parent and table.by_id[f.parent].category != f.category
    }
    assert across["hemorrhagic_contusion"] == "intraparenchymal_hemorrhage"
    assert across["chronic_infarct"] == "ischemic_infarct"


def test_a_cell_with_commas_inside_quotes_is_one_cell():
    hemorrhage = findings().by_id["intraparenchymal_hemorrhage"]
    assert hemorrhage.definition.endswith("supra- or infratentorial, from any cause.")
    assert hemorrhage.parent == "intracranial_hemorrhage"


def test_ancestors_run_upwards_nearest_first():
    table = findings()
    assert table.ancestors("depressed_skull_fracture") == ("calvarial_fracture", "skull_fracture")
    for finding in table:
        above = table.ancestors(finding.id)
        assert above == ((finding.parent, *table.ancestors(finding.parent)) if above else ())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("a,A,x,,absent\na,A,x,,absent\n", "listed twice"),
        ("a,A,x,b,absent\n", "unknown or circular"),
        ("a,A,x,b,absent\nb,B,x,a,absent\n", "unknown or circular"),
        ("a,A,x,a,absent\n", "unknown or circular"),
        ("a,A,x,,maybe\n", "blank_means 'maybe'"),
        (",A,x,,absent\n", "finding 'A' has no id"),
        ("a,A,x\n", "line 2 has 3 cells, the header 5"),
        ("a,A,x,,absent,more\n", "line 2 has 6 cells"),
        ('a,"A,x,,absent\n', "line 2 is not valid CSV"),
        ("", "no rows"),
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


def test_no_file_no_text_and_nothing_at_all_are_refused(tmp_path: Path):
    with pytest.raises(MolreError, match="no such file"):
        load(tmp_path / "none.csv")
    path = tmp_path / "findings.csv"
    path.write_bytes(HEADER.encode() + "a,Ödem,x,,absent\n".encode("latin-1"))
    with pytest.raises(MolreError, match="UTF-8"):
        load(path)
    path.write_bytes(b"")
    with pytest.raises(MolreError, match="is empty"):
        load(path)


def test_a_table_of_ones_own_is_read_in_its_order(tmp_path: Path):
    rows = "\ufeffid,name,category,parent,blank_means,report_terms\n"
    rows += 'b,"B, the second",x,a,unknown,one ; two;\na,A,y,,absent,\n'
    path = tmp_path / "findings.csv"
    path.write_text(rows, encoding="utf-8")
    table = load(path)
    assert table.ids == ("b", "a")
    assert table.categories == ("x", "y")
    assert table.by_id["b"].name == "B, the second"
    assert table.by_id["b"].report_terms == ("one", "two")
    assert table.ancestors("b") == ("a",)
