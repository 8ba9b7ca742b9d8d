"""What a prediction was made from: the same only while its files and settings are the same."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.workflows.prediction_source import made_from

CHANGES = ("append", "shorten", "exchange", "touch", "rename", "remove", "another")


def change(kind: str, path: Path) -> list[Path]:
    """Change one file of a study, as people and programs do; the files of the study afterwards."""
    others = [p for p in sorted(path.parent.iterdir()) if p != path]
    before = path.stat()
    if kind == "append":
        path.write_bytes(path.read_bytes() + b"more")
    if kind == "shorten":
        path.write_bytes(path.read_bytes()[:-1])
    if kind == "exchange":  # of equal size, and the time is put back, as by `cp -p`
        path.write_bytes(bytes(b ^ 255 for b in path.read_bytes()))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    if kind == "touch":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    if kind == "rename":
        path = path.rename(path.with_name("renamed"))
    if kind == "remove":
        return others
    if kind == "another":
        others.append(path.with_name("another"))
        others[-1].write_bytes(b"arrived later")
    return [*others, path]


def source(paths: list[Path], *settings: str) -> str | None:
    return made_from(map(str, paths), *settings)


@given(kind=st.sampled_from(CHANGES), which=st.integers(0, 3), size=st.integers(1, 100))
def test_any_change_of_any_file_is_another_source(
    tmp_path_factory: pytest.TempPathFactory, kind: str, which: int, size: int
) -> None:
    study = tmp_path_factory.mktemp("study")
    paths = [study / f"{i}.dcm" for i in range(4)]
    for i, path in enumerate(paths):
        path.write_bytes(bytes([i] * size))
    before = source(paths)
    assert before == source(paths[::-1])
    assert before != source(change(kind, paths[which]))


def test_every_setting_counts(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a")
    made = {source([path], *settings) for settings in ((), ("m1",), ("m2",), ("m1", "1:-1024"))}
    assert len(made) == 4


def test_in_an_archive_the_archive_counts_and_a_name_with_an_exclamation_mark_is_none(
    tmp_path: Path,
) -> None:
    archive, plain = tmp_path / "a.zip", tmp_path / "wow!" / "b.dcm"
    plain.parent.mkdir()
    plain.write_bytes(b"b")
    for content in ("one", "other"):
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("x.dcm", content)
        found = made_from([f"{archive}!x.dcm", str(plain)])
        assert found is not None
        assert found != made_from([f"{archive}!y.dcm", str(plain)])
        os.utime(archive)
        assert found != made_from([f"{archive}!x.dcm", str(plain)])


def test_a_file_that_is_gone_has_no_source(tmp_path: Path) -> None:
    assert made_from([str(tmp_path / "gone.dcm")]) is None
