"""Who is withheld: each rule alone, at its edge, and what it must leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from molre.ct.volume import Acquisition, SliceSource, Volume
from molre.model.eligibility import NOT_PASSED, Reason, ScanFacts, withhold_reasons

WHOLE = ScanFacts()


def codes(scan: ScanFacts, *, synthetic: bool = False, distance: float | None = 0.5) -> list[str]:
    found = withhold_reasons(scan, trained_on_synthetic=synthetic, distance=distance)
    return [reason.code for reason in found]


def air(made: Acquisition) -> Volume:
    """Four slices of nothing."""
    return Volume(
        hu=np.full((4, 32, 32), -1000, dtype=np.int16),
        origins=np.array([[0.0, 0.0, 5.0 * i] for i in range(4)]),
        orientation=np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
        pixel_spacing=(7.0, 7.0),
        source=tuple(SliceSource(i) for i in range(4)),
        acquisition=made,
    )


def row(**known: object) -> dict[str, object]:
    """A row of scans.parquet, as far as the rules look."""
    plain = {"head": True, "head_reasons": [], "flags": [], "contrast": None, "age": None}
    return plain | {"synthetic": False} | known


def test_a_whole_head_that_is_like_the_training_scans_is_withheld_by_no_rule() -> None:
    assert codes(WHOLE) == []


@pytest.mark.parametrize("code", ["not_a_head", "incomplete"])
def test_what_the_head_check_found_is_a_reason_each_in_its_words(code: str) -> None:
    found = (Reason(code, "one thing"), Reason(code, "another"))  # type: ignore[arg-type]
    assert withhold_reasons(ScanFacts(not_whole=found), trained_on_synthetic=False) == found


@pytest.mark.parametrize(("contrast", "found"), [(True, ["contrast"]), (False, []), (None, [])])
def test_contrast_withholds_where_the_header_says_so(contrast: bool | None, found: list) -> None:
    assert codes(ScanFacts(contrast=contrast)) == found


@pytest.mark.parametrize(
    ("age", "found"),
    [(0.0, ["age"]), (17.9, ["age"]), (17.99, ["age"]), (18.0, []), (90.0, []), (None, [])],
)
def test_age_withholds_children(age: float | None, found: list[str]) -> None:
    assert codes(ScanFacts(age=age)) == found


@pytest.mark.parametrize(
    ("scan", "model", "found"),
    [(True, False, ["synthetic"]), (True, True, []), (False, False, []), (False, True, [])],
)
def test_a_synthetic_scan_is_withheld_from_models_of_patients(
    scan: bool, model: bool, found: list[str]
) -> None:
    assert codes(ScanFacts(synthetic=scan), synthetic=model) == found


@pytest.mark.parametrize(
    ("distance", "found"),
    [(1.0, []), (1.01, ["unfamiliar"]), (float("nan"), ["unfamiliar"]), (None, [])],
)
def test_an_unfamiliar_scan_is_withheld_beyond_the_threshold(
    distance: float | None, found: list[str]
) -> None:
    assert codes(WHOLE, distance=distance) == found


def test_all_reasons_are_given_the_scan_s_own_first() -> None:
    found = (Reason("incomplete", "half of it"),)
    scan = ScanFacts(not_whole=found, contrast=True, age=3.0, synthetic=True)
    every = ["incomplete", "contrast", "age", "synthetic", "unfamiliar"]
    assert codes(scan, distance=2.0) == every


@pytest.mark.parametrize(
    ("made", "field"),
    [({"contrast": True}, "contrast"), ({"age": 3.0}, "age"), ({"synthetic": True}, "synthetic")],
    ids=["contrast", "age", "synthetic"],
)
def test_a_volume_has_the_facts_of_its_header(made: dict[str, object], field: str) -> None:
    scan = ScanFacts.of_volume(air(Acquisition(**made)))  # type: ignore[arg-type]
    assert getattr(scan, field) == made[field]
    assert getattr(ScanFacts.of_volume(air(Acquisition())), field) in (None, False)


def test_a_volume_of_air_is_not_a_head_by_the_code_not_a_head() -> None:
    (reason,) = ScanFacts.of_volume(air(Acquisition())).not_whole
    assert (reason.code, reason.sentence[:10]) == ("not_a_head", "not a head")


@pytest.mark.parametrize(
    "flags", [["not_a_head"], ["incomplete", "motion"]], ids=["not_a_head", "incomplete"]
)
def test_a_row_of_the_scans_table_has_the_facts_of_its_volume(flags: list[str]) -> None:
    known = row(head=False, head_reasons=["a", "b"], flags=flags, contrast=True, age=3.0)
    scan = ScanFacts.of_row(known | {"synthetic": True})
    assert [(one.code, one.sentence) for one in scan.not_whole] == [(flags[0], w) for w in "ab"]
    assert (scan.contrast, scan.age, scan.synthetic) == (True, 3.0, True)
    assert ScanFacts.of_row(row()) == WHOLE


def test_a_row_without_a_reason_or_flags_is_withheld_all_the_same() -> None:
    old = row(head=False, head_reasons=None)
    del old["flags"]
    (reason,) = withhold_reasons(ScanFacts.of_row(old), trained_on_synthetic=False)
    assert reason.sentence == NOT_PASSED
