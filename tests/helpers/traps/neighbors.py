"""Traps of sets: slices of several sets under one series UID, and one head under several names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tests.helpers.ct.dicom_files import UID
from tests.helpers.traps.scan import Edit, Scan, brighter, scan, store
from tests.helpers.traps.trap import Trap

LEFT_OUT = "another set in the same range was left out"


def _beside(folder: Path, what: Scan, edit: Edit | None = None, **header: object) -> None:
    """Other slices, brighter, under the UID of the series, between its files by name."""

    def new(index: int, ds: Dataset) -> None:
        ds.SOPInstanceUID = f"{UID}.9.{index + 1}"
        if edit:
            edit(index, ds)

    names = [f"{index:03d}b.dcm" for index in range(len(what.hu))]
    store(folder, brighter(what), names=names, edit=new, **header)


def _moved(what: Scan, mm: float) -> Scan:
    return replace(what, origins=what.origins + np.array([0.0, 0.0, mm]))


def _passes_apart(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    _beside(folder, _moved(whole, 0.3), AcquisitionNumber=2)
    return whole


def _plain_and_contrast(folder: Path) -> Scan:
    whole = scan()
    _beside(folder, _moved(whole, -2.5), AcquisitionNumber=1, ContrastBolusAgent="Iomeprol")
    store(folder, whole, AcquisitionNumber=2)
    return whole


def _filtered_apart(folder: Path) -> Scan:
    whole = scan()
    _beside(folder, _moved(whole, 0.3), ImageType=["DERIVED", "PRIMARY", "AXIAL", "FILTERED"])
    store(folder, whole)
    return whole


def _two_energies(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, KVP=140)
    _beside(folder, _moved(whole, 0.3), KVP=80, InstanceNumber=99)
    return whole


def _kernel_removed(folder: Path) -> None:
    whole = scan()
    store(folder, whole, ConvolutionKernel="", InstanceNumber=1)
    _beside(folder, _moved(whole, 0.494), ConvolutionKernel="", InstanceNumber=1)


def _kernel_of_one_removed(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole, InstanceNumber=1)
    _beside(folder, _moved(whole, 2.5), ConvolutionKernel="", InstanceNumber=1)
    return whole


def _thick_and_thin(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    _beside(folder, _moved(scan(48, 1.25), 0.3), SliceThickness=1.25)
    return whole


def _part_again(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    _beside(folder, _moved(whole.keep(range(4, 8)), 0.3), AcquisitionNumber=2)
    return whole


def _rotation_again(folder: Path) -> Scan:
    """Rotations of four slices, the second repeated before the third."""
    whole = scan()

    def rotation(index: int, ds: Dataset) -> None:
        ds.AcquisitionNumber = (1, 2, 4)[index // 4]

    store(folder, whole, edit=rotation)
    _beside(folder, whole.keep(range(4, 8)), AcquisitionNumber=3)
    return whole


def _counted_twice(folder: Path) -> Scan:
    whole = scan()

    def first(index: int, ds: Dataset) -> None:
        ds.AcquisitionTime = f"1015{index:02d}"
        del ds.AcquisitionNumber

    def second(index: int, ds: Dataset) -> None:
        ds.AcquisitionTime = f"1016{59 - index:02d}"  # the table comes back
        del ds.AcquisitionNumber

    store(folder, whole, edit=first)
    _beside(folder, _moved(whole, 0.3), second)
    return whole


def _patients_in_a_series(folder: Path) -> None:
    whole = scan()
    store(folder, whole)
    _beside(folder, _moved(whole, 0.7), PatientID="P2")


def _shared_border(folder: Path) -> Scan:
    """Base and vertex with a slice each where they meet."""
    whole = scan()
    store(folder, whole.keep(range(7)))
    other = brighter(whole).keep(range(6, 12))

    def second(index: int, ds: Dataset) -> None:
        ds.SOPInstanceUID, ds.AcquisitionNumber = f"{UID}.9.{index}", 2

    store(folder, other, names=[f"b{i}.dcm" for i in range(6)], edit=second)
    hu = np.concatenate([whole.hu[:7], other.hu[1:]])
    return replace(whole, hu=hu)


def _kernel_in_some(folder: Path) -> Scan:
    whole = scan()

    def some(index: int, ds: Dataset) -> None:
        if index % 4 == 0:
            del ds.ConvolutionKernel

    store(folder, whole, edit=some)
    return whole


def _kernel_values(folder: Path) -> Scan:
    whole = scan()

    def vary(index: int, ds: Dataset) -> None:
        ds.ConvolutionKernel = ["Hr38f", f"{index % 3 + 1}"]

    store(folder, whole, edit=vary)
    return whole


def _rounded_spacing(folder: Path) -> Scan:
    whole = scan(spacing=(3.4995, 3.4995))

    def rounded(index: int, ds: Dataset) -> None:
        ds.PixelSpacing = [(3.4995, 3.499499)[index % 2]] * 2

    store(folder, whole, edit=rounded)
    return whole


def _uid_each(folder: Path) -> Scan:
    whole = scan()

    def own(index: int, ds: Dataset) -> None:
        ds.SeriesInstanceUID = f"{UID}.1.{index + 1}"

    store(folder, whole, edit=own)
    return whole


NEIGHBORS = (
    Trap(
        "passes_apart", "two passes under one series UID, the second 0.3 mm further up",
        "takes them apart by acquisition number and reads the first",
        _passes_apart, (LEFT_OUT, "12 slices", "told apart by acquisition number"),
    ),
    Trap(
        "plain_and_contrast", "plain and contrast phase under one series UID, half a step apart",
        "takes them apart and reads the plain one",
        _plain_and_contrast, (LEFT_OUT,),
    ),
    Trap(
        "filtered_apart", "filtered slices under the UID of the original ones, 0.3 mm apart",
        "takes them apart by image type and reads the original ones",
        _filtered_apart, (LEFT_OUT, "told apart by image type"),
    ),
    Trap(
        "two_energies", "80 and 140 kV under one series UID, 0.3 mm apart",
        "takes them apart by kV and reads one", _two_energies, (LEFT_OUT,),
    ),
    Trap(
        "kernel_removed", "two reconstructions 0.494 mm apart that no element tells apart",
        "refuses: steps alternate, as those of two sets do",
        _kernel_removed, ("which no element tells apart", "between 0.49 and 4.51 mm"),
    ),
    Trap(
        "kernel_of_one_removed", "two reconstructions half a step apart, of one of which the "
        "kernel is removed",
        "takes them apart by the kernel and its absence and reads the one that is known to be soft",
        _kernel_of_one_removed, (LEFT_OUT, "told apart by kernel"),
    ),
    Trap(
        "thick_and_thin", "slices of 5 and of 1.25 mm of one kernel under one series UID",
        "takes them apart by thickness and reads the thick ones",
        _thick_and_thin, (LEFT_OUT, "told apart by slice thickness"),
    ),
    Trap(
        "part_again", "four slices in the middle acquired again, 0.3 mm further up",
        "reads the whole pass and leaves the four slices out",
        _part_again, (LEFT_OUT, "4 slices"),
    ),
    Trap(
        "rotation_again", "a rotation of four slices repeated before the scan goes on",
        "reads the whole head without the repeated rotation",
        _rotation_again, (LEFT_OUT, "4 slices"),
    ),
    Trap(
        "counted_twice", "two passes without acquisition numbers, a time for each slice, the "
        "second on the way back",
        "follows the acquisition times and reads the first pass",
        _counted_twice, (LEFT_OUT, "told apart by acquisition time"),
    ),
    Trap(
        "patients_in_a_series", "two patients under one study and series UID",
        "refuses, and does not say who they are",
        _patients_in_a_series, ("belongs to two patients",),
    ),
    Trap(
        "shared_border", "two acquisitions, base and vertex, with a slice each where they meet",
        "reads both as one head with one of the two slices",
        _shared_border, (LEFT_OUT, "1 slice "),
    ),
    Trap(
        "kernel_in_some", "every fourth slice without its kernel",
        "keeps the slices together, as only together they are a head, and says so",
        _kernel_in_some, ("slices that differ in their kernel",),
    ),
    Trap(
        "kernel_values", "a second value of the kernel that changes from slice to slice",
        "keeps the slices together and says so",
        _kernel_values, ("slices that differ in their kernel",),
    ),
    Trap(
        "rounded_spacing", "a pixel spacing that is rounded up and down from slice to slice",
        "keeps the slices together: spacings within 0.1 % are one", _rounded_spacing,
    ),
    Trap(
        "uid_each", "a series UID for each slice",
        "reads them as one series and says so",
        _uid_each, ("its slices have 12 series UIDs",),
    ),
)  # fmt: skip
