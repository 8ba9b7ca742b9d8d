"""An external cohort: which findings it can judge, and which of it the model has seen before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from molre.errors import MolreError

LEARNED_ON = ("train", "tune", "calibrate")  # splits that a model or its thresholds depend on


@dataclass(frozen=True)
class Overlap:
    """What of a cohort was in a model's making.

    Attributes:
        studies: keys in the external cohort that must not be scored.
        same_scan: of them, those whose pixels and geometry are a training scan's.
        same_study: those whose study key is.
        same_patient: those whose patient key is.
        compared: what could be compared, for people.
    """

    studies: tuple[str, ...]
    same_scan: int
    same_study: int
    same_patient: int
    compared: str

    def to_dict(self) -> dict[str, object]:
        """Counts, for JSON."""
        return {**asdict(self), "studies": len(self.studies)}


def mapped_findings(
    labels: pl.DataFrame, wanted: Sequence[str], studies: Sequence[str]
) -> tuple[str, ...]:
    """The model's findings that the cohort's labels state, by the same id, for at least one study.

    Args:
        labels: long labels of the external cohort.
        wanted: findings of the model, in order.
        studies: that could be scored.

    Raises:
        MolreError: none is.
    """
    stated = labels.filter(
        pl.col("state").is_in(["present", "absent"]) & pl.col("study_id").is_in(list(studies))
    )
    here = set(stated["finding"])
    kept = tuple(finding for finding in wanted if finding in here)
    if not kept:
        raise MolreError(
            "its labels state none of the model's findings",
            fix="name the label columns as `molre list findings` does; only exact matches count",
        )
    return kept


def overlap(
    scans: pl.DataFrame, seen: pl.DataFrame | None, trained: pl.DataFrame | None, same_salt: bool
) -> Overlap:
    """Compare a cohort's chosen scans with what a model has learned from.

    Args:
        scans: chosen series of the external cohort: study, patient, content_hash, pixel_hash.
        seen: RUN/studies.parquet; None where it is not there.
        trained: chosen series of the run's own cohort, where that is still there.
        same_salt: whether both cohorts' pseudonyms can be compared.
    """
    if seen is None:
        return Overlap((), 0, 0, 0, "nothing: the model's training studies are not known")
    learned = seen.filter(pl.col("split").is_in(LEARNED_ON))
    by_scan = pl.col("content_hash").is_in(learned["content_hash"].unique().to_list())
    how = "scans by pixels and geometry"
    if trained is not None:
        theirs = trained.filter(pl.col("study").is_in(learned["study"].to_list()))
        pixels = theirs["pixel_hash"].drop_nulls().unique().to_list()
        by_scan |= pl.col("pixel_hash").is_in(pixels)
        how = "scans by pixels"
    by_study = pl.col("study").is_in(learned["study"].unique().to_list())
    by_patient = pl.col("patient").is_in(learned["patient"].unique().to_list())
    flagged = scans.select("study", scan=by_scan, same=by_study, patient=by_patient).filter(
        pl.col("scan").fill_null(False) | pl.col("same") | pl.col("patient")
    )
    how += ", studies and patients by their keys" if same_salt else (
        "; studies and patients could not be: the cohorts' pseudonyms have different salts"
    )  # fmt: skip
    return Overlap(
        tuple(flagged["study"].unique().sort()),
        int(flagged["scan"].sum()),
        int(flagged["same"].sum()),
        int(flagged["patient"].sum()),
        how,
    )


def refuse_overlap(found: Overlap, cohort: object) -> None:
    """Say how much of a cohort the model has learned from.

    Raises:
        MolreError: any of it.
    """
    if not found.studies:
        return
    raise MolreError(
        f"{len(found.studies)} of its studies were in the model's making "
        f"(same scan {found.same_scan}, same study {found.same_study}, "
        f"same patient {found.same_patient})",
        where=str(cohort),
        fix="take them out of the cohort, or add --leave-out-overlap to score the others",
    )
