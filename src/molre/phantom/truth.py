"""What was planted: per study a truth.json and one mask file per finding; labels.csv for all."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np

from molre.errors import MolreError
from molre.files import write_text
from molre.labels.findings import findings
from molre.phantom.dicom import uid
from molre.phantom.fields import Array
from molre.phantom.plan import Recipe, label
from molre.phantom.study import PhantomStudy

README = """These are synthetic phantoms: there is no patient, hospital or real scan behind them.

study_NNNNN/   one synthetic head CT as a DICOM series (Manufacturer "molre phantom (synthetic)")
labels.csv     synthetic labels, one row per study: 1 present, 0 absent, empty unknown; the column
               "source" says phantom; "study" is the StudyInstanceUID
truth/         per study, what was planted: truth.json (findings, their slices) and
               <finding>.npz (mask: packed bits, shape: slices, rows, columns)
phantom.json   what the set was made from; the same values make the same files

Numbers measured on phantoms say nothing about patients.
"""


def write_truth(study: PhantomStudy, recipe: Recipe, folder: Path) -> None:
    """Write truth.json and the masks of one study into an existing folder."""
    findings = {}
    for finding in study.planted:
        mask = study.masks[finding]
        packed = np.packbits(mask)
        np.savez_compressed(folder / f"{finding}.npz", mask=packed, shape=np.array(mask.shape))
        findings[finding] = {
            "slices": np.flatnonzero(mask.any((1, 2))).tolist(),
            "voxels": int(mask.sum()),
            "mask": f"{finding}.npz",
        }
    record = {
        "synthetic": "phantom",
        "study": uid(recipe, study.index, "study"),
        "planted": findings,
        "missed": study.missed,
    }
    (folder / "truth.json").write_text(json.dumps(record, indent=1), encoding="utf-8")


def read_mask(folder: Path, finding: str) -> Array:
    """The mask of a finding, bool (S, R, C), from ``truth/<study>``.

    Raises:
        MolreError: where the finding was not planted in this study.
    """
    path = folder / f"{finding}.npz"
    if not path.is_file():
        raise MolreError(
            f"{finding} was not planted in this study",
            where=folder,
            fix="see truth.json for what was",
        )
    with np.load(path, allow_pickle=False) as stored:
        shape = tuple(int(n) for n in stored["shape"])
        return np.unpackbits(stored["mask"], count=int(np.prod(shape))).reshape(shape).astype(bool)


def write_labels(out: Path) -> int:
    """Write labels.csv from every truth.json under ``out``; returns the number of studies."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["study", "source", *findings().ids])
    records = sorted((out / "truth").glob("study_*/truth.json"))
    for path in records:
        record = json.loads(path.read_text(encoding="utf-8"))
        states = label(record["planted"], record["missed"])
        rows.writerow([record["study"], "phantom", *states.values()])
    write_text(out / "labels.csv", text.getvalue())
    return len(records)
