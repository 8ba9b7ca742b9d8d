"""Labels of public data sets find the scans as these sets are published."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from molre.cohort.cohort import Cohort
from molre.cohort.ingest import ingest
from molre.errors import MolreError
from molre.workflows.label_dataset import (
    label_file,
    match_data_set,
    read_data_set,
    write_agreement,
    write_labels,
)
from tests.conftest import Once
from tests.helpers.cohort.cohorts import write_cohort
from tests.helpers.labels.published import as_rsna, phantoms, write_reads, write_rsna_labels

NOTHING: set[str] = set()


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    path = tmp_path / "reads.csv"
    write_reads(path, {"CQ500-CT-7": ({"ICH"}, {"ICH"}, NOTHING), "CQ500-CT-8": (NOTHING,) * 3})
    return path


def test_slices_with_bare_headers_in_one_folder_become_whole_labeled_scans(
    once: Once, tmp_path: Path
):
    studies = phantoms(once("two phantoms", lambda folder: phantoms(folder, 2)), 2)
    slices = as_rsna(studies, tmp_path / "train")
    first, second = slices
    write_rsna_labels(tmp_path / "stage_2_train.csv", slices, {second: {"epidural"}})
    ingest(tmp_path / "train", tmp_path / "cohort", workers=1)
    scans = Cohort(tmp_path / "cohort").scans()
    assert sorted(scans["slices"]) == sorted(map(len, slices.values()))
    assert scans["head"].all()
    assert scans["study"].n_unique() == scans["patient"].n_unique() == 2
    labels = read_data_set("rsna-ich", tmp_path, scans=tmp_path / "train")
    done = match_data_set("rsna-ich", labels, tmp_path / "cohort")
    assert (done.matched, done.rows_without_scan, done.scans_without_row) == (2, 0, 0)
    kept = Cohort(tmp_path / "cohort").labels().filter(pl.col("state") == "present")
    assert kept["finding"].to_list() == ["epidural_hemorrhage", "intracranial_hemorrhage"]
    assert set(kept["evidence"]) == {f"slices 1 of {len(slices[second])}"}
    identifiers = (first, second, *slices[first], *slices[second])
    assert not any(name in str(kept.rows()) for name in identifiers)


def test_scans_of_cq500_go_by_their_patient_id_or_else_by_their_folder(reads: Path, tmp_path: Path):
    cohort = write_cohort(tmp_path / "c", {"7": "CQ500-CT-7", "8": "removed"})
    lies = pl.col("path").str.replace(
        "/scans/folder of (.)", "/data/CQ500CT$1 CQ500CT$1/Unknown Study/CT Plain"
    )
    scans = pl.read_parquet(cohort / "scans.parquet").with_columns(path=lies)
    files = pl.concat_list(pl.col("path") + "/CT000000.dcm", pl.col("path") + "/CT000001.dcm")
    scans.with_columns(files=files).write_parquet(cohort / "scans.parquet")
    done = match_data_set("cq500", read_data_set("cq500", reads), cohort)
    assert (done.matched, done.rows_without_scan, done.notes) == (2, 0, ())


def test_what_is_written_is_what_molre_label_takes(reads: Path, tmp_path: Path):
    labels = read_data_set("cq500", reads, reader=1)
    write_labels(labels, tmp_path / "labels.parquet")
    assert pl.read_parquet(tmp_path / "labels.parquet").equals(labels.long)
    with pytest.raises(MolreError, match="already exists"):
        write_labels(labels, tmp_path / "labels.parquet")
    write_labels(labels, tmp_path / "labels.parquet", overwrite=True)
    with pytest.raises(MolreError, match="is a folder"):
        write_labels(labels, tmp_path)


def test_agreement_is_a_table_of_findings(reads: Path, tmp_path: Path):
    out = tmp_path / "agreement.csv"
    assert write_agreement(reads, out)["finding"].to_list()[0] == "intracranial_hemorrhage"
    assert out.read_text().splitlines()[0].startswith("finding,positive_1,positive_2,positive_3,")
    with pytest.raises(MolreError, match="already exists"):
        write_agreement(reads, out)


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("cq50", {}, "unknown data set 'cq50'. Did you mean 'cq500'"),
        ("ct-ich", {"reader": 1}, "CT-ICH does not say who read what. Leave out --reader"),
        ("cq500", {"scans": "x"}, "CQ500 names its studies itself. Leave out --scans"),
        ("cq500", {"reader": 0}, "no reader 0"),
        ("rsna-ich", {}, "does not say which study a slice is of. Add --scans FOLDER"),
        ("ct-ich", {}, "is the label file of CQ500, not of CT-ICH"),
    ],
)
def test_an_option_that_does_not_fit_is_one_sentence(
    reads: Path, name: str, options: dict[str, object], said: str
):
    with pytest.raises(MolreError, match=said):
        read_data_set(name, reads, **options)  # type: ignore[arg-type]


def test_a_folder_must_hold_one_label_file(tmp_path: Path):
    with pytest.raises(MolreError, match=r"holds no stage_2_train.csv or stage_1_train.csv"):
        label_file("rsna-ich", tmp_path)
    for stage in (1, 2):
        (tmp_path / f"stage_{stage}_train.csv").write_text("ID,Label\n")
    with pytest.raises(MolreError, match=r"holds stage_1_train.csv and stage_2_train.csv. Name"):
        label_file("rsna-ich", tmp_path)


def test_two_published_slices_of_cq500_find_their_reads(shared: Path, tmp_path: Path):
    data = shared / "data"
    slices = [data / "cq500_1_slice", data / "cq500_310_slice_j2k" / "693_UNCR.dcm"]
    ingest(slices, tmp_path / "cohort", workers=1)
    labels = read_data_set("cq500", data / "reports" / "cq500_reads.csv")
    done = match_data_set("cq500", labels, tmp_path / "cohort")
    assert (done.matched, done.rows_without_scan, done.scans_without_row) == (2, 489, 0)
    kept = Cohort(tmp_path / "cohort").labels()
    shift = kept.filter(pl.col("finding") == "midline_shift").select("state", "evidence")
    assert shift.rows() == [("present", "readers 3 of 3")] * 2


def test_windowed_pictures_are_labeled_and_never_ingested(shared: Path, tmp_path: Path):
    pictures = shared / "data" / "ct_ich_slices"
    assert read_data_set("ct-ich", pictures).studies == 16
    with pytest.raises(MolreError):
        ingest(pictures / "p049", tmp_path / "cohort", workers=1)
    assert not (tmp_path / "cohort" / "scans.parquet").exists()
