"""A cohort with fewer studies to fit on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from molre.benchmark.subset import subset
from molre.cohort.cohort import Cohort


def splits(path: Path) -> Counter[str]:
    return Counter(Cohort(path).splits()["split"].to_list())


@pytest.mark.parametrize("studies", [4, 11, 20, 21])
def test_it_fits_on_as_many_studies_and_tests_on_all(
    cohort: Path, tmp_path: Path, studies: int
) -> None:
    small = subset(Cohort(cohort), studies, tmp_path / "small")
    counts = splits(small)
    assert sum(counts[s] for s in ("train", "tune", "calibrate")) == studies
    assert min(counts.values()) >= 1
    assert counts["test"] == splits(cohort)["test"]
    whole = dict(Cohort(cohort).splits().iter_rows())
    assert all(whole[p] == s for p, s in Cohort(small).splits().iter_rows())
    assert set(Cohort(small).labels()["study_id"]) == set(Cohort(small).scans()["study"])
    assert Cohort(small).synthetic


def test_it_is_the_same_each_time_and_grows_by_adding(cohort: Path, tmp_path: Path) -> None:
    a, b, c = (subset(Cohort(cohort), n, tmp_path / f"{i}") for i, n in enumerate((8, 8, 16)))
    assert Cohort(a).scans().equals(Cohort(b).scans())
    assert set(Cohort(a).scans()["study"]) < set(Cohort(c).scans()["study"])


def test_a_cohort_that_is_small_enough_stays_itself(cohort: Path, tmp_path: Path) -> None:
    assert subset(Cohort(cohort), 22, tmp_path / "small") == cohort
    assert not (tmp_path / "small").exists()
