"""The scans of a cohort, as an audit reads them: from the files that were ingested, first of all.

The volume cache was made by molre and can be rebuilt by a tamperer; the files are the origin.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from molre.cohort.cohort import Cohort
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.ct.nifti.hu_map import HuMap
from molre.ct.read import read_series
from molre.ct.volume import Volume
from molre.errors import RefusedScan


def originals(row: dict[str, Any]) -> bool:
    """Whether the files that a row of scans.parquet names are there."""
    names = list(row["files"] or ())
    return bool(names) and all(Path(name.split("!")[0]).is_file() for name in names)


def at_hand(cohort: Cohort, row: dict[str, Any]) -> bool:
    """Whether a scan can be read: from its files, or from the cohort's volume cache."""
    return originals(row) or str(row["content_hash"]) in volumes_of(cohort.path)


def volume_of(cohort: Cohort, row: dict[str, Any]) -> Volume:
    """A scan of the cohort.

    Args:
        cohort: whose volume cache stands in where the files are gone.
        row: of scans.parquet.

    Raises:
        RefusedScan: the files do not hold the scan any more, or cannot be read.
    """
    if not originals(row):
        return scan(row["content_hash"], row["files"], volumes_of(cohort.path), row["hu_map"])
    values = HuMap.parse(row["hu_map"]) if row["hu_map"] else None
    volume = read_series(list(row["files"]), hu_map=values)
    if volume.content_hash != row["content_hash"]:
        raise RefusedScan("the files do not hold the scan that was ingested")
    return volume
