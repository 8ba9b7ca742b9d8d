"""Two label tables side by side: the cells that both speak of, and what only one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.labels.findings import FindingsTable
from molre.labels.long_table import STATES
from molre.labels.stated import Stated

CODE = {state: code for code, state in enumerate(STATES)}
PRESENT, ABSENT, UNCERTAIN, NOT_MENTIONED = range(4)


@dataclass(frozen=True)
class Side:
    """One of the two tables.

    Attributes:
        name: as the page calls it.
        labels: the long table of :func:`molre.labels.read_labels.read_labels`.
        stated: what the file itself speaks of, before the hierarchy adds to it.
    """

    name: str
    labels: pl.DataFrame
    stated: Stated

    def findings(self, table: FindingsTable) -> tuple[str, ...]:
        """Findings that the table speaks of at all, in the findings table's order."""
        named = set(self.stated.cells["finding"])
        return tuple(f for f in table.ids if f in named)

    def known(self) -> pl.DataFrame:
        """Cells that may be compared, with their code.

        Of a long table all: one without a row is not mentioned. Of a wide table those that hold 1
        or 0: what the hierarchy says of the others is no reading.
        """
        rows = self.labels
        if self.stated.wide:
            rows = rows.join(self.stated.cells, on=["id", "finding"], how="semi")
        code = pl.col("state").replace_strict(CODE, return_dtype=pl.Int8)
        return rows.select("id", "finding", code.alias(self.name))


def labelers(labels: pl.DataFrame) -> dict[str, int]:
    """Studies by source and labeller; a study may have several."""
    named = labels.with_columns(
        by=pl.concat_str("source", "labeller", separator=" ").str.strip_chars()
    )
    counted = named.group_by("by").agg(pl.col("id").n_unique()).sort("by")
    return {str(by): int(n) for by, n in counted.iter_rows()}


@dataclass(frozen=True)
class Left:
    """What is not compared, each by its number: nothing is left out silently.

    Attributes:
        only_first, only_second: studies that only one of the tables has.
        findings_first, findings_second: findings that only this table speaks of.
        called: cells that the first table calls present, of findings that the second never names.
        blank: cells of compared findings and studies that a wide table leaves empty.
        unread: cells of the sample that the second table has no row for.
    """

    only_first: int
    only_second: int
    findings_first: tuple[str, ...]
    findings_second: tuple[str, ...]
    called: int
    blank: int
    unread: int = 0


@dataclass(frozen=True)
class Cells:
    """N compared cells: study and finding, and the state that each table gives it.

    Attributes:
        findings: the K compared.
        studies: (N,) ids.
        patients: (N,) whose, by a number; the study's where patients are not known.
        finding: int (N,) position in ``findings``.
        first, second: int8 (N,) codes in the order of :data:`molre.labels.long_table.STATES`.
        stratum: str (N,) of the sample; None without one.
        sizes: cells that each stratum of the sample was drawn from, read or not.
        left: what is not compared.
        no_patient: studies that the table of patients does not name, each a patient by itself.
    """

    findings: tuple[str, ...]
    studies: np.ndarray
    patients: np.ndarray
    finding: np.ndarray
    first: np.ndarray
    second: np.ndarray
    left: Left
    stratum: np.ndarray | None = None
    sizes: Mapping[str, int] | None = None
    no_patient: int = 0

    @property
    def shared(self) -> int:
        """Studies with a compared cell."""
        return pl.Series(self.studies).n_unique()

    @property
    def clusters(self) -> int:
        """Patients with a compared cell."""
        return pl.Series(self.patients).n_unique()


def compare_cells(
    first: Side,
    second: Side,
    table: FindingsTable,
    *,
    patients: Mapping[str, str] | None = None,
    sample: pl.DataFrame | None = None,
    every_finding: bool = False,
) -> Cells:
    """Put two tables side by side.

    Args:
        first: the one that is judged, or one of two.
        second: the truth, or the other.
        table: findings known.
        patients: patient of each study, where known.
        sample: of :mod:`molre.evaluation.labels.sample`: only its cells are compared, and only
            where the second table has a row for them.
        every_finding: also those that only one of the tables speaks of; the other is taken to mean
            that nothing was there to mention.

    Raises:
        MolreError: the tables share no study, or no finding.
    """
    mine, theirs = (set(side.labels["id"]) for side in (first, second))
    if not mine & theirs:
        raise MolreError(
            f"{first.name} and {second.name} share no study ({len(mine)} and {len(theirs)} "
            "studies)",
            fix="name the studies in both by the same identifier, as text; --id-column and "
            "--truth-id-column say which columns hold it",
        )
    names = [side.findings(table) for side in (first, second)]
    both = tuple(f for f in table.ids if f in names[0] and f in names[1])
    if every_finding:
        both = tuple(f for f in table.ids if f in names[0] or f in names[1])
    if not both:
        raise MolreError(
            f"{first.name} and {second.name} share no finding",
            fix="see `molre list findings`, or add --every-finding",
        )
    one = first.known().rename({first.name: "first"})
    other = second.known().rename({second.name: "second"})
    here = pl.col("id").is_in(sorted(mine & theirs)) & pl.col("finding").is_in(both)
    whole = one.filter(here).join(other.filter(here), on=["id", "finding"], how="inner")
    unread, sizes = 0, None
    blank = len(mine & theirs) * len(both) - len(whole)
    if sample is not None:
        blank = 0
        whole, unread, sizes = _sampled(whole, second, sample)
    if whole.is_empty():
        raise MolreError("no cell is in both tables", fix="see `molre label-audit --help`")
    gone = [f for f in names[0] if f not in both]
    rows = first.labels.filter(
        pl.col("id").is_in(sorted(mine & theirs))
        & pl.col("finding").is_in(gone)
        & (pl.col("state") == "present")
    )
    left = Left(
        len(mine - theirs),
        len(theirs - mine),
        tuple(gone),
        tuple(f for f in names[1] if f not in both),
        len(rows),
        blank,
        unread,
    )
    return _cells(whole, both, left, patients, sizes)


def _sampled(
    whole: pl.DataFrame, second: Side, sample: pl.DataFrame
) -> tuple[pl.DataFrame, int, dict[str, int]]:
    """Cells of the sample that were read, how many were not, and the size of each stratum."""
    cells = sample.select("id", "finding", "stratum")
    read = whole.join(cells, on=["id", "finding"], how="inner")
    read = read.join(second.stated.cells, on=["id", "finding"], how="semi")
    mixed = read.group_by("stratum").agg((pl.col("first") == PRESENT).n_unique().alias("calls"))
    if (mixed["calls"] > 1).any():
        raise MolreError(
            "the sample was drawn from other labels: what it took as one state is two here",
            fix="give the labels that it was drawn from, or draw it again",
        )
    sums = sample.group_by("stratum").agg(pl.col("weight").sum())
    return read, len(sample) - len(read), {s: round(n) for s, n in sums.iter_rows()}


def _cells(
    whole: pl.DataFrame,
    findings: Sequence[str],
    left: Left,
    patients: Mapping[str, str] | None,
    sizes: Mapping[str, int] | None,
) -> Cells:
    place = {f: k for k, f in enumerate(findings)}
    whole = whole.with_columns(place=pl.col("finding").replace_strict(place, return_dtype=pl.Int32))
    whole = whole.sort("id", "place")
    studies, owners, lost = whole["id"], whole["id"], 0
    if patients is not None:
        lost = len(set(studies) - patients.keys())
        # a prefix, so that no study is taken for the patient of that name
        owned = {s: f"p {patients[s]}" if s in patients else f"s {s}" for s in studies.unique()}
        owners = studies.replace_strict(owned)
    return Cells(
        tuple(findings),
        studies.to_numpy(),
        owners.rank("dense").to_numpy().astype(np.int64) - 1,
        whole["place"].to_numpy(),
        whole["first"].to_numpy(),
        whole["second"].to_numpy(),
        left,
        whole["stratum"].to_numpy() if "stratum" in whole.columns else None,
        sizes,
        lost,
    )
