"""The two real studies, from files to the contact sheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.cohort.ingest import Ingested, ingest
from molre.cohort.rejects import read_rejects
from molre.errors import MolreError
from molre.output.cohort.report import write_contact_sheet

STUDIES = ("ge_hispeed_head_tilt", "philips_ingenuity_phantom_study")


@pytest.fixture(scope="module")
def look(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    out = tmp_path_factory.mktemp("real") / "look"
    return ingest([shared / "data" / name for name in STUDIES], out)


def test_both_studies_are_read_and_what_was_refused_is_named(look: Ingested):
    assert (look.studies, look.exit_code) == (2, 0)
    reasons = [row["reason"] for row in read_rejects(look.cohort.path / "rejects.csv")]
    assert sum("localizer (scout)" in r for r in reasons) == 1
    assert sum("dose" in r for r in reasons) == 2


def test_the_patient_is_a_head_with_uneven_tilted_slices(look: Ingested):
    (ge,) = look.cohort.scans().filter(manufacturer="GE MEDICAL SYSTEMS").to_dicts()
    assert (ge["slices"], ge["head"], ge["even"]) == (28, True, False)
    assert ge["tilt"] == pytest.approx(18.5, abs=0.1)
    assert ge["step_mm"] == pytest.approx(4.0, abs=0.01)


def test_the_plastic_head_is_none(look: Ingested):
    (philips,) = look.cohort.scans().filter(manufacturer="Philips").to_dicts()
    assert philips["path"].endswith("S2010")
    assert (philips["slices"], philips["head"], philips["even"]) == (28, False, True)
    assert philips["head_reasons"]


def test_the_contact_sheet_shows_both(look: Ingested):
    page = write_contact_sheet(look.cohort).read_text(encoding="utf-8")
    assert page.count("<article") == 2
    assert "S4010/I50" in page


@pytest.mark.parametrize("name", ["odd/MR_small.dcm", "odd/enhanced_ct_perfusion_map.dcm"])
def test_what_is_no_ct_is_refused_in_a_sentence(shared: Path, tmp_path: Path, name: str):
    out = tmp_path / "cohort"
    with pytest.raises(MolreError) as refused:
        ingest([shared / "data" / name], out)
    assert refused.value.exit_code == 2
    assert refused.value.fix
    assert not out.exists()
