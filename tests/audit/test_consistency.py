"""Audits of a consistency check, and of the series that it could not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.audit.consistency import _Folder, _rejects
from molre.cohort.rejects import Rejected, write_rejects
from tests.helpers.audit.called import call, files_of

NOW = [Rejected(f"/{i}.dcm", study, "is empty", "copy it") for i, study in enumerate("ba")]
ONCE = "study,reason\nb,is empty\na,is empty\n"


def again(folder: Path, told: list) -> Path:
    """rejects.csv as the audit writes it from consistency.json."""
    path = folder / "again" / "rejects.csv"
    write_rejects(path, _Folder(folder, {"failed": told}, None).failed)
    return path


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (ONCE, [["b", "is empty"], ["a", "is empty"]]),
        (None, []),
        ("file,study,reason,remedy\n", []),
        ("file,study,reason,remedy\n/0.dcm,b,is empty,copy it\n/1.dcm,a,is empty,copy it\n",
         [vars(one) for one in NOW]),
    ],
    ids=["of a version before", "none of a version before", "none", "now"],
)  # fmt: skip
def test_the_table_is_held_to_what_was_told(tmp_path: Path, stored: str | None, told: list) -> None:
    path = tmp_path / "rejects.csv"
    if stored is not None:
        path.write_text(stored)
    assert _rejects(path, again(tmp_path, told)) == (len(told), [])


@pytest.mark.parametrize(
    "stored", [None, ONCE, "file,study,reason,remedy\n/0.dcm,b,other,copy it\n"]
)
def test_a_row_that_was_changed_added_or_lost_is_found(tmp_path: Path, stored: str | None) -> None:
    path = tmp_path / "rejects.csv"
    if stored is not None:
        path.write_text(stored)
    assert _rejects(path, again(tmp_path, [vars(NOW[0])]))[1]


def test_a_consistency_check_is_audited(whole: Path, tmp_path: Path) -> None:
    before = files_of(whole / "steady")
    said = call(str(whole / "steady"), "-o", str(tmp_path))
    assert said.exit_code == 0, said.output
    assert files_of(whole / "steady") == before
    assert "Audit of the consistency check" in (tmp_path / "audit.html").read_text()
