"""Tables of all studies of one ``predict``: predictions.csv, and the map of names.

predictions.csv holds no identifier and no path: a study is listed there by its hash and by the
number of the path that it was found under. Which path and patient that is, only the map tells,
which is written where the user asks for it, outside OUT and for its owner alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from molre import files
from molre.cohort.rejects import Rejected
from molre.ct.listing import Reject
from molre.ct.patients import study_uid
from molre.model.answer import Answer

OF_PREDICTIONS = "the predictions"
MAP_COLUMNS = ("input", "study", "path", "patient_id", "accession", "study_instance_uid")


def write_answers(path: Path, answers: Sequence[Answer], findings: Sequence[str]) -> None:
    """Write predictions.csv: input, study, status, reason, and the probability of each finding.

    Args:
        path: of the table.
        answers: one a row.
        findings: ids of the model's findings, in order; one without a probability is empty.
    """
    rows: list[Sequence[object]] = [("input", "study", "status", "reason", *findings)]
    for answer in answers:
        said = answer.prediction
        known = {f.id: f.probability for f in said.findings if f.probability is not None}
        row = (_inputs(answer), said.study, said.status, "; ".join(said.reasons))
        rows.append((*row, *(known.get(finding, "") for finding in findings)))
    _write(path, rows)


def rejected(answers: Iterable[Answer], others: Iterable[Reject]) -> Iterator[Rejected]:
    """Rows of rejects.csv: files of the studies that were refused, and what is not a scan."""
    for answer in answers:
        for r in answer.rejects:
            yield Rejected(r.file, answer.prediction.study, r.reason, r.remedy)
    for r in others:
        yield Rejected(r.file, "", r.reason, r.remedy, lost=False)


def write_map(path: Path, answers: Iterable[Answer]) -> None:
    """Write which study is whose, readable by its owner only (mode 0600)."""
    rows: list[Sequence[object]] = [MAP_COLUMNS]
    for answer in answers:
        patient = (answer.patient_id or "", answer.accession or "")
        uid = study_uid(answer.key) or ""
        rows.append((_inputs(answer), answer.prediction.study, answer.place, *patient, uid))
    with files.atomic(path) as part:
        files.create_private(part, _text(rows))


def _inputs(answer: Answer) -> str:
    return " ".join(map(str, answer.inputs))


def _write(path: Path, rows: Iterable[Sequence[object]]) -> None:
    files.write_bytes(path, _text(rows))


def _text(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")  # a name keeps its own bytes
