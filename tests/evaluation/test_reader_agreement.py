from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molre.evaluation.reader_agreement import as_text, reader_agreement
from molre.labels.datasets.cq500 import read_reads
from molre.labels.findings import findings

PATIENTS = [str(i) for i in range(40)]


@pytest.fixture
def said() -> np.ndarray:
    rng = np.random.default_rng(0)
    shown = rng.random((1, 40, 2)) < 0.4
    heard = np.repeat(shown, 3, axis=0)
    heard[2] ^= rng.random((40, 2)) < 0.3
    heard[:, :, 1] = False
    return heard


def test_each_pair_and_all_readers_have_a_kappa_with_an_interval(said: np.ndarray):
    rows = reader_agreement(said, ("sdh", "edh"), PATIENTS).to_dicts()
    first, second = rows
    assert first["kappa_1_2"] == pytest.approx(1)
    assert first["kappa_1_3"] == pytest.approx(first["kappa_2_3"])
    assert first["kappa_1_3_low"] < first["kappa_1_3"] < first["kappa_1_3_high"] < 1
    assert first["fleiss_kappa_n"] == 40
    assert first["positive_1"] == said[0, :, 0].sum()
    assert second["fleiss_kappa"] is None
    assert second["unanimous"] == 1


def test_the_screen_shows_a_line_for_each_finding(said: np.ndarray):
    lines = as_text(reader_agreement(said, ("sdh", "edh"), PATIENTS)).splitlines()
    assert len(lines) == 2
    assert " to " in lines[0]
    assert "not defined" in lines[1]
    assert "100.0%" in lines[1]


def test_the_readers_of_cq500(shared: Path):
    reads = read_reads(shared / "data/reports/cq500_reads.csv", findings())
    some = [reads.findings.index(f) for f in ("intracranial_hemorrhage", "calvarial_fracture")]
    found = reader_agreement(reads.said[:, :, some], ("ich", "fracture"), reads.names)
    values = found["fleiss_kappa"].to_list()
    assert values == pytest.approx([0.78, 0.45], abs=0.005)
    assert found["fleiss_kappa_low"].to_list() < values < found["fleiss_kappa_high"].to_list()
