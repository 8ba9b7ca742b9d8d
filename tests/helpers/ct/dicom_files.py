"""Small CT series written with pydicom alone, in the many ways that scanners and archives write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

UID = "1.2.826.0.1.3680043.8.498"
Edit = Callable[[int, Dataset], None]


@dataclass(frozen=True)
class Turn:
    """How a slice is stored: canonical rows or columns reversed, then both swapped."""

    flip_rows: bool = False
    flip_columns: bool = False
    transpose: bool = False

    def stored(self, image: np.ndarray) -> np.ndarray:
        """Canonical (R, C) as it lies in the file."""
        image = image[::-1] if self.flip_rows else image
        image = image[:, ::-1] if self.flip_columns else image
        return np.ascontiguousarray(image.T if self.transpose else image)


TURNS = {
    "head first supine": Turn(),
    "head first prone": Turn(flip_rows=True, flip_columns=True),
    "feet first supine": Turn(flip_columns=True),
    "feet first prone": Turn(flip_rows=True),
    "decubitus left": Turn(flip_rows=True, transpose=True),
    "decubitus right": Turn(flip_columns=True, transpose=True),
    "feet first decubitus left": Turn(transpose=True),
    "feet first decubitus right": Turn(flip_rows=True, flip_columns=True, transpose=True),
}


def cube(slices: int = 5, rows: int = 12, columns: int = 10, seed: int = 0) -> np.ndarray:
    """Int16 HU without any symmetry: noise, air around, a bright spot at the left front below."""
    hu = np.random.default_rng(seed).integers(-100, 200, (slices, rows, columns)).astype(np.int16)
    hu[:, 0], hu[:, -1], hu[:, :, 0], hu[:, :, -1] = -1000, -1000, -1000, -1000
    hu[0, 2, -3] = 1500
    return hu


def positions(
    slices: int, step: float | Sequence[float] = 5.0, tilt: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Origins (S, 3) and orientation (2, 3) of axial slices from a gantry tilted by degrees.

    The table moves along z, so tilted slices are sheared; ``step`` is along the slice normal.
    """
    steps = np.full(slices - 1, step) if np.isscalar(step) else np.asarray(step, dtype=float)
    angle = np.radians(tilt)
    z = np.concatenate([[0.0], np.cumsum(steps)]) / np.cos(angle)
    origins = np.stack([np.full(slices, -20.0), np.full(slices, -30.0), z + 100.0], axis=1)
    return origins, np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)]])


def finish(ds: Dataset, i: int, header: Mapping[str, object], edit: Edit | None) -> None:
    """Override elements of slice ``i``: by ``header`` and then by ``edit``."""
    for keyword, value in header.items():
        setattr(ds, keyword, value)
    if edit:
        edit(i, ds)


def write_series(
    folder: Path,
    hu: np.ndarray | None = None,
    *,
    step: float | Sequence[float] = 5.0,
    tilt: float = 0.0,
    spacing: tuple[float, float] = (2.0, 2.0),
    turn: Turn = Turn(),
    uid: str = f"{UID}.1.1",
    slope: float | Sequence[float] = 1.0,
    intercept: float = -1024.0,
    signed: bool = False,
    syntax: str = ExplicitVRLittleEndian,
    names: Sequence[str] | None = None,
    edit: Edit | None = None,
    **header: object,
) -> list[Path]:
    """One file a slice of a canonical volume; ``header`` and then ``edit`` override elements."""
    hu = cube() if hu is None else hu
    folder.mkdir(parents=True, exist_ok=True)
    origins, orientation = positions(len(hu), step, tilt)
    slopes = np.broadcast_to(slope, len(hu))
    paths = []
    for i, image in enumerate(hu):
        stored = np.rint((image.astype(float) - intercept) / slopes[i])
        stored = stored.astype(np.int16 if signed else np.uint16)
        ds = ct_slice(turn.stored(stored), uid, i)
        place(ds, origins[i], orientation, spacing, image.shape, turn)
        ds.RescaleSlope, ds.RescaleIntercept = float(slopes[i]), intercept
        finish(ds, i, header, edit)
        paths.append(folder / (names[i] if names else f"{i:03d}.dcm"))
        save(ds, paths[-1], syntax)
    return paths


def ct_slice(stored: np.ndarray, series: str = f"{UID}.1.1", index: int = 0) -> Dataset:
    """A CT image with everything but its geometry; ``stored`` is int16 or uint16."""
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{series}.{index + 1}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = series.rsplit(".", 1)[0], series
    ds.PatientID, ds.AccessionNumber, ds.StudyDate = "P1", "A1", "20200131"
    ds.PatientAge, ds.PatientSex = "063Y", "F"
    ds.Modality, ds.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.Manufacturer, ds.ConvolutionKernel, ds.KVP = "Maker", "H31s", 120
    ds.SeriesDescription, ds.BodyPartExamined = "HEAD 5.0 H31s", "HEAD"
    ds.SliceThickness, ds.AcquisitionNumber, ds.InstanceNumber = 5, 1, index + 1
    ds.RescaleSlope, ds.RescaleIntercept = 1, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    set_pixels(ds, stored)
    return ds


def set_pixels(ds: Dataset, stored: np.ndarray) -> None:
    """Store int16 or uint16 pixels (rows, columns) or (frames, rows, columns)."""
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.PixelRepresentation = int(stored.dtype.kind == "i")
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()


def place(
    ds: Dataset,
    origin: np.ndarray,
    orientation: np.ndarray,
    spacing: tuple[float, float],
    shape: tuple[int, ...],
    turn: Turn,
) -> None:
    """Geometry of a stored slice whose canonical voxel [0, 0] is at ``origin``."""
    across, down = orientation
    across = -across if turn.flip_columns else across
    down = -down if turn.flip_rows else down
    pair = [down, across] if turn.transpose else [across, down]
    ds.ImagePositionPatient = first_voxel(origin, orientation, spacing, shape, turn)
    ds.ImageOrientationPatient = [round(float(v), 8) for v in np.concatenate(pair)]
    ds.PixelSpacing = list(spacing[::-1] if turn.transpose else spacing)


def first_voxel(
    origin: np.ndarray,
    orientation: np.ndarray,
    spacing: tuple[float, float],
    shape: tuple[int, ...],
    turn: Turn,
) -> list[float]:
    """Where the first stored voxel of such a slice lies, mm (L, P, S)."""
    across, down = orientation
    first = np.array(origin, dtype=float)
    first += down * spacing[0] * (shape[0] - 1) * turn.flip_rows
    first += across * spacing[1] * (shape[1] - 1) * turn.flip_columns
    return [round(float(v), 6) for v in first]


def save(ds: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write with preamble and meta information, in any native or deflated syntax, or RLE."""
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, dtype="<u2").astype(">u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax.startswith("1.2.840.10008.1.2.5"):
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.compress(syntax)
    if "PixelData" in ds:
        ds["PixelData"].VR = "OB" if ds["PixelData"].is_undefined_length else "OW"
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def save_bare(ds: Dataset, path: Path, *, implicit: bool, little: bool = True) -> Path:
    """Write neither preamble nor meta information, as some archives do."""
    if not little:
        ds.PixelData = np.frombuffer(ds.PixelData, dtype="<u2").astype(">u2").tobytes()
    ds["PixelData"].VR = "OW"
    if hasattr(ds, "file_meta"):
        del ds.file_meta
    dcmwrite(path, ds, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return path


def one_slice(hu: np.ndarray, *, intercept: int = -1024, height: float = 0.0) -> Dataset:
    """A single placed slice with uint16 pixels."""
    ds = ct_slice((hu.astype(int) - intercept).astype(np.uint16))
    origins, orientation = positions(1)
    place(ds, origins[0] + [0, 0, height], orientation, (2.0, 2.0), hu.shape, Turn())
    ds.RescaleIntercept = intercept
    return ds


def enhanced(
    hu: np.ndarray, *, step: float = 5.0, tilt: float = 0.0, intercepts: Sequence[int] | None = None
) -> Dataset:
    """An Enhanced CT: all slices in one object, geometry and rescale in functional groups."""
    intercepts = [-1024] * len(hu) if intercepts is None else list(intercepts)
    stored = np.stack([h.astype(int) - b for h, b in zip(hu, intercepts, strict=True)])
    ds = ct_slice(stored.astype(np.uint16))
    ds.SOPClassUID, ds.NumberOfFrames = EnhancedCTImageStorage, len(hu)
    for keyword in ("RescaleSlope", "RescaleIntercept", "SliceThickness", "ConvolutionKernel"):
        delattr(ds, keyword)
    origins, orientation = positions(len(hu), step, tilt)
    shared = Dataset()
    shared.PixelMeasuresSequence = Items([_item(PixelSpacing=[2.0, 2.0], SliceThickness=step)])
    shared.PlaneOrientationSequence = Items(
        [_item(ImageOrientationPatient=[round(float(v), 8) for v in orientation.ravel()])]
    )
    kind = _item(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])
    shared.CTImageFrameTypeSequence = Items([kind])
    shared.CTReconstructionSequence = Items([_item(ConvolutionKernel="H31s")])
    ds.SharedFunctionalGroupsSequence = Items([shared])
    frames = [_frame(o, b) for o, b in zip(origins, intercepts, strict=True)]
    ds.PerFrameFunctionalGroupsSequence = Items(frames)
    return ds


def _frame(origin: np.ndarray, intercept: int) -> Dataset:
    place = _item(ImagePositionPatient=[round(float(v), 6) for v in origin])
    values = _item(RescaleSlope=1, RescaleIntercept=intercept, RescaleType="HU")
    return _item(
        PlanePositionSequence=Items([place]), PixelValueTransformationSequence=Items([values])
    )


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


IMPLICIT = ImplicitVRLittleEndian
