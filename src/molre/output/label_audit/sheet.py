"""The adjudication sheet: one offline page on which a reader decides what reports say.

It is the one page of molre that holds the text of reports: written for its owner alone (0600), with
a policy that forbids any request, and a script that is known by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from molre import files
from molre.labels.findings import FindingsTable
from molre.labels.long_table import STATES
from molre.output.page import render

SCRIPT = "adjudication.js"
_NOTE = re.compile(r"\s*\[[a-z ]+\]$")


@dataclass(frozen=True)
class Answer:
    """What one labeler says of a question.

    Attributes:
        side: 0 or 1, which of the sheet's labelers.
        state: one of :data:`molre.labels.long_table.STATES`.
        evidence: the words it rests on, or empty.
    """

    side: int
    state: str
    evidence: str


@dataclass(frozen=True)
class Question:
    """A finding in a report, and what labelers say of it; without answers it is read blind."""

    study: str
    finding: str
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """What a sheet shows.

    Attributes:
        title: heading.
        questions: in the order in which they are asked.
        texts: text of each report by study; all of the questions'.
        sides: what the labelers are called once a question is decided.
        notes: what is not on the sheet, a sentence each.
    """

    title: str
    questions: tuple[Question, ...]
    texts: dict[str, str]
    sides: tuple[str, ...]
    notes: tuple[str, ...] = ()


def write_sheet(sheet: Sheet, table: FindingsTable, path: Path) -> None:
    """Write the page, readable by its owner alone."""
    files.write_private(path, sheet_page(sheet, table).encode())


def sheet_page(sheet: Sheet, table: FindingsTable) -> str:
    """The page as HTML."""
    script = (resources.files("molre.output") / "templates" / SCRIPT).read_text(encoding="utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    return render(
        "adjudication.html.j2",
        title=sheet.title,
        kind="labels",
        count=len(sheet.questions),
        nothing="There is nothing to decide.",
        notes=list(sheet.notes),
        sides=list(sheet.sides),
        states=[(state, state.replace("_", " ")) for state in STATES],
        script=script,
        script_hash=base64.b64encode(digest).decode(),
        data=_embedded(_data(sheet, table)),
    )


def _data(sheet: Sheet, table: FindingsTable) -> dict[str, Any]:
    place = {study: n for n, study in enumerate(dict.fromkeys(q.study for q in sheet.questions))}
    items = [_item(question, sheet.texts, table, place) for question in sheet.questions]
    data: dict[str, Any] = {
        "states": list(STATES),
        "sides": list(sheet.sides),
        "reports": [sheet.texts[study] for study in place],
        "items": items,
    }
    # a salted name would change at each writing, and progress would be lost with it
    told = json.dumps(data, sort_keys=True).encode()
    return data | {"sheet": hashlib.sha256(told).hexdigest()[:16]}


def _item(
    question: Question, texts: dict[str, str], table: FindingsTable, place: dict[str, int]
) -> dict[str, Any]:
    finding = table.by_id[question.finding]
    text = texts[question.study]
    answers = [
        {
            "side": one.side,
            "state": one.state,
            "evidence": one.evidence,
            "found": found_at(text, one.evidence),
        }
        for one in shuffled(question)
    ]
    return {
        "study": question.study,
        "finding": question.finding,
        "name": finding.name,
        "definition": finding.definition,
        "report": place[question.study],
        "answers": answers,
    }


def shuffled(question: Question) -> Sequence[Answer]:
    """The answers in an order that the reader cannot learn, but that is the same each time."""
    told = f"{question.study}\n{question.finding}".encode()
    odd = hashlib.sha256(told).digest()[0] % 2
    return question.answers[::-1] if odd else question.answers


def found_at(text: str, evidence: str) -> list[int] | None:
    """Where a text has these words, whatever space is between them, first place.

    Args:
        text: the report.
        evidence: the words, or empty; a labeler's note in brackets at their end, such as
            ``[addendum]``, is none of them.

    Returns:
        Start and end in UTF-16 units, as JavaScript counts; None where they are not there.
    """
    for words in (evidence.split(), _NOTE.sub("", evidence).split()):
        found = re.search(r"\s+".join(re.escape(word) for word in words), text)
        if words and found is not None:
            return [_units(text[: found.start()]), _units(text[: found.end()])]
    return None


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _embedded(data: dict[str, Any]) -> str:
    """JSON that no HTML parser finds a tag or the end of a script in."""
    told = json.dumps(data, ensure_ascii=True, allow_nan=False)
    return told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
