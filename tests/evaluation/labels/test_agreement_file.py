from __future__ import annotations

import json

import pytest

from molre.errors import MolreError
from molre.evaluation.labels.agreement import label_audit
from molre.evaluation.labels.agreement_file import AGREEMENT, agreement_json, read_agreement
from tests.evaluation.labels.test_agreement import cells_of

ABOUT = {"labelers": {"report-rules rules 1": 8}, "truth": {"reader AB": 8}, "two_labelers": False}


@pytest.fixture
def folder(tmp_path):
    two = ("midline_shift", "skull_fracture")
    pairs = [("present", "present"), ("absent", "absent")] * 4 + [("absent", "present")] * 2
    audit = label_audit(cells_of(pairs, findings=two), grouped=False, draws=50)
    (tmp_path / AGREEMENT).write_text(agreement_json(audit, ABOUT))
    return tmp_path


def test_rates_are_read_as_they_were_measured(folder):
    found = read_agreement(folder)
    assert found.labelers == ABOUT["labelers"]
    assert not found.two_labelers
    assert set(found.rates) <= {"midline_shift", "skull_fracture"}
    for rates in found.rates.values():
        assert rates.sensitivity.low <= rates.sensitivity.value <= rates.sensitivity.high
    assert read_agreement(folder / AGREEMENT) == found


def test_a_finding_without_both_rates_is_left_out(folder):
    assert "midline_shift" not in read_agreement(folder).rates  # present in every study


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda told: told.pop("truth"), "not readable"),
        (lambda told: told.update(format_version=99), "newer than this molre"),
        (lambda told: told["findings"][1]["sensitivity"].update(value=1.5), "not readable"),
    ],
)
def test_what_is_damaged_or_newer_is_refused(folder, change, said):
    told = json.loads((folder / AGREEMENT).read_text())
    change(told)
    (folder / AGREEMENT).write_text(json.dumps(told))
    with pytest.raises(MolreError, match=said):
        read_agreement(folder)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(MolreError, match="no such file"):
        read_agreement(tmp_path)
