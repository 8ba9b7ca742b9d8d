"""Volume: one head CT series in Hounsfield units, as acquired."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from molre.ct.persons import Person
from molre.errors import RefusedScan

HU_MIN, HU_MAX = -1024, 3071  # 12-bit CT with the usual intercept; metal saturates at the top
AIR = -1024
OLDEST = 90.0  # years


@dataclass(frozen=True)
class SliceSource:
    """Where one slice of a volume came from, so that a key slice can be found again in a PACS."""

    index: int
    sop_instance_uid: str | None = None
    frame: int | None = None


@dataclass(frozen=True)
class Acquisition:
    """What the header says about how the scan was made; unknown is None, never a guess.

    ``study_uid`` (0020,000D) stays in memory: what is written is its hash. Whatever tells who it
    is stays out of ``print`` as well. Units: ``kvp`` kV, ``slice_thickness`` mm, ``age`` years.
    """

    study_uid: str | None = field(default=None, repr=False)
    series_uid: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    accession: str | None = field(default=None, repr=False)
    study_date: str | None = field(default=None, repr=False)
    age: float | None = None
    sex: str | None = None
    contrast: bool | None = None
    manufacturer: str | None = None
    model: str | None = None
    kernel: str | None = None
    kvp: float | None = None
    slice_thickness: float | None = None
    description: str | None = field(default=None, repr=False)
    body_part: str | None = None
    who: Person = field(default=Person(), repr=False)
    synthetic: bool = False  # a phantom written by `molre phantom`
    doubts: tuple[str, ...] = ()  # what the header leaves open or contradicts, to be noted


@dataclass(frozen=True, eq=False)
class Volume:
    """One series of axial CT slices.

    Attributes:
        hu: int16 (S, R, C), Hounsfield units clamped to [-1024, 3071]; slices ascend towards
            Superior, rows towards Posterior, columns towards Left. Padding is air.
        origins: float64 (S, 3), mm, DICOM patient axes (L, P, S): center of voxel [s, 0, 0].
            As acquired: spacing may be uneven and slices may be sheared (gantry tilt).
        orientation: float64 (2, 3), unit vectors of increasing column and increasing row index,
            as in Image Orientation (Patient) (0020,0037) after reordering to the axes above.
        pixel_spacing: (between rows, between columns), mm, as in (0028,0030).
        source: one entry per slice.
        acquisition: header fields.
        notes: one sentence for everything that was repaired or is unusual.

    Examples:
        >>> import molre
        >>> volume = molre.read("phantoms/study_00000")
        >>> isinstance(volume, molre.Volume), volume.hu.dtype, volume.origins.shape
        (True, dtype('int16'), (8, 3))
    """

    hu: np.ndarray
    origins: np.ndarray
    orientation: np.ndarray
    pixel_spacing: tuple[float, float]
    source: tuple[SliceSource, ...]
    acquisition: Acquisition = field(default_factory=Acquisition)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse states that no scan can be in."""
        if self.hu.ndim != 3 or self.hu.dtype != np.int16:
            raise ValueError(f"hu must be int16 (S, R, C), got {self.hu.dtype} {self.hu.shape}")
        slices = self.hu.shape[0]
        if self.origins.shape != (slices, 3):
            raise ValueError(f"origins must be ({slices}, 3), got {self.origins.shape}")
        if self.orientation.shape != (2, 3):
            raise ValueError(f"orientation must be (2, 3), got {self.orientation.shape}")
        if len(self.source) != slices:
            raise ValueError(f"source must have {slices} entries, got {len(self.source)}")
        self.hu.setflags(write=False)

    def __len__(self) -> int:
        """Number of slices."""
        return int(self.hu.shape[0])

    def __repr__(self) -> str:
        """What to see of it in a notebook: neither whose it is nor its voxels."""
        slices, rows, columns = self.hu.shape
        step = f"{np.median(self.steps):.2f}" if slices > 1 else "?"
        size = f"{step} x {self.pixel_spacing[0]:.3f} x {self.pixel_spacing[1]:.3f} mm"
        notes = "".join(f"\n  {note}" for note in self.notes)
        return f"<Volume of {slices} x {rows} x {columns} voxels, {size}>{notes}"

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the slices (3,), pointing towards Superior."""
        return up_normal(self.orientation)

    @property
    def positions(self) -> np.ndarray:
        """Distance of each slice along the normal, mm, float64 (S,), ascending."""
        return self.origins @ self.normal

    @property
    def steps(self) -> np.ndarray:
        """Distances between neighboring slices along the normal, mm, float64 (S - 1,)."""
        return np.diff(self.positions)

    @property
    def is_even(self) -> bool:
        """Whether the slice steps agree within 1 % (at least 0.02 mm)."""
        return is_even(self.steps)

    @property
    def tilt_degrees(self) -> float:
        """Gantry tilt: angle between the line through the slice origins and the slice normal."""
        return tilt_degrees(self.origins, self.normal)

    @property
    def affine(self) -> np.ndarray:
        """Float64 (4, 4): index (slice, row, column, 1) to mm (L, P, S, 1); sheared under tilt.

        Raises:
            RefusedScan: where the slices are unevenly spaced, as no affine describes them.
        """
        if len(self) < 2 or not self.is_even:
            raise RefusedScan(
                "the slices are unevenly spaced or single, so no affine describes them",
                fix="use origins, or molre.ct.resample.straight for a regular copy",
            )
        affine = np.eye(4)
        affine[:3, 0] = (self.origins[-1] - self.origins[0]) / (len(self) - 1)
        affine[:3, 1] = self.orientation[1] * self.pixel_spacing[0]
        affine[:3, 2] = self.orientation[0] * self.pixel_spacing[1]
        affine[:3, 3] = self.origins[0]
        return affine

    @cached_property
    def pixel_hash(self) -> str:
        """Hex SHA-256 of the HU values and their shape: equal pixels, equal hash."""
        digest = hashlib.sha256(repr(self.hu.shape).encode())
        digest.update(np.ascontiguousarray(self.hu).data)
        return digest.hexdigest()

    @cached_property
    def content_hash(self) -> str:
        """Hex SHA-256 of pixels and geometry (to 0.01 mm): the key of every cache."""
        axes = np.stack([*self.orientation, self.normal])
        places = (self.origins - self.origins[0]) @ axes.T  # shear of a tilted gantry included
        geometry = np.round([*places.ravel(), *self.pixel_spacing], 2) + 0.0  # no minus zero
        return hashlib.sha256(f"{self.pixel_hash} {geometry.tolist()}".encode()).hexdigest()

    @property
    def study_folder(self) -> str:
        """First 16 hex digits of SHA-256 of the StudyInstanceUID (of the pixels without one)."""
        uid = self.acquisition.study_uid
        return study_folder_name(uid) if uid else self.pixel_hash[:16]

    def with_notes(self, *notes: str) -> Volume:
        """The same volume with more notes."""
        return replace(self, notes=(*self.notes, *notes))


def up_normal(orientation: np.ndarray) -> np.ndarray:
    """Unit normal (3,) of a slice (2, 3), pointing towards Superior."""
    (a, b, c), (d, e, f) = orientation.tolist()  # ``numpy.cross`` takes longer to call
    normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d])
    return normal / np.linalg.norm(normal) * (1.0 if normal[2] >= 0 else -1.0)


def is_even(steps: np.ndarray) -> bool:
    """Whether distances between slices, mm (S - 1,), agree within 1 % (at least 0.02 mm)."""
    if steps.size < 2:
        return True
    return bool(np.ptp(steps) <= max(0.02, 0.01 * float(np.median(steps))))


def tilt_degrees(origins: np.ndarray, normal: np.ndarray) -> float:
    """Angle between the line through slice origins (S, 3) in mm and the slice normal (3,)."""
    if len(origins) < 2:
        return 0.0
    travel = origins[-1] - origins[0]
    along = float(travel @ normal)
    return float(np.degrees(np.arctan2(np.linalg.norm(travel - along * normal), abs(along))))


def shown_age(age: float | None) -> float | None:
    """Age in years as it is kept: above 89 it is 90, as an age alone could name a person."""
    return None if age is None else (OLDEST if age > OLDEST - 1 else age)


def study_folder_name(key: str) -> str:
    """Name of a study's folder: the first 16 hex digits of SHA-256 of its UID or other key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:16]
