from __future__ import annotations

import json
from math import nan
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.cohort.cohort import SPLITS, Cohort, write_table
from molre.cohort.keys import pseudonym
from molre.cohort.split import describe, split
from molre.errors import MolreError
from tests.helpers.cohort.cohorts import SALT, write_cohort

MANY = {f"s{i}": f"p{i // 3}" for i in range(900)}


def test_shares_are_kept_and_described(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    table = split(cohort)
    assert table["patient"].n_unique() == table.height == 300
    share = {n: (table["split"] == n).mean() for n in SPLITS}
    assert share == pytest.approx(
        {"train": 0.6, "tune": 0.1, "calibrate": 0.1, "test": 0.2}, abs=1e-9
    )
    counts = json.loads(describe(table, cohort, as_json=True))
    assert list(counts) == list(SPLITS)
    assert sum(c["patients"] for c in counts.values()) == 300
    assert sum(c["studies"] for c in counts.values()) == 900
    train = counts["train"]
    assert f"train {train['patients']} ({train['studies']} studies)" in describe(table, cohort)


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


def test_all_series_of_all_studies_of_a_patient_are_in_one_split(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    scans = Cohort(cohort).scans()
    second = scans.with_columns(series=pl.col("series") + "b", chosen=False)
    write_table(cohort / "scans.parquet", pl.concat([scans, second]))
    joined = Cohort(cohort).scans().join(split(cohort), on="patient", how="left")
    assert joined.height == 1800
    assert joined["split"].null_count() == 0
    assert joined.group_by("patient").agg(pl.col("split").n_unique())["split"].max() == 1


def test_shares_are_near_what_was_asked_for_when_patients_are_many(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {f"s{i}": f"p{i}" for i in range(4000)})
    table = split(cohort, (0.5, 0.2, 0.3, 0))
    share = [(table["split"] == n).mean() for n in SPLITS]
    assert share == pytest.approx([0.5, 0.2, 0.3, 0], abs=1e-9)


SHARES = st.lists(st.integers(0, 10), min_size=4, max_size=4).filter(any)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(0, 30), SHARES)
def test_shares_hold_to_within_one_patient_and_again_after_the_cohort_grew(
    tmp_path_factory: pytest.TempPathFactory, first: int, more: int, parts: list[int]
):
    fractions = [part / sum(parts) for part in parts]
    folder = tmp_path_factory.mktemp("grown")
    before = split(write_cohort(folder, {f"s{i}": f"p{i}" for i in range(first)}), fractions)
    for name, share in zip(SPLITS, fractions, strict=True):
        assert abs((before["split"] == name).sum() - share * first) < 1
    write_cohort(folder, {f"s{i}": f"p{i}" for i in range(first + more)})
    after = split(folder, fractions)
    for name, share in zip(SPLITS, fractions, strict=True):
        assert abs((after["split"] == name).sum() - share * (first + more)) < 1 + 1e-6
    assert before.join(after, on=["patient", "split"]).height == first


def test_a_small_cohort_has_every_split(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {f"s{i}": f"p{i}" for i in range(40)})
    counts = [(split(cohort)["split"] == name).sum() for name in SPLITS]
    assert counts == [24, 4, 4, 8]


def test_a_split_depends_on_salt_and_patients_alone(tmp_path: Path):
    """In which order they come does not matter, nor how many studies they have."""
    some = dict(list(MANY.items())[:90])
    few = split(write_cohort(tmp_path / "few", dict(reversed(some.items()))))
    assert split(write_cohort(tmp_path / "again", dict(list(some.items())[::3]))).equals(few)
    other = write_cohort(tmp_path / "other", some)
    (other / "salt").write_bytes(b"another salt")
    assert split(other)["split"].to_list() != few["split"].to_list()


def test_patients_whose_scans_are_gone_keep_their_place(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    before = split(cohort)
    write_cohort(cohort, dict(list(MANY.items())[:30]))
    assert split(cohort).equals(before)


def test_a_twin_that_arrives_later_is_refused_and_the_frozen_splits_stay(tmp_path: Path):
    studies = {f"s{i}": f"p{i}" for i in range(40)}
    cohort = write_cohort(tmp_path / "c", studies)
    split(cohort, (1, 0, 0, 0))
    frozen = (cohort / "splits.csv").read_bytes()
    write_cohort(cohort, studies | {"new": "p new"}, {"new": "twin", "s7": "twin"})
    with pytest.raises(MolreError, match="the same pixels") as refused:
        split(cohort, (0, 0, 0, 1))
    for study in ("new", "s7"):
        assert pseudonym(SALT, "study", study) in refused.value.message
    assert (cohort / "splits.csv").read_bytes() == frozen


def test_series_whose_pixels_were_not_read_are_no_twins(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    unread = Cohort(cohort).scans().with_columns(pixel_hash=pl.lit(None, dtype=pl.String))
    write_table(cohort / "scans.parquet", unread)
    assert split(cohort).height == 300


def test_overwrite_deals_again(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", MANY)
    split(cohort)
    assert set(split(cohort, (0, 0, 0, 1), overwrite=True)["split"]) == {"test"}


@pytest.mark.parametrize(
    "fractions", [(0.5, 0.5), (0.6, 0.1, 0.1, 0.1), (1.2, -0.2, 0, 0), (0.6, 0.1, 0.1, nan)]
)
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


def test_studies_that_are_all_of_one_patient_are_refused(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {f"s{i}": "ANONYMOUS" for i in range(12)})
    with pytest.raises(MolreError, match="all 12 studies are of one patient: is Patient ID"):
        split(cohort)
    assert not (cohort / "splits.csv").exists()
    assert set(split(cohort, (0, 0, 0, 1))["split"]) == {"test"}  # to be tested on, by all means
    assert split(cohort).height == 1  # what is frozen stays


def test_equal_pixels_of_one_patient_are_no_leak(tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {"s1": "p", "s2": "p"}, {"s1": "same", "s2": "same"})
    assert split(cohort).height == 1
