"""Archives for tests: a folder of files as zip, tar or tar.gz, and members that no tool writes."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")


def pack(path: Path, files: Iterable[Path], inside: str = "inner") -> Path:
    """Write files to an archive; its kind is that of the name."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for file in files:
                zipped.write(file, f"{inside}/{file.name}")
        return path
    with tarfile.open(path, _mode(path)) as tar:
        for file in files:
            tar.add(file, f"{inside}/{file.name}")
    return path


def _mode(path: Path) -> Literal["w", "w:gz", "w:bz2", "w:xz"]:
    ending = path.name.rsplit(".", 1)[-1]
    return {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(ending, "w")


def tar_of(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """Write a tar of members with any header."""
    with tarfile.open(path, _mode(path)) as tar:
        for info, data in members:
            if info.isreg():
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """A tar header."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info
