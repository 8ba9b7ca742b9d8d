from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from cohorts import write_cohort

from molre.cohort.cohort import SPLITS
from molre.cohort.split import describe, split
from molre.errors import MolreError

MANY = {f"s{i}": f"p{i // 3}" for i in range(900)}


def test_shares_are_kept_and_all_series_of_a_patient_are_in_one_split(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    table = split(cohort)
    assert table["patient"].n_unique() == table.height == 300
    share = {n: (table["split"] == n).mean() for n in SPLITS}
    assert share == pytest.approx(
        {"train": 0.6, "tune": 0.1, "calibrate": 0.1, "test": 0.2}, abs=0.08
    )
    assert "900" not in describe(table, cohort)
    assert '"train": {"patients"' in describe(table, cohort, as_json=True)


def test_splitting_again_changes_nothing_and_new_patients_are_added(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", dict(list(MANY.items())[:300]))
    before = split(cohort)
    frozen = (cohort / "splits.csv").read_bytes()
    assert split(cohort, (0.1, 0.1, 0.1, 0.7)).equals(before)
    assert (cohort / "splits.csv").read_bytes() == frozen
    write_cohort(cohort, MANY)
    after = split(cohort, (0.1, 0.1, 0.1, 0.7))
    assert after.height == 300
    assert before.join(after, on=["patient", "split"], how="inner").height == before.height


def test_overwrite_deals_again(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    split(cohort)
    assert set(split(cohort, (0, 0, 0, 1), overwrite=True)["split"]) == {"test"}


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.6, 0.1, 0.1, 0.1), (1.2, -0.2, 0, 0)])
def test_shares_that_are_none_are_refused(tmp_path: Path, fractions: tuple[float, ...]):
    with pytest.raises(MolreError, match="sum to 1"):
        split(write_cohort(tmp_path / "c", {"s": "p"}), fractions)
    assert not (tmp_path / "c" / "splits.csv").exists()


def test_equal_pixels_under_two_patients_of_two_splits_are_refused(tmp_path: Path):
    studies = {f"s{i}": f"p{i}" for i in range(40)}
    cohort = write_cohort(tmp_path / "c", studies, dict.fromkeys(studies, "the same"))
    with pytest.raises(MolreError, match="the same pixels") as refused:
        split(cohort)
    keys = set(pl.read_parquet(cohort / "scans.parquet")["study"])
    assert sum(key in refused.value.message for key in keys) == 2
    assert not (cohort / "splits.csv").exists()


def test_equal_pixels_of_one_patient_are_no_leak(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {"s1": "p", "s2": "p"}, {"s1": "same", "s2": "same"})
    assert split(cohort).height == 1
