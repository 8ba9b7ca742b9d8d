"""The volume cache: scans read once, one file each, so that they need not be decoded again.

    COHORT/volumes/<content hash>.volume

A file appears whole or not at all. What is damaged, or of another version, is read from the
original files again and replaced.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from molre import files
from molre.ct.cache.volume_file import DamagedVolume, is_whole, pack, read_bytes, unpack
from molre.ct.nifti.hu_map import HuMap
from molre.ct.read import read_series
from molre.ct.volume import Volume
from molre.errors import RefusedScan
from molre.progress import say

SUFFIX = ".volume"


@dataclass(frozen=True)
class VolumeCache:
    """Volumes in a folder, by content hash.

    A content hash covers pixels, spacing and steps between slices. All else in a file (position,
    orientation, notes, acquisition) is of the scan that was put there last.

    Args:
        folder: made by the first ``put``.
    """

    folder: Path

    def path(self, content_hash: str) -> Path:
        """The file of a volume."""
        return self.folder / f"{content_hash}{SUFFIX}"

    def __contains__(self, content_hash: str) -> bool:
        """Whether there is a file of this version and of the right length; quick."""
        return is_whole(self.path(content_hash))

    def get(self, content_hash: str) -> Volume | None:
        """A volume as it was put, but without identifiers; None where there is none.

        A damaged file is not a volume either, which is said on stderr. The volume has no UIDs,
        patient ID, accession number, date or description, and nobody in it is older than 90.
        """
        try:
            return self._read(content_hash)
        except FileNotFoundError:
            return None
        except DamagedVolume as error:
            say(f"{error.message} The original files are read instead.")
            return None

    def put(self, volume: Volume) -> None:
        """Keep a volume, in place of the one of the same content hash.

        Raises:
            OSError: the disk is full, or cannot be written; what was there is as it was.
        """
        files.write_bytes(*self.packed(volume))

    def packed(self, volume: Volume) -> tuple[Path, bytes]:
        """The file that ``put`` writes, and what it writes to it."""
        return self.path(volume.content_hash), pack(volume)

    def hashes(self) -> list[str]:
        """Content hashes of all files, whole or not, sorted."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def damaged(self) -> Iterator[tuple[str, str]]:
        """Read every file; yields content hash and what is wrong where something is."""
        for content_hash in self.hashes():
            try:
                self._read(content_hash)
            except FileNotFoundError:
                continue  # gone since it was listed
            except DamagedVolume as error:
                yield content_hash, error.message

    def sweep(self) -> None:
        """Remove what killed runs left half written; only while no other run writes here."""
        for part in self.folder.glob(f".*{SUFFIX}.*.part"):
            part.unlink(missing_ok=True)

    def _read(self, content_hash: str) -> Volume:
        path = self.path(content_hash)
        try:
            volume = unpack(read_bytes(path))
            if volume.content_hash != content_hash:
                raise DamagedVolume("holds another scan than its name says")
        except DamagedVolume as error:
            raise DamagedVolume(error.what, where=path) from None
        return volume


def volumes_of(cohort: Path) -> VolumeCache:
    """The cache of a cohort folder."""
    return VolumeCache(cohort / "volumes")


def scan(
    content_hash: str, names: Sequence[str], cache: VolumeCache, hu_map: str | None = None
) -> Volume:
    """A scan of a cohort: from the cache, or from its original files where it is not there.

    Args:
        content_hash: of the scan, as ingested.
        names: its files, which need not exist where the cache holds the scan.
        cache: a damaged file in it is replaced.
        hu_map: how the values of a NIfTI became HU when it was ingested.

    Raises:
        RefusedScan: the files cannot be read, or do not hold the scan any more.
    """
    kept = cache.get(content_hash)
    if kept is not None:
        return kept
    volume = read_series(list(names), hu_map=HuMap.parse(hu_map) if hu_map else None)
    if volume.content_hash != content_hash:
        raise RefusedScan(
            "the files changed since they were ingested", where=names[0], fix="ingest them again"
        )
    if cache.path(content_hash).exists():  # damaged, as get has said
        with contextlib.suppress(OSError):  # a cohort that may only be read works as well
            cache.put(volume)
    return volume
