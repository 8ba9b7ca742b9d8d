"""Files appear whole or not at all, and what was there before stays until then."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from molre import files


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "before")

    def half() -> None:
        with files.atomic(path) as part:
            part.write_text("half of")
            raise failure

    with pytest.raises(failure):
        half()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_by_the_name_of_the_file_and_not_of_its_part(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"

    def full() -> None:
        with files.atomic(path):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as told:
        full()
    assert told.value.filename == str(path)


def test_folders_are_made_and_what_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "a.txt"
    for text in ("Größe", "é"):
        files.write_text(path, text)
        assert path.read_bytes() == text.encode()
    files.write_bytes(path, b"\xff")
    assert path.read_bytes() == b"\xff"


def test_a_private_file_is_its_owner_s_alone_and_replaces_none(tmp_path: Path) -> None:
    path = tmp_path / "salt"
    files.create_private(path, b"secret")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        files.create_private(path, b"another")
    assert path.read_bytes() == b"secret"


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"molre" * 10**5)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(b"molre" * 10**5).hexdigest()


def test_a_private_file_is_its_owner_s_alone_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("for all")
    path.chmod(0o644)
    files.write_private(path, b"mine")
    assert path.read_bytes() == b"mine"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
