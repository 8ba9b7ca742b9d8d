"""Labels of a public data set, read from its own label file and matched to a cohort."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from molre.cohort.cohort import Cohort, write_table
from molre.cohort.match import Matched, match_labels
from molre.cohort.names import Names
from molre.cohort.slices import studies_of_slices
from molre.errors import MolreError, did_you_mean
from molre.evaluation.reader_agreement import reader_agreement
from molre.folders import check_new
from molre.labels.datasets.cq500 import majority, one_reader, read_reads, spellings
from molre.labels.datasets.ct_ich import read_ct_ich
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.datasets.recognize import CQ500, CT_ICH, NAMES, RSNA_ICH
from molre.labels.datasets.rsna_ich import read_rsna_ich
from molre.labels.findings import findings
from molre.table_files import write_csv

FILE_NAMES = {
    CQ500: ("reads.csv",),
    RSNA_ICH: ("stage_2_train.csv", "stage_1_train.csv"),
    CT_ICH: ("hemorrhage_diagnosis_raw_ct.csv", "hemorrhage_diagnosis.csv", "labels.csv"),
}


def read_data_set(
    name: str, path: str | Path, reader: int | None = None, scans: str | Path | None = None
) -> LabelsOfSet:
    """A public data set's labels of its studies.

    Args:
        name: cq500, rsna-ich or ct-ich.
        path: its label file, or the folder that holds it.
        reader: of CQ500, this reader alone; the majority of the three if not given.
        scans: of RSNA-ICH, the folder of scans, or a CSV with columns SOPInstanceUID and
            StudyInstanceUID.

    Raises:
        MolreError: an unknown data set, a file that is not its label file, or an option that is
            missing or of another data set.
    """
    if name not in NAMES:
        raise MolreError(f"unknown data set {name!r}", fix=did_you_mean(name, NAMES))
    if reader is not None and name != CQ500:
        raise MolreError(f"{NAMES[name]} does not say who read what", fix="leave out --reader")
    if scans is not None and name != RSNA_ICH:
        raise MolreError(f"{NAMES[name]} names its studies itself", fix="leave out --scans")
    file = label_file(name, Path(path))
    if name == CT_ICH:
        return read_ct_ich(file)
    if name == CQ500:
        reads = read_reads(file, findings())
        if reader is None:
            return majority(reads, findings())
        return one_reader(reads, reader, findings())
    if scans is None:
        raise MolreError(
            "the label file of RSNA-ICH does not say which study a slice is of",
            where=file,
            fix="add --scans FOLDER with the scans",
        )
    return read_rsna_ich(file, findings(), studies_of_slices(Path(scans)))


def label_file(name: str, path: Path) -> Path:
    """The label file of a data set: the path itself, or what a folder holds under its name.

    Raises:
        MolreError: a folder that holds none, or those of both stages of RSNA-ICH.
    """
    if not path.is_dir():
        return path
    there = [path / file for file in FILE_NAMES[name] if (path / file).is_file()]
    if not there:
        raise MolreError(
            f"holds no {' or '.join(FILE_NAMES[name])}", where=path, fix="name the label file"
        )
    if len(there) > 1:
        raise MolreError(
            f"holds {there[1].name} and {there[0].name}",
            where=path,
            fix=f"name one of them, e.g. {there[0]}",
        )
    return there[0]


def write_labels(labels: LabelsOfSet, path: Path, *, overwrite: bool = False) -> None:
    """Write the long table as Parquet, which ``molre label`` takes.

    Raises:
        MolreError: there is something already, or nothing can be written there.
    """
    check_new(path, overwrite=overwrite)
    write_table(path, labels.long)


def match_data_set(
    name: str, labels: LabelsOfSet, cohort: str | Path, *, overwrite: bool = False
) -> Matched:
    """Match a data set's labels to a cohort's studies, as :func:`match_labels` does.

    CQ500's scans go by their Patient ID, or where that was removed by their folder or archive.

    Raises:
        MolreError: as there.
    """
    long = _respelled(labels.long, Path(cohort)) if name == CQ500 else labels.long
    return match_labels(cohort, long, labels.named, NAMES[name], overwrite=overwrite)


def _respelled(long: pl.DataFrame, cohort: Path) -> pl.DataFrame:
    """With each scan named as the cohort knows it, and as ``reads.csv`` does where it does not."""
    column = long.columns[0]
    opened = Cohort(cohort)
    given = long[column].unique().to_list()
    names = Names(opened.scans(), opened.salt, column, given)
    found = {
        name: next((other for other in spellings(name) if names.studies(other)), name)
        for name in given
    }
    return long.with_columns(pl.col(column).replace_strict(found))


def write_agreement(path: str | Path, out: Path, *, overwrite: bool = False) -> pl.DataFrame:
    """Write how far the three readers of CQ500 agree, as CSV.

    Args:
        path: of ``reads.csv``, or its folder.
        out: the CSV.
        overwrite: replace a file that is there.

    Returns:
        See :func:`molre.evaluation.reader_agreement.reader_agreement`.

    Raises:
        MolreError: the reads cannot be read, or there is something already.
    """
    check_new(out, overwrite=overwrite)
    reads = read_reads(label_file(CQ500, Path(path)), findings())
    agreement = reader_agreement(reads.said, reads.findings, reads.names)
    write_csv(out, agreement)
    return agreement
