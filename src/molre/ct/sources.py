"""Where bytes come from: files, folders and zips of them, walked in a fixed order.

A source is named by one string: ``/a/b.dcm``, or ``/a/c.zip!inner/b.dcm`` for a member of a zip,
which is read in memory and never extracted.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from molre.errors import MolreError, RefusedScan

MEMBER_LIMIT = 2 * 2**30  # bytes of one unpacked member
ZIP_LIMIT = 16 * 2**30  # bytes of all members together
RATIO_LIMIT = 1000  # unpacked over packed, for members above 10 MB
COMPANIONS = (".txt", ".md", ".csv", ".json", ".html", ".xml", ".pdf", ".tsv", ".npz", ".parquet")
COMPANION_NAMES = ("dicomdir", "license", "readme", "thumbs.db", ".ds_store", "lockfile", "version")


@dataclass(frozen=True)
class Source:
    """One file, on disk or in a zip."""

    name: str

    @property
    def size(self) -> int:
        """Bytes, unpacked."""
        archive, member = _parts(self.name)
        if member is None:
            return os.path.getsize(archive)
        with zipfile.ZipFile(archive) as packed:
            return packed.getinfo(member).file_size

    def open(self) -> BinaryIO:
        """A seekable binary stream; the caller closes it.

        Raises:
            RefusedScan: a zip member that unpacks to far more than any scan.
        """
        archive, member = _parts(self.name)
        if member is None:
            return open(archive, "rb")
        with zipfile.ZipFile(archive) as packed:
            info = packed.getinfo(member)
            _check_member(info, self.name)
            with packed.open(info) as stream:
                data = stream.read(info.file_size + 1)
        if len(data) > info.file_size:
            raise RefusedScan("unpacks to more than it declares", where=self.name)
        return io.BytesIO(data)

    @property
    def is_companion(self) -> bool:
        """A file that lies beside scans and claims to be none: a readme, a licence, a DICOMDIR."""
        name = self.name.rsplit("/", 1)[-1].lower()
        return name.endswith(COMPANIONS) or name.split(".")[0] in COMPANION_NAMES or name[0] == "."


def walk(path: str | Path) -> Iterator[Source]:
    """All files under a path, sorted; links to folders are not followed.

    Raises:
        MolreError: the path does not exist.
    """
    path = Path(path)
    if not path.exists():
        raise MolreError("no such file or folder", where=path, fix="check the path")
    if path.is_file():
        yield from _file(path)
        return
    for folder, inner, names in os.walk(path):
        inner.sort()
        for name in sorted(names):
            yield from _file(Path(folder) / name)


def _file(path: Path) -> Iterator[Source]:
    path = Path(os.path.abspath(path))
    if path.is_file() and path.suffix.lower() == ".zip":
        yield from _members(path)
    elif path.is_file():
        yield Source(str(path))


def _members(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as packed:
            infos = [i for i in packed.infolist() if not i.is_dir()]
    except (zipfile.BadZipFile, OSError, NotImplementedError):
        raise RefusedScan("is a damaged zip", where=path, fix="copy it again") from None
    if sum(i.file_size for i in infos) > ZIP_LIMIT:
        raise RefusedScan(
            f"unpacks to more than {ZIP_LIMIT >> 30} GiB", where=path, fix="give it in parts"
        )
    for info in sorted(infos, key=lambda i: i.filename):
        yield Source(f"{path}!{info.filename}")


def _check_member(info: zipfile.ZipInfo, name: str) -> None:
    packed = max(1, info.compress_size)
    bomb = info.file_size > 10 * 2**20 and info.file_size / packed > RATIO_LIMIT
    if info.file_size > MEMBER_LIMIT or bomb:
        raise RefusedScan("unpacks to far more than a scan", where=name, fix="check the archive")


def _parts(name: str) -> tuple[str, str | None]:
    lower = name.lower()
    cut = lower.find(".zip!")
    return (name, None) if cut < 0 else (name[: cut + 4], name[cut + 5 :])
