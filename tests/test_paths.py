"""One path or several, as text or Path, mean the same to every function."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.errors import MolreError
from molre.paths import as_paths


@pytest.mark.parametrize("given", ["scans", Path("scans"), ["scans"], (Path("scans"),), {"scans"}])
def test_one_path_is_one_path_however_it_is_given(given) -> None:
    assert as_paths(given) == [Path("scans")]


@pytest.mark.parametrize("given", ["", ["a", ""]])
def test_no_path_is_not_the_current_folder(given) -> None:
    with pytest.raises(MolreError, match="an empty text is not a path"):
        as_paths(given)


def test_no_path_at_all_is_said() -> None:
    with pytest.raises(MolreError, match="no path is given"):
        as_paths([])
