"""A second reconstruction, made of the first by a real operation, is found, read and compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
import pytest
from pydicom.uid import generate_uid
from scipy.ndimage import gaussian_filter

from molre.cohort.cohort import write_table
from molre.cohort.ingest import ingest
from molre.cohort.rejects import read_rejects
from molre.errors import MolreError
from molre.evaluation.consistency import MEAN
from molre.phantom.write import write_phantoms
from molre.workflows.consistency import consistency
from tests.helpers.cli.untrained import write_model

SLICES = 8


def smooth_again(study: Path) -> None:
    """A second series of a study: the same slices, smoothed in plane, by another kernel."""
    series = generate_uid()
    for path in sorted(study.glob("*.dcm")):
        ds = pydicom.dcmread(path)
        ds.SeriesInstanceUID, ds.SOPInstanceUID = series, generate_uid()
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.ConvolutionKernel, ds.SeriesNumber = "SOFTER", 3
        kept = ds.pixel_array
        ds.PixelData = gaussian_filter(kept.astype(float), 1.5).round().astype(kept.dtype).tobytes()
        ds.save_as(study / f"soft_{path.name}")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("consistency")
    write_phantoms(root / "phantoms", 3, seed=2, max_slices=SLICES, workers=1)
    for name in ("study_00000", "study_00001"):
        smooth_again(root / "phantoms" / name)
    ingest([root / "phantoms"], root / "cohort", workers=1)
    write_model(root / "model")
    return root


def test_pairs_of_one_study_are_compared_and_written(root):
    out = root / "out"
    out.mkdir()
    (out / "rejects.csv").write_text("study,reason\nof a run before,x\n")
    done = consistency(root / "model", root / "cohort", out, even_if_withheld=True, draws=50)
    assert done.pairs.contrast == ("kernel", "kernel")
    assert done.synthetic
    pairs = pl.read_parquet(out / "pairs.parquet")
    assert pairs.height == 2 * 2
    assert (pairs["chosen"] != pairs["other"]).all()
    drift = np.abs(pairs["chosen"] - pairs["other"])
    assert 0 < drift.max() < 0.5  # smoothing changes a little, and not everything
    table = pl.read_csv(out / "consistency.csv")
    assert table["finding"].to_list() == ["skull_fracture", "midline_shift", MEAN]
    assert table["pairs"].to_list() == [2, 2, 2]
    assert table["drift"].null_count() == 3  # two pairs: counts alone
    html = (out / "report.html").read_text()
    assert "Another kernel: 2 pairs, 2 patients" in html
    assert "Synthetic: these scans are phantoms, and the model was trained on phantoms" in html
    assert read_rejects(out / "rejects.csv") == []
    assert "2 of the pairs hold a series that <code>molre predict</code> would withhold" in html


def test_pairs_that_would_be_withheld_are_left_out_with_the_count(root):
    with pytest.raises(MolreError, match="2 are withheld"):
        consistency(root / "model", root / "cohort", root / "none", draws=50)


def test_a_series_that_cannot_be_read_is_a_row_of_rejects(root, tmp_path):
    cohort = shutil.copytree(root / "cohort", tmp_path / "cohort")
    scans = pl.read_parquet(cohort / "scans.parquet")
    lost = scans.filter(~pl.col("chosen"))["series"][0]
    gone = pl.when(pl.col("series") == lost).then(pl.lit(["/gone/1.dcm"], pl.List(pl.String)))
    write_table(cohort / "scans.parquet", scans.with_columns(files=gone.otherwise("files")))
    done = consistency(root / "model", cohort, tmp_path / "out", even_if_withheld=True, draws=50)
    (row,) = read_rejects(tmp_path / "out" / "rejects.csv")
    assert (row["file"], row["study"]) == ("/gone/1.dcm", done.failed[0].study)
    assert row["reason"]
    assert row["remedy"]


def test_a_cohort_of_single_series_is_told_so(root, tmp_path):
    ingest([root / "phantoms" / "study_00002"], tmp_path / "cohort", workers=1)
    assert json.loads((tmp_path / "cohort" / "cohort.json").read_text())["synthetic"]
    with pytest.raises(MolreError, match="no study has two eligible series"):
        consistency(root / "model", tmp_path / "cohort", tmp_path / "out")
