from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from molre.cohort.ingest import Ingested, ingest
from molre.cohort.match import match_labels
from molre.cohort.rejects import read_rejects
from molre.cohort.split import split
from molre.errors import MolreError
from tests.helpers.cohort.dicoms import spoil, write_slice, write_study

SALT = b"a salt for tests"


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three studies of two patients, one study that cannot be decoded, and a text file."""
    folder = tmp_path_factory.mktemp("scans")
    write_study(folder / "a", "1.2.10", "PID-1", seed=1)
    write_study(folder / "b", "1.2.11", "PID-1", seed=2)
    write_study(folder / "c", "1.2.12", "PID-2", seed=3)
    broken = write_study(folder / "broken", "1.2.13", "PID-3", seed=4)
    for path in broken.iterdir():
        path.write_bytes(path.read_bytes()[:-3000])
    return folder


@pytest.fixture(scope="module")
def cohort(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> Ingested:
    return ingest([scans], tmp_path_factory.mktemp("out") / "cohort", salt=SALT)


def test_good_studies_are_read_and_a_bad_one_is_a_row_of_rejects(cohort: Ingested):
    assert (cohort.studies, cohort.exit_code) == (3, 1)
    table = cohort.cohort.scans()
    assert table["patient"].n_unique() == 2
    assert table["study"].n_unique() == cohort.cohort.chosen().height == 3
    assert set(table["slices"]) == {26}
    assert table["step_mm"].to_list() == pytest.approx([6.0] * 3)
    assert set(table["age"]) == {90.0}
    refused = read_rejects(cohort.cohort.path / "rejects.csv")
    assert any("broken" in row["file"] for row in refused)
    assert all(row["reason"] and row["remedy"] for row in refused)


def test_every_study_has_a_strip(cohort: Ingested):
    from PIL import Image

    for study in cohort.cohort.scans()["study"]:
        strip = Image.open(cohort.cohort.path / "sheet" / f"{study}.jpg")
        assert strip.width > 3 * strip.height
        assert np.ptp(np.asarray(strip)) > 200


def test_no_identifier_is_in_any_file_or_file_name(cohort: Ingested):
    for path in cohort.cohort.path.rglob("*"):
        content = path.name.encode() + (path.read_bytes() if path.is_file() else b"")
        for secret in (b"PID-1", b"DOE", b"1.2.10", b"ACC10", b"20200131", b"2020-01-31"):
            assert secret not in content, path
    dates = cohort.cohort.scans().group_by("patient").agg(pl.col("date").n_unique())
    assert set(dates["date"]) == {1}  # intervals within a patient stay


def test_workers_and_order_of_paths_change_nothing(scans: Path, cohort: Ingested, tmp_path: Path):
    paths = [scans / name for name in ("c", "broken", "a", "b")]
    other = ingest(paths, tmp_path / "cohort", workers=1, salt=SALT)
    assert other.cohort.scans().equals(cohort.cohort.scans())
    for name in ("rejects.csv", "scans.parquet"):
        mine, theirs = (c.cohort.path / name for c in (other, cohort))
        assert mine.read_bytes() == theirs.read_bytes()


def test_a_rerun_reads_nothing_again_and_a_grown_folder_keeps_its_splits(tmp_path: Path):
    folder, out = tmp_path / "scans", tmp_path / "cohort"
    write_study(folder / "a", "1.2.10", "PID-1", seed=1)
    assert ingest([folder], out).read == 1
    first = split(out)
    again = ingest([folder], out)
    assert (again.studies, again.read) == (1, 0)
    write_study(folder / "c", "1.2.12", "PID-2", seed=3)
    grown = ingest([folder / "c"], out)
    assert (grown.studies, grown.read) == (2, 1)
    after = split(out)
    assert first.join(after, on=["patient", "split"]).height == 1
    assert after.height == 2
    shutil.rmtree(folder / "a")
    assert ingest([folder], out).studies == 1
    assert len(list((out / "sheet").glob("*.jpg"))) == 1
    assert ingest([folder], out, overwrite=True).read == 1


def test_a_changed_study_is_read_again(tmp_path: Path):
    folder, out = tmp_path / "scans", tmp_path / "cohort"
    write_study(folder, "1.2.10", seed=1)
    before = ingest([folder], out).cohort.scans()
    write_study(folder, "1.2.10", seed=2)
    after = ingest([folder], out)
    assert after.read == 1
    assert after.cohort.scans()["pixel_hash"][0] != before["pixel_hash"][0]
    assert after.cohort.scans()["study"].equals(before["study"])


def test_labels_match_by_uid_accession_and_folder(cohort: Ingested, tmp_path: Path):
    path = tmp_path / "reads.csv"
    path.write_text("id,skull_fracture\n1.2.10,1\nACC11,0\nc,1\n")
    done = match_labels(cohort.cohort.path, path)
    assert (done.matched, done.rows_without_scan, done.scans_without_row) == (3, 0, 0)


def test_a_localizer_in_a_good_study_is_named_and_no_failure(tmp_path: Path):
    folder = write_study(tmp_path / "scans", "1.2.10")
    scout = np.zeros((64, 128))
    write_slice(
        folder / "scout.dcm",
        "1.2.10",
        "PID-1",
        99,
        scout,
        ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
        SeriesInstanceUID="1.2.10.7",
    )
    done = ingest([folder], tmp_path / "cohort")
    assert (done.studies, done.rejected, done.refused, done.exit_code) == (1, 0, 1, 0)
    (row,) = read_rejects(tmp_path / "cohort" / "rejects.csv")
    assert "localizer" in row["reason"]
    assert row["study"] == done.cohort.scans()["study"][0]


@pytest.mark.parametrize("what", ["empty", "missing", "mr", "jpeg"])
def test_nothing_readable_leaves_nothing_behind(tmp_path: Path, what: str):
    folder = tmp_path / "scans"
    if what != "missing":
        folder.mkdir()
    if what == "mr":
        write_study(
            folder, "1.2.10", slices=2, SOPClassUID="1.2.840.10008.5.1.4.1.1.4", Modality="MR"
        )
    if what == "jpeg":
        (folder / "a.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    with pytest.raises(MolreError) as refused:
        ingest([folder], tmp_path / "cohort")
    assert refused.value.exit_code == 2
    assert refused.value.fix
    assert not (tmp_path / "cohort").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "letters.txt").write_text("dear")
    write_study(tmp_path / "scans", "1.2.10", slices=2)
    with pytest.raises(MolreError, match="not a cohort"):
        ingest([tmp_path / "scans"], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letters.txt", "scans"]


def test_phantoms_and_patients_do_not_share_a_cohort(tmp_path: Path):
    write_study(tmp_path / "real", "1.2.10", slices=3)
    write_study(tmp_path / "made", "1.2.11", slices=3, Manufacturer="molre phantom (synthetic)")
    made = ingest([tmp_path / "made"], tmp_path / "cohort")
    assert made.cohort.synthetic
    with pytest.raises(MolreError, match="synthetic"):
        ingest([tmp_path / "real"], tmp_path / "cohort")
    with pytest.raises(MolreError, match="synthetic"):
        ingest([tmp_path / "real", tmp_path / "made"], tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_missing_slice_is_noted_or_refused_as_asked(tmp_path: Path):
    folder = write_study(tmp_path / "scans", "1.2.10")
    (folder / "12.dcm").unlink()
    noted = ingest([folder], tmp_path / "cohort")
    assert "missing" in " ".join(noted.cohort.scans()["notes"][0])
    refused = ingest([folder], tmp_path / "cohort", missing_slices="refuse")
    assert (refused.studies, refused.exit_code) == (0, 1)
    assert refused.cohort.scans().is_empty()


def test_a_text_or_an_image_beside_scans_is_named_and_no_failure(tmp_path: Path):
    folder = write_study(tmp_path / "scans", "1.2.10", slices=4)
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    done = ingest([folder], tmp_path / "cohort")
    assert (done.studies, done.exit_code) == (1, 0)
    (row,) = read_rejects(tmp_path / "cohort" / "rejects.csv")
    assert row["file"].endswith("photo.jpg")
    assert "could not be used" not in done.as_text()


def test_equal_niftis_are_one_study_and_their_names_stay_out_of_the_keys(tmp_path: Path):
    import nibabel

    volume = np.full((32, 32, 20), -1000, np.int16)
    volume[6:26, 6:26] = 35
    affine = np.diag([-4.5, -4.5, 7.0, 1.0])
    for name in ("jane.nii.gz", "john.nii.gz"):
        (tmp_path / "scans").mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(volume, affine), tmp_path / "scans" / name)
    done = ingest([tmp_path / "scans"], tmp_path / "cohort")
    assert (done.studies, done.refused, done.exit_code) == (1, 1, 0)
    (row,) = read_rejects(tmp_path / "cohort" / "rejects.csv")
    assert "same pixels" in row["reason"]
    path = tmp_path / "reads.csv"
    path.write_text("file,skull_fracture\njane,1\n")
    assert match_labels(done.cohort.path, path).matched == 1


def two_series(folder: Path) -> Path:
    """A study of two series: thick and soft, which scores higher, and a sharp one."""
    write_study(folder / "soft", "1.2.10", seed=1)
    write_study(
        folder / "sharp",
        "1.2.10",
        seed=2,
        SeriesInstanceUID="1.2.10.2",
        SeriesNumber=3,
        ConvolutionKernel="H70s",
    )
    for path in (folder / "sharp").iterdir():
        _renumber(path)
    return folder


def _renumber(path: Path) -> None:
    import pydicom

    image = pydicom.dcmread(path)
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{image.SOPInstanceUID}.2"
    image.save_as(path)


def test_where_the_best_series_cannot_be_read_the_next_one_is_and_both_are_told(tmp_path: Path):
    folder, out = two_series(tmp_path / "scans"), tmp_path / "cohort"
    spoil(folder / "soft")
    done = ingest([folder], out)
    assert (done.studies, done.read, done.rejected, done.exit_code) == (1, 1, 0, 0)
    (row,) = done.cohort.chosen().to_dicts()
    assert row["path"].endswith("sharp")
    assert "a better series could not be read: " in row["reason"]
    (refused,) = read_rejects(out / "rejects.csv")
    assert "soft" in refused["file"]
    assert refused["study"] == row["study"]
    assert refused["reason"] in row["reason"]
    before = (out / "rejects.csv").read_bytes()
    again = ingest([folder], out)
    assert (again.studies, again.read) == (1, 0)
    assert (out / "rejects.csv").read_bytes() == before


def test_a_study_without_a_readable_series_is_rejected_once(tmp_path: Path):
    folder = two_series(tmp_path / "scans")
    spoil(folder / "soft"), spoil(folder / "sharp")
    done = ingest([folder], tmp_path / "cohort")
    assert (done.studies, done.rejected, done.refused, done.exit_code) == (0, 1, 2, 1)
