"""Traps of choice: which of the slices in a folder are one series, and which is to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tests.helpers.ct.dicom_files import UID, save
from tests.helpers.traps.scan import Scan, brighter, scan, store, stored_slice
from tests.helpers.traps.trap import Trap


def _new_uid(index: int, ds: Dataset) -> None:
    ds.SOPInstanceUID = f"{UID}.9.{index}"


def _two_kernels(folder: Path) -> Scan:
    whole = scan()
    store(folder, brighter(whole), series=f"{UID}.1.1", ConvolutionKernel="H60s",
          names=[f"a{i:02d}" for i in range(12)])  # fmt: skip
    moved = replace(whole, origins=whole.origins + np.array([0, 0, 0.494]))
    store(folder, moved, series=f"{UID}.1.2", names=[f"b{i:02d}" for i in range(12)])
    return moved


def _two_kernels_one_uid(folder: Path) -> Scan:
    whole = scan()
    names = [f"a{i:02d}" for i in range(12)]
    store(folder, brighter(whole), names=names, edit=_new_uid, ConvolutionKernel="H60s")
    store(folder, whole)
    return whole


def _copy_of_a_file(folder: Path) -> Scan:
    whole = scan()
    paths = store(folder, whole)
    (folder / "copy of 004.dcm").write_bytes(paths[4].read_bytes())
    return whole


def _copy_with_new_uid(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    again = stored_slice(whole, 4)
    again.SOPInstanceUID = f"{UID}.9.4"
    save(again, folder / "again.dcm")
    return whole


def _other_pixels(folder: Path) -> None:
    whole = scan()
    store(folder, whole)
    again = stored_slice(brighter(whole), 4)
    again.SOPInstanceUID = f"{UID}.9.4"
    save(again, folder / "again.dcm")


def _localizer(series: str) -> Dataset:
    ds = stored_slice(scan(), 5, series=series)
    ds.SOPInstanceUID = f"{UID}.9.99"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    return ds


def _scout_same_uid(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    save(_localizer(f"{UID}.1.1"), folder / "scout.dcm")
    return whole


def _scout_own_series(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, series=f"{UID}.1.2")
    save(_localizer(f"{UID}.1.1"), folder / "a_scout.dcm")
    return whole


def _spread(folder: Path) -> Scan:
    whole = scan()
    for part in range(3):
        index = list(range(part, 12, 3))
        some = whole.keep(index)

        def own(i: int, ds: Dataset, index: list[int] = index) -> None:
            ds.SOPInstanceUID = f"{UID}.1.1.{index[i] + 1}"

        store(folder / f"DIR{part}" / "IMG", some, edit=own)
    return whole


def _contrast(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, series=f"{UID}.1.3")
    store(folder / "after", brighter(whole), series=f"{UID}.1.2",
          ContrastBolusAgent="Iomeprol", SeriesDescription="HEAD 5.0 POST")  # fmt: skip
    return whole


def _contrast_alone(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, ContrastBolusAgent="Iomeprol")
    return whole


def _two_passes(folder: Path) -> Scan:
    whole = scan()

    def second(index: int, ds: Dataset) -> None:
        _new_uid(index, ds)
        ds.AcquisitionNumber = 2

    store(folder, whole)
    store(folder, brighter(whole), names=[f"again{i:02d}" for i in range(12)], edit=second)
    return whole


def _two_types(folder: Path) -> Scan:
    whole = scan()
    names = [f"a{i:02d}" for i in range(12)]
    derived = ["DERIVED", "PRIMARY", "AXIAL", "FILTERED"]
    store(folder, brighter(whole), names=names, edit=_new_uid, ImageType=derived)
    store(folder, whole)
    return whole


def _type_changes(folder: Path) -> Scan:
    whole = scan()

    def first(index: int, ds: Dataset) -> None:
        if index == 0:
            ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "REFERENCE"]

    store(folder, whole, edit=first)
    return whole


def _counted_up(folder: Path) -> Scan:
    whole = scan()

    def count(index: int, ds: Dataset) -> None:
        ds.AcquisitionNumber = index + 1

    store(folder, whole, edit=count)
    return whole


def _two_patients(folder: Path) -> None:
    store(folder / "one", scan(), series=f"{UID}.1.1")
    store(folder / "two", brighter(scan()), series=f"{UID}.2.1", PatientID="P2")


def _lossy_copy(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)

    def lossy(index: int, ds: Dataset) -> None:
        _new_uid(index, ds)
        ds.LossyImageCompression = "01"

    store(folder / "web", brighter(whole), edit=lossy)
    return whole


def _two_sizes(folder: Path) -> Scan:
    whole = scan()
    small = scan(6, shape=(16, 14))
    store(folder, small, names=[f"a{i}" for i in range(6)], edit=_new_uid)
    store(folder, whole)
    return whole


WHICH = (
    Trap(
        "two_kernels", "two series of one study, a soft and a bone kernel, 0.494 mm apart",
        "reads the soft one, says why, and keeps the other in the table of scans",
        _two_kernels, ("series chosen: best of 2 series", "soft kernel H31s"),
    ),
    Trap(
        "two_kernels_one_uid", "a soft and a bone kernel under one series UID",
        "takes them apart by kernel and reads the soft one",
        _two_kernels_one_uid, ("series chosen: best of 2 series", "soft kernel H31s"),
    ),
    Trap(
        "copy_of_a_file", "one file twice",
        "drops the copy and counts it",
        _copy_of_a_file, ("dropped: 1 duplicate slice with equal pixels",),
    ),
    Trap(
        "copy_with_new_uid", "one slice twice, the second with a SOP UID of its own",
        "compares the pixels, drops the copy and counts it",
        _copy_with_new_uid, ("dropped: 1 duplicate slice with equal pixels",),
    ),
    Trap(
        "other_pixels", "two slices at one position whose pixels differ",
        "refuses and names both files",
        _other_pixels, ("004.dcm", "again.dcm", "differ in their pixels"),
    ),
    Trap(
        "scout_same_uid", "a localizer under the UID of the axial series",
        "leaves the localizer out and reads the series",
        _scout_same_uid, ("not used: scout.dcm: a localizer (scout)",),
    ),
    Trap(
        "scout_own_series", "a localizer as the first series of the study",
        "leaves the localizer out and reads the series",
        _scout_own_series, ("not used: a_scout.dcm: a localizer (scout)",),
    ),
    Trap(
        "spread_over_folders", "the slices of one series in three folders, names alike",
        "puts them together by UID and position", _spread,
    ),
    Trap(
        "contrast_beside_plain", "the series before and after contrast, the second first by UID",
        "reads the plain series", _contrast, ("series chosen: best of 2 series",),
    ),
    Trap(
        "contrast_alone", "only a series with contrast",
        "reads it and notes the contrast; its prediction is withheld",
        _contrast_alone, ("contrast was given",),
    ),
    Trap(
        "two_passes", "the same slices acquired twice under one series UID",
        "takes the passes apart by acquisition number and reads the first of equals",
        _two_passes, ("series chosen: best of 2 series",),
    ),
    Trap(
        "two_image_types", "original slices and filtered copies of them under one series UID",
        "takes them apart by image type and reads the original ones",
        _two_types, ("series chosen: best of 2 series",),
    ),
    Trap(
        "image_type_changes", "an image type that changes from slice to slice",
        "keeps the slices together, as none is there twice", _type_changes,
    ),
    Trap(
        "acquisitions_counted_up", "an acquisition number that counts up with every slice",
        "keeps the slices together, as none is there twice", _counted_up,
    ),
    Trap(
        "two_studies", "two patients in one folder",
        "refuses to choose between studies; `molre ingest` takes both",
        _two_patients, ("2 studies are here",), compare=False,
    ),
    Trap(
        "lossy_copy", "lossless slices and lossy copies of them",
        "keeps the lossless ones", _lossy_copy, ("12 lossy copies",),
    ),
    Trap(
        "two_sizes", "two matrix sizes under one series UID",
        "takes them apart and reads the one that covers more", _two_sizes,
        ("series chosen: best of 2 series",),
    ),
)  # fmt: skip
