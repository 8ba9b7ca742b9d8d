"""One row of the table of traps, and the check that molre passes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from molre.ct.read import read, read_series
from molre.ct.survey import Survey, choose, survey
from molre.errors import MolreError
from tests.helpers.traps.scan import Scan


@dataclass(frozen=True)
class Trap:
    """A row.

    Attributes:
        id: short name.
        trap: what lies in the folder, in plain words.
        answer: what molre does, one sentence.
        build: writes the files; returns what a reader must see, None where it must refuse.
        says: words in the notes of the volume, or in the refusal.
        compare: whether other readers are asked, too.
    """

    id: str
    trap: str
    answer: str
    build: Callable[[Path], Scan | None]
    says: tuple[str, ...] = ()
    compare: bool = True


def check(trap: Trap, folder: Path) -> None:
    """Build the trap's files and read them with molre."""
    folder.mkdir(parents=True, exist_ok=True)
    truth = trap.build(folder)
    if truth is None:
        _check_refused(trap, folder)
        return
    volume = read(folder)
    np.testing.assert_array_equal(volume.hu, truth.hu)
    np.testing.assert_allclose(volume.origins, truth.origins, atol=1e-3)
    np.testing.assert_allclose(volume.orientation, truth.orientation, atol=1e-5)
    np.testing.assert_allclose(volume.pixel_spacing, truth.spacing, atol=1e-6)
    notes = "\n".join(volume.notes)
    for words in trap.says:
        assert words in notes, f"{words!r} is in none of these notes:\n{notes}"
    found = survey(folder)
    chosen, _ = choose(found.studies[0])
    assert read_series(chosen.files).content_hash == volume.content_hash
    _check_no_file_vanished(folder, found)


def _check_refused(trap: Trap, folder: Path) -> None:
    with pytest.raises(MolreError) as refused:
        read(folder)
    for words in trap.says:
        assert words in str(refused.value), f"{words!r} is not in {refused.value}"
    assert trap.says
    assert refused.value.fix
    assert refused.value.where


def _check_no_file_vanished(folder: Path, found: Survey) -> None:
    """Each file is in a series, among the rejects, or named as ignored."""
    told = {file for study in found.studies for one in study.series for file in one.files}
    told |= {reject.file for reject in found.rejects} | set(found.ignored)
    assert {str(path) for path in folder.rglob("*") if path.is_file()} <= told
