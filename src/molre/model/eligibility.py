"""Who is withheld, and why: the one place that decides.

The pipeline asks it of a scan that is read, the contact sheet beforehand of a row of scans.parquet.
The rules in words: docs/explanation/withholding.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

from molre.ct.dicom.age import ADULT_YEARS, is_child

if TYPE_CHECKING:
    from molre.ct.volume import Volume

Code = Literal["not_a_head", "incomplete", "contrast", "age", "synthetic", "unfamiliar"]

FAR = 1.0  # distance from the training scans, in thresholds, that is still near
NOT_PASSED = "the head check was not passed"  # a table may say no more


@dataclass(frozen=True)
class Reason:
    """Why no probability can be trusted: which rule says so, and a sentence for people."""

    code: Code
    sentence: str


@dataclass(frozen=True)
class ScanFacts:
    """What the rules look at in a scan, before any model has read it.

    Attributes:
        not_whole: what the head check found wrong; empty of a whole head.
        contrast: as the header says; None where it is unknown.
        age: years; None where it is unknown.
        synthetic: a phantom written by ``molre phantom``.
    """

    not_whole: tuple[Reason, ...] = ()
    contrast: bool | None = None
    age: float | None = None
    synthetic: bool = False

    @classmethod
    def of_volume(cls, volume: Volume) -> ScanFacts:
        """Of a series that was read; the head check is made here."""
        from molre.ct.checks.head import check_head

        check, made = check_head(volume), volume.acquisition
        found: tuple[Reason, ...] = ()
        if check.kind != "head":
            found = tuple(Reason(check.kind, words) for words in check.reasons)
        return cls(found, made.contrast, made.age, made.synthetic)

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> ScanFacts:
        """Of a row of scans.parquet, of a series that was read for its study (``chosen``)."""
        found: tuple[Reason, ...] = ()
        if not row["head"]:
            code: Code = "not_a_head" if "not_a_head" in (row.get("flags") or ()) else "incomplete"
            found = tuple(Reason(code, words) for words in row["head_reasons"] or (NOT_PASSED,))
        return cls(found, row["contrast"], row["age"], bool(row.get("synthetic")))


def withhold_reasons(
    scan: ScanFacts, *, trained_on_synthetic: bool, distance: float | None = None
) -> tuple[Reason, ...]:
    """Why a model's probabilities for a scan cannot be trusted; empty where they are given.

    Args:
        scan: what is known of it.
        trained_on_synthetic: the model was trained on phantoms, not on patients.
        distance: from the model's training scans over its threshold; None where no model has read
            the scan yet.
    """
    reasons = list(scan.not_whole)
    if scan.contrast:
        words = "contrast was given (the header says so); molre reads non-contrast CT"
        reasons.append(Reason("contrast", words))
    if is_child(scan.age):
        words = f"age {scan.age:g} is outside the range (adults from {ADULT_YEARS})"
        reasons.append(Reason("age", words))
    if scan.synthetic and not trained_on_synthetic:
        words = "a synthetic phantom, and the model was trained on patients"
        reasons.append(Reason("synthetic", words))
    if distance is not None and is_far(distance):
        how = "not measurable" if isnan(distance) else f"{distance:.2f} times the threshold"
        reasons.append(Reason("unfamiliar", f"far from the training scans (distance {how})"))
    return tuple(reasons)


def is_far(distance: float) -> bool:
    """Whether a distance over its threshold is that of a scan unlike the training ones.

    So is one that is not a number: of embeddings that are not, nothing is known.
    """
    return not distance <= FAR
