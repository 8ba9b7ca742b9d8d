"""What a public data set's own label file says, in the form of molre's long table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from molre.labels.columns import SAYS
from molre.labels.long_table import state_counts

Row = tuple[str, str, str, str]  # study, finding, state, evidence


@dataclass(frozen=True)
class LabelsOfSet:
    """Labels of a public data set: a row for each study and each finding that it labels.

    Attributes:
        long: a column that names the studies (its heading says what the names are), then finding,
            state, source, labeller and evidence. Findings that the data set does not label have no
            row: nothing is known of them.
        notes: what was repaired or left out, a sentence each.
    """

    long: pl.DataFrame
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        named: str,
        source: str,
        labeller: str,
        notes: Iterable[str] = (),
    ) -> LabelsOfSet:
        """Of rows that one labeler of one data set gave.

        Args:
            rows: study, finding, state and evidence.
            named: heading of the names of studies.
            source: the data set.
            labeller: who labeled it, and how that became one label.
            notes: sentences.
        """
        schema = dict.fromkeys((named, "finding", "state", "evidence"), pl.String)
        long = pl.DataFrame(list(rows), schema=schema, orient="row").with_columns(
            source=pl.lit(source), labeller=pl.lit(labeller)
        )
        return cls(long.select(named, *SAYS), tuple(notes))

    @property
    def named(self) -> str:
        """Heading of the names of studies."""
        return self.long.columns[0]

    @property
    def studies(self) -> int:
        """How many."""
        return self.long[self.named].n_unique()

    def as_text(self) -> str:
        """Counts in one sentence, and the notes."""
        notes = "".join(f"\nnote: {note}" for note in self.notes)
        findings = self.long["finding"].n_unique()
        studies = "1 study" if self.studies == 1 else f"{self.studies} studies"
        return f"{studies}, {findings} findings: {state_counts(self.long)}{notes}"
