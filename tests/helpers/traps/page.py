"""The table of traps as a page of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from molre.ct import choice
from tests.helpers.traps.files import FILES
from tests.helpers.traps.frames import FRAMES
from tests.helpers.traps.neighbors import NEIGHBORS
from tests.helpers.traps.objects import OBJECTS
from tests.helpers.traps.trap import Trap
from tests.helpers.traps.values import VALUES
from tests.helpers.traps.where import WHERE
from tests.helpers.traps.which import WHICH

_ROOT = Path(__file__).resolve().parents[3]
PAGE = _ROOT / "docs" / "reference" / "traps.md"
RESULTS = _ROOT / "experiments" / "other_readers.json"

_GROUPS = {
    "Where the slices are": WHERE,
    "Which slices belong together, and which series is read": (*WHICH, *NEIGHBORS),
    "What a stored number means": VALUES,
    "Objects that are no axial CT, or CT in another guise": (*OBJECTS, *FRAMES),
    "How files are stored": FILES,
}
_TOP = """\
# Traps

<!-- Written by experiments/other_readers.py from tests/ct/traps; do not edit. -->

Each row is a test: its files are built, read by molre, and compared with what was scanned, to the
last voxel and position. The other columns are what five other readers made of the same files, each
called as its documentation says and compared in code: the value that it gives at the place of every
voxel. The body in these files is smooth, so that interpolation between slices is no mistake.

{versions}.

- **right**: the values at their places. *other volumes*: it gave more than one, and leaves the
  choice to the reader.
- **error**: an exception. *nothing*: no exception and no volume.
- **silent** or **warns**: it gave a volume that is wrong, without or with a warning.

Each reader was given the whole folder: highdicom all images in it, SimpleITK the first series that
its own search finds, the others the folder itself. A reader of any DICOM image is not at fault for
reading MR; the columns only say what happens.

A refusal of molre names the file, the cause and a remedy; "refuses" is right where the files are no
axial CT in HU, and so are "error" and "nothing" in the other columns.
"""

_SHOWN = """

The points of the chosen series and of the next, with their reasons, are in the notes of the volume
and in `reason` of `scans.parquet`, which keeps every readable series."""


def page(results: dict[str, Any]) -> str:
    """The page, from the table and the results of the other readers."""
    versions = ", ".join(f"{name} {number}" for name, number in results["versions"].items())
    parts = [_TOP.format(versions=versions)]
    for title, traps in _GROUPS.items():
        parts.append(f"\n## {title}\n\n{_table(traps, results)}")
    parts.append(f"\n## The score of a series\n\n{_score()}\n")
    return "".join(parts)


def _table(traps: tuple[Trap, ...], results: dict[str, Any]) -> str:
    readers = list(results["versions"])
    lines = [["trap", "molre", *readers], ["---"] * (2 + len(readers))]
    for trap in traps:
        found = results["traps"].get(trap.id, {})
        lines.append([trap.trap, trap.answer, *(found.get(name, "") for name in readers)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _score() -> str:
    """The rule as the code states it."""
    rule = (choice.__doc__ or "").split("\n\n", 1)[1].strip()
    return rule + _SHOWN
