from __future__ import annotations

import json

import polars as pl
import pytest

from molre.errors import MolreError
from molre.evaluation.labels.sample import Plan
from molre.workflows.label_audit import Tables, audit_labels
from molre.workflows.label_sample import sample_labels
from tests.helpers.labels.two_tables import write_long

SHIFT, MASS = "midline_shift", "mass_effect"


@pytest.fixture
def labels(tmp_path):
    rows = [(f"r{i:03d}", SHIFT, "present" if i % 3 == 0 else "absent") for i in range(300)]
    return write_long(tmp_path / "labels.csv", rows)


def test_a_sample_names_no_label(labels, tmp_path):
    drawn = sample_labels(labels, tmp_path / "s.csv", Plan(present=5, others=4))
    assert pl.read_csv(tmp_path / "s.csv").columns == ["study", "finding", "stratum", "weight"]
    assert set(drawn.sample["finding"]) == {SHIFT}
    assert (drawn.cells, drawn.short) == (300, ())
    assert drawn.widths.select("finding", "present", "others").rows() == [(SHIFT, 100, 200)]


def test_its_audit_tells_of_all_labels(labels, tmp_path):
    """Every label that is called is right; a tenth of the others is missed."""
    drawn = sample_labels(labels, tmp_path / "s.csv", Plan(present=30, others=40))
    truth = []
    for study, finding in drawn.sample.select("study", "finding").rows():
        i = int(study[1:])
        truth.append((study, finding, "present" if i % 3 == 0 or i % 10 == 1 else "absent"))
    read = write_long(tmp_path / "truth.csv", truth[:-1], "reader")  # one is not read yet
    audit_labels(Tables(labels, read, sample=tmp_path / "s.csv"), tmp_path / "out")
    told = json.loads((tmp_path / "out/agreement.json").read_text())
    (found,) = told["findings"]
    assert told["sampled"]
    assert told["not_compared"]["unread"] == 1
    assert sum(found[name] for name in ("tp", "fp", "fn", "tn")) == pytest.approx(300)
    assert found["ppv"]["value"] == 1
    real = 100 / 120
    assert found["sensitivity"]["low"] < real < found["sensitivity"]["high"]


def test_an_unknown_finding_is_refused_and_a_sample_is_not_replaced_unasked(labels, tmp_path):
    with pytest.raises(MolreError, match="says nothing of"):
        sample_labels(labels, tmp_path / "s.csv", Plan(), only=[MASS])
    sample_labels(labels, tmp_path / "s.csv", Plan())
    with pytest.raises(MolreError, match="already exists"):
        sample_labels(labels, tmp_path / "s.csv", Plan())
    with pytest.raises(MolreError, match="holds something else"):
        sample_labels(labels, labels, Plan(), overwrite=True)
