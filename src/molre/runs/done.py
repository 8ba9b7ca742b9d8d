"""Whether a requested run exists already, or another one is in its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from molre.cohort.cohort import Cohort
from molre.errors import MolreError
from molre.runs.folder import RunFolder
from molre.runs.manifest import read_manifest
from molre.table_files import read_parquet


def is_done(
    run: RunFolder,
    wanted: Mapping[str, Any],
    defaults: Mapping[str, Any],
    hashes: Mapping[str, str],
    cohort: Cohort | None = None,
) -> bool:
    """Whether this run is there, with the same settings and data.

    Args:
        run: where it would be.
        wanted: its settings, resolved, as config.yaml has them.
        defaults: of all settings; one that did not exist when the run was made had what is now its
            default.
        hashes: of its data, as the manifest has them.
        cohort: whose studies may be of other patients by now, or no whole heads.

    Raises:
        MolreError: a run of other settings, of data that has changed since, or of a newer molre is
            in the way.
    """
    if not run.config.is_file():
        return False
    if {**defaults, **run.settings()} != wanted:
        raise MolreError(
            "holds a run with another configuration",
            where=run.path,
            fix="choose another folder, or add --overwrite",
        )
    if not run.is_whole:
        return False
    made_from = read_manifest(run)
    changed = [name for name, value in hashes.items() if made_from.get(name) != value]
    if not changed and cohort and _is_of_others(run, cohort, bool(wanted["include_not_head"])):
        changed = ["patients or head checks"]
    if changed:
        names = " and ".join(name.removesuffix("_sha256") for name in changed)
        raise MolreError(
            f"holds a run from before the cohort's {names} changed",
            where=run.path,
            fix="choose another folder, or add --overwrite to train it again",
        )
    return True


def _is_of_others(run: RunFolder, cohort: Cohort, include_not_head: bool) -> bool:
    """Whether a study of the run is another patient's, in another split or left out by now."""
    path, known = run.table("studies"), ["study", "patient", "split"]
    if not path.is_file():
        return False
    now = cohort.chosen().join(cohort.splits(), on="patient", how="inner")
    if not include_not_head:
        now = now.filter(pl.col("head").fill_null(value=True))
    return bool(len(read_parquet(path).select(known).join(now, on=known, how="anti")))
