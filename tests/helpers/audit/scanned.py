"""A small cohort of real DICOM files that say what a phantom's say, labeled, split, embedded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from molre.backbones.catalogue import contract_from_dict
from molre.cohort.cohort import write_facts, write_table
from molre.cohort.keys import open_salt, pseudonym
from molre.cohort.scans import table
from molre.cohort.split import split
from molre.ct.read import read_series
from molre.ct.volume import shown_age
from molre.training.config import TrainConfig
from tests.helpers.cohort.dicoms import _pixels, write_slice

FINDINGS = ("skull_fracture", "epidural_hemorrhage")
SPLITS = {"train": 48, "tune": 16, "calibrate": 32, "test": 48}
STUDIES = sum(SPLITS.values())
SLICES, THICKNESS = 3, 6.0
MAKER = "molre phantom (synthetic)"
BACKBONE = "efficientnet_lite0"
CONFIG = TrainConfig(
    max_epochs=4,
    patience=4,
    learning_rates=(1e-3, 3e-3),
    contract=contract_from_dict(BACKBONE, {"size": 32}),
)


def write_scanned(
    path: Path,
    *,
    first: int = 0,
    salt: bytes = b"a salt for audits",
    splits: dict[str, int] = SPLITS,
) -> Path:
    """144 studies of three slices; a bright spot tells each finding, half the studies have it.

    Args:
        path: the cohort's folder.
        first: number of the first study, which is its patient's too.
        salt: of its pseudonyms.
        splits: studies of each.
    """
    salt = open_salt(path / "salt", salt)
    rows, labels, total = [], [], sum(splits.values())
    for i in range(first, first + total):
        states = (i % 2, i // 2 % 2)
        row = _study(path, salt, i, states)
        rows.append(row)
        labels += [
            (row["study"], finding, "present" if state else "absent", "phantom", "", "")
            for finding, state in zip(FINDINGS, states, strict=True)
        ]
    write_table(path / "scans.parquet", table(rows))
    columns = ["study_id", "finding", "state", "source", "labeller", "evidence"]
    write_table(path / "labels.parquet", pl.DataFrame(labels, schema=columns, orient="row"))
    write_facts(path, synthetic=True)
    split(path, [splits.get(name, 0) / total for name in SPLITS])
    return path


def _study(path: Path, salt: bytes, number: int, states: tuple[int, int]) -> dict[str, object]:
    folder = path / "dicom" / f"{number:03d}"
    folder.mkdir(parents=True)
    noise, uid = np.random.default_rng(number), f"1.2.{number + 10}"
    for k in range(SLICES):
        hu = _pixels(noise, k, SLICES)
        hu += noise.normal(0, 40) * (np.abs(hu - 33) < 20)  # brains differ
        for state, rows in zip(states, (slice(24, 30), slice(34, 40)), strict=True):
            hu[rows, 26:38] += 40 * state
        place = {"ImagePositionPatient": [-112, -112, THICKNESS * k], "SliceThickness": THICKNESS}
        facts = {"Manufacturer": MAKER, "ConvolutionKernel": ("H30s", "H60s")[number // 4 % 2]}
        write_slice(folder / f"{k:02d}.dcm", uid, f"P{number}", k, hu, **place, **facts)
    files = sorted(str(p) for p in folder.iterdir())
    volume = read_series(files)
    header = volume.acquisition
    keys = {kind: pseudonym(salt, kind, uid) for kind in ("study", "patient", "series")}
    told = ("manufacturer", "model", "kernel", "kvp", "slice_thickness", "sex", "contrast")
    known = {name: getattr(header, name) for name in told}
    return {
        **keys,
        **known,
        "age": shown_age(header.age),
        "aliases": [f"ACC{number}"],
        "files": files,
        "slices": SLICES,
        "content_hash": volume.content_hash,
        "pixel_hash": volume.pixel_hash,
        "chosen": True,
        "eligible": True,
        "synthetic": True,
    }


def write_twice(path: Path) -> Path:
    """12 test studies, each with a second series: the same slices, smoothed, in another kernel."""
    from scipy.ndimage import gaussian_filter

    write_scanned(path, first=900, salt=b"a salt for pairs", splits={"test": 12})
    rows = pl.read_parquet(path / "scans.parquet").to_dicts()
    for row in list(rows):
        volume = read_series(row["files"])
        folder = Path(row["files"][0]).parent / "soft"
        folder.mkdir()
        for k, hu in enumerate(volume.hu):
            soft = np.round(gaussian_filter(hu.astype(float), 1.5))
            place = {"ImagePositionPatient": [-112, -112, THICKNESS * k]}
            facts = {"Manufacturer": MAKER, "ConvolutionKernel": "SOFT", "SeriesInstanceUID": "1.3"}
            write_slice(folder / f"{k:02d}.dcm", "1.2.3", "P", k, soft, **place, **facts)
        files = sorted(str(one) for one in folder.iterdir())
        again = read_series(files)
        hashes = {"content_hash": again.content_hash, "pixel_hash": again.pixel_hash}
        other = {"series": f"{row['series']}-2", "kernel": "SOFT", "chosen": False, "files": files}
        rows.append(row | other | hashes)
    write_table(path / "scans.parquet", table(rows))
    return path
