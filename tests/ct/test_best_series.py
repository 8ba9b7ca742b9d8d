"""Which series is read: the best that can be, and what is said of those that cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.ct.best_series import read_best
from molre.ct.survey import survey
from molre.errors import RefusedScan
from tests.helpers.cohort.dicoms import spoil, write_study


def series(folder: Path, number: int, slices: int, *, whole: bool) -> None:
    """One series of the study 1.2.3; more slices cover more, and are better."""
    made = write_study(folder / str(number), "1.2.3", "P", slices=slices,
                       SeriesInstanceUID=f"1.2.3.{number}")  # fmt: skip
    if not whole:
        spoil(made)


def test_of_three_series_of_which_two_are_damaged_the_third_is_read(tmp_path: Path) -> None:
    for number, slices in enumerate((20, 14, 8), 1):
        series(tmp_path, number, slices, whole=number == 3)
    (study,) = survey(tmp_path).studies
    best = read_best(study)
    assert len(best.volume) == 8
    assert best.why.startswith("the only readable series: 8 slices")
    assert len(best.failed) == len(best.notes) == 2
    assert all(note.startswith("a better series could not be read: ") for note in best.notes)


def test_where_none_can_be_read_the_last_one_says_why(tmp_path: Path) -> None:
    for number, slices in enumerate((20, 14), 1):
        series(tmp_path, number, slices, whole=False)
    (study,) = survey(tmp_path).studies
    with pytest.raises(RefusedScan):
        read_best(study)
