"""Answer: what is said about one study that ``predict`` was given, and which study it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from molre.ct.listing import Reject
from molre.model.prediction import Prediction


@dataclass(frozen=True)
class Answer:
    """What is said of one study.

    Only the prediction is free of identifiers; the rest joins it to what was given.

    Attributes:
        prediction: scored, withheld or refused.
        key: StudyInstanceUID, or ``path:`` and the path where there is none.
        inputs: numbers of the paths that it was found under, as given, from 1.
        place: its file, or the folder of its files, within an archive ``ARCHIVE!FOLDER``.
        patient_id: as its header says; None where none could be read.
        accession: number, likewise.
        rejects: its rows of rejects.csv, where it is refused.
    """

    prediction: Prediction
    key: str = field(repr=False)
    inputs: tuple[int, ...]
    place: str
    patient_id: str | None = field(default=None, repr=False)
    accession: str | None = field(default=None, repr=False)
    rejects: tuple[Reject, ...] = ()
