"""Cohort: the folder that holds scans, labels and splits, opened and checked."""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

import polars as pl

from molre import files
from molre.cohort.keys import pseudonym
from molre.cohort.scans import FIRST_FLAGS, SCHEMA
from molre.ct.files.text_names import one_line, written
from molre.errors import MolreError
from molre.table_files import read_csv, read_parquet

FORMAT_VERSION = 1
SPLITS = ("train", "tune", "calibrate", "test")


@dataclass(frozen=True)
class Cohort:
    """A cohort folder.

    Args:
        path: made by ingest.

    Raises:
        MolreError: no cohort there, or of a newer format.
    """

    path: Path

    def __post_init__(self) -> None:
        """Check that it is one, and of a format that is read here."""
        check_name(self.path)
        if not (self.path / "cohort.json").is_file():
            raise MolreError(
                "is not a cohort",
                where=self.path,
                fix=f"make one: molre ingest SCANS -o {self._quoted}",
            )
        version = self._facts.get("format_version")
        if not isinstance(version, int) or version > FORMAT_VERSION:
            raise MolreError(
                f"cohort format {version} is newer than this molre can read ({FORMAT_VERSION})",
                where=self.path,
                fix="upgrade molre",
            )

    @cached_property
    def _facts(self) -> dict[str, Any]:
        try:
            facts = json.loads((self.path / "cohort.json").read_text(encoding="utf-8"))
        except ValueError:
            facts = None
        if not isinstance(facts, dict):
            raise MolreError(
                "is damaged", where=self.path / "cohort.json", fix="ingest the scans again"
            )
        return facts

    @property
    def synthetic(self) -> bool:
        """Whether its scans are phantoms."""
        return bool(self._facts.get("synthetic"))

    @property
    def salt(self) -> bytes:
        """The key of its pseudonyms."""
        try:
            salt = (self.path / "salt").read_bytes()
        except FileNotFoundError:
            salt = b""
        if not salt:
            raise no_salt(self.path)
        check_salt(self.path, salt)
        return salt

    def scans(self) -> pl.DataFrame:
        """One row per eligible series; see :mod:`molre.cohort.scans`."""
        table = self._table("scans.parquet", f"molre ingest SCANS -o {self._quoted}")
        new = {name: kind for name, kind in SCHEMA.items() if name not in table.columns}
        table = table.with_columns(pl.lit(None, kind).alias(name) for name, kind in new.items())
        return table.with_columns(pl.col("flags").list.eval(pl.element().replace(FIRST_FLAGS)))

    def chosen(self) -> pl.DataFrame:
        """The chosen series of each study that could be read."""
        return self.scans().filter(pl.col("chosen") & pl.col("content_hash").is_not_null())

    def labels(self) -> pl.DataFrame:
        """Long labels: study_id, finding, state, source, labeller, evidence."""
        remedy = f"molre label LABELS.csv --cohort {self._quoted}"
        return self._table("labels.parquet", remedy, f"{remedy} --overwrite")

    def splits(self) -> pl.DataFrame:
        """patient, split (train, tune, calibrate, test); as frozen."""
        path = self.path / "splits.csv"
        if not path.is_file():
            raise MolreError("has no splits", where=self.path, fix=f"molre split {self._quoted}")
        try:
            table = read_csv(path, infer_schema=False)
        except pl.exceptions.PolarsError:
            table = pl.DataFrame()
        if table.columns != ["patient", "split"] or not set(table["split"]) <= {*SPLITS}:
            raise MolreError(
                "is damaged",
                where=path,
                fix=f"assign the patients again: molre split {self._quoted} --overwrite",
            )
        twice = table.filter(pl.col("patient").is_duplicated())["patient"]
        if len(twice):
            raise MolreError(f"patient {twice[0]} is listed twice", where=path, fix="keep one line")
        return table

    @property
    def _quoted(self) -> str:
        """As a shell takes it."""
        return quote(str(self.path))

    def _table(self, name: str, remedy: str, mend: str | None = None) -> pl.DataFrame:
        path = self.path / name
        if not path.is_file():
            raise MolreError(f"has no {name}", where=self.path, fix=remedy)
        try:
            return read_parquet(path)
        except pl.exceptions.PolarsError:
            raise MolreError("is damaged", where=path, fix=mend or remedy) from None


def no_salt(path: Path) -> MolreError:
    """The sentence for a cohort whose salt is lost."""
    return MolreError(
        "has no salt, so no patient can be recognized in it",
        where=path,
        fix="copy the file salt from where the cohort was made, or ingest the scans into a new "
        "folder",
    )


def check_salt(path: Path, salt: bytes) -> None:
    """Refuse a salt that the cohort's keys were not made with: each study would be there twice.

    Raises:
        MolreError: it is another one.
    """
    try:
        facts = json.loads((path / "cohort.json").read_bytes())
    except (OSError, ValueError):  # new, or said elsewhere
        return
    wanted = facts.get("salt_check") if isinstance(facts, dict) else None
    if wanted not in (None, pseudonym(salt, "salt", "")):
        raise MolreError(
            "is not the salt that the cohort's keys were made with",
            where=path / "salt",
            fix="copy the file salt from where the cohort was made, or ingest the scans into a new "
            "folder",
        )


def check_name(path: Path) -> None:
    """Refuse a folder whose name is not UTF-8: the libraries that read its files take text only.

    Raises:
        MolreError: it is not.
    """
    whole = os.path.abspath(path)
    if written(whole) != whole:
        raise MolreError(
            "a cohort cannot be stored there, because the name is not UTF-8",
            where=one_line(whole),
            fix="rename the folder, or name another one",
        )


def write_facts(path: Path, synthetic: bool, salt: bytes | None = None) -> None:
    """COHORT/cohort.json; with a mark of the salt, which does not tell it."""
    facts: dict[str, Any] = {"format_version": FORMAT_VERSION, "synthetic": synthetic}
    if salt is not None:
        facts["salt_check"] = pseudonym(salt, "salt", "")
    files.write_text(path / "cohort.json", json.dumps(facts, indent=2) + "\n")


def write_table(path: Path, table: pl.DataFrame) -> None:
    """A Parquet file, whole or not at all."""
    data = io.BytesIO()  # polars hides a full disk behind an error of its own
    table.write_parquet(data)
    files.write_bytes(path, data.getvalue())
