"""RSNA-ICH: the long ``stage_2_train.csv`` of the RSNA 2019 hemorrhage challenge.

Columns ``ID`` (``ID_000012eaf_any``: a slice's SOP Instance UID and a type of hemorrhage) and
``Label`` (0 or 1). Some rows are there twice. The file does not say which study a slice is of;
only the scans do.

Source: Flanders et al., Radiology: Artificial Intelligence 2 (2020) e190211.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from molre.errors import MolreError
from molre.labels.columns import plain
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.datasets.recognize import RSNA_ICH, check_set
from molre.labels.datasets.slices import of_study
from molre.labels.findings import FindingsTable
from molre.table_files import read_csv

ANY = "any"
NAMED = "study_instance_uid"
LABELLER = "RSNA-ICH readers, slices to study"
_ID = r"^(ID_[0-9A-Za-z]+)_([a-z]+)$"
_SAID = 3  # slices that a note names
_CELL = ("slice", "type")


def read_rsna_ich(path: Path, table: FindingsTable, study_of: pl.DataFrame) -> LabelsOfSet:
    """Labels of each study: any slice that shows a type makes it present.

    A type is absent if all slices of the study are labeled 0. A label that two rows give
    differently is left blank, and so is a slice's ``any`` that is 0 with a type that is 1, with
    that type; notes count them.

    Args:
        path: the long table.
        table: names the types that mean a finding, by :attr:`Finding.rsna_ich`.
        study_of: all slices of the scans at hand, ``slice`` (SOP Instance UID) and ``study`` (Study
            Instance UID).

    Raises:
        MolreError: it cannot be read, is another data set's, an ID or a label is none, or none of
            its slices is among the scans.
    """
    cells, notes = _cells(_rows(path), path)
    cells, contradictions = _without_contradictions(cells)
    ours = {own: finding.id for finding in table for own in finding.rsna_ich}
    slices = study_of.unique("slice")
    labeled = cells.select("slice").unique()
    both = slices.join(labeled, on="slice", how="semi").height
    if not both:
        raise MolreError(
            f"none of its {labeled.height} slices is among the {slices.height} of the scans",
            where=path,
            fix="give by --scans the folder of the stage's training scans (ID_....dcm)",
        )
    if strays := labeled.height - both:
        notes.append(f"labeled slices without a scan here: {strays} of {labeled.height}")
    if unlabeled := slices.height - both:
        notes.append(f"slices of the scans without a label: {unlabeled} of {slices.height}")
    studies = slices.join(labeled, on="slice", how="semi")["study"].unique()
    sizes = slices.filter(pl.col("study").is_in(studies.implode())).group_by("study").len("slices")
    counted = (
        cells.filter(pl.col("type").is_in(list(ours)))
        .join(slices, on="slice")
        .group_by("study", "type")
        .agg(
            (pl.col("label") == 1).sum().alias("positive"),
            (pl.col("label") == 0).sum().alias("negative"),
        )
        .join(sizes, on="study")
        .sort("study", "type")
    )
    rows = [
        (study, ours[kind], *of_study(positive, negative, total))
        for study, kind, positive, negative, total in counted.iter_rows()
    ]
    return LabelsOfSet.of(rows, NAMED, "RSNA-ICH", LABELLER, notes + contradictions)


def _rows(path: Path) -> pl.DataFrame:
    """Columns ID and Label, as text."""
    try:
        given = read_csv(path, infer_schema=False, separator=_separator(path))
    except FileNotFoundError:
        raise MolreError("no such file", where=path, fix="give stage_2_train.csv") from None
    except IsADirectoryError:
        raise MolreError("is a folder", where=path, fix="give stage_2_train.csv") from None
    except pl.exceptions.NoDataError:
        raise MolreError("is empty", where=path, fix="give stage_2_train.csv") from None
    except pl.exceptions.PolarsError:
        raise MolreError("is not a CSV in UTF-8", where=path, fix="give it as published") from None
    check_set(given.columns, RSNA_ICH, path)
    called = {plain(name): name for name in given.columns}
    if given.is_empty():
        raise MolreError("has no rows below its header", where=path, fix="give stage_2_train.csv")
    return given.select(
        pl.col(called["id"]).fill_null("").str.strip_chars().alias("ID"),
        pl.col(called["label"]).fill_null("").str.strip_chars().alias("Label"),
    )


def _separator(path: Path) -> str:
    with open(path, "rb") as handle:
        return ";" if b";" in handle.readline(1000) else ","


def _cells(given: pl.DataFrame, path: Path) -> tuple[pl.DataFrame, list[str]]:
    """A row for each slice and type: slice, type, label (int, null where rows disagree)."""
    parts = pl.col("ID").str.extract_groups(_ID)
    rows = given.with_columns(
        parts.struct["1"].alias("slice"),
        parts.struct["2"].alias("type"),
        pl.col("Label").replace_strict({"0": 0, "1": 1, "0.0": 0, "1.0": 1}, default=None)
        .cast(pl.Int8).alias("label"),
    )  # fmt: skip
    _refuse(rows["slice"].is_null(), given["ID"], "ID {!r} is not ID_<slice>_<type>", path)
    _refuse(rows["label"].is_null(), given["Label"], "label {!r} is not 0 or 1", path)
    cells = rows.group_by(_CELL).agg(
        pl.col("label").min().alias("least"),
        pl.col("label").max().alias("label"),
        pl.len().alias("times"),
    )
    notes = []
    torn = cells.filter(pl.col("least") != pl.col("label"))
    if extra := rows.height - cells.height - int((torn["times"] - 1).sum()):
        notes.append(f"dropped rows that repeat another one: {extra}")
    if torn.height:
        first = torn["slice"].unique().sort().head(_SAID).to_list()
        notes.append(
            f"left blank labels that are given as 0 and as 1: {torn.height} "
            f"({', '.join(first)}{', ...' if torn['slice'].n_unique() > _SAID else ''})"
        )
    decided = pl.when(pl.col("least") == pl.col("label")).then("label").alias("label")
    return cells.select(*_CELL, decided), notes


def _refuse(bad: pl.Series, cells: pl.Series, what: str, path: Path) -> None:
    first = bad.arg_max()
    if first is None or not bad[first]:
        return
    fix = "give stage_2_train.csv as it was published"
    if cells[first] == "0.5":
        fix = "give stage_2_train.csv: this looks like the sample submission, which has no labels"
    raise MolreError(f"line {first + 2}: {what.format(cells[first])}", where=path, fix=fix)


def _without_contradictions(cells: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Labels without those of slices whose ``any`` is 0 while a type is 1."""
    none = cells.filter((pl.col("type") == ANY) & (pl.col("label") == 0)).select("slice")
    some = cells.filter((pl.col("type") != ANY) & (pl.col("label") == 1)).select("slice").unique()
    torn = none.join(some, on="slice", how="semi")
    if torn.is_empty():
        return cells, []
    wrong = pl.col("slice").is_in(torn["slice"].implode())
    wrong &= (pl.col("type") == ANY) | (pl.col("label") == 1)
    first = ", ".join(torn["slice"].sort().head(_SAID).to_list())
    note = (
        f"left blank labels of slices with a type of hemorrhage and no hemorrhage: {torn.height} "
        f"({first}{', ...' if torn.height > _SAID else ''})"
    )
    blank = pl.when(~wrong).then("label").alias("label")
    return cells.with_columns(blank), [note]
