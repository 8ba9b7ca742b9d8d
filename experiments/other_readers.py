"""What five other readers make of every trap in the table of ``tests/ct/traps``.

Each trap's files are built, each reader reads them as its documentation says, and what comes out
is compared with what was scanned: the value at the place of every voxel, in code. The results go
to ``other_readers.json``, and ``docs/reference/traps.md`` is written from them and the table.

Run: ``pip install highdicom SimpleITK monai dicom2nifti dcm2niix``, then
``python experiments/other_readers.py`` (``--page`` writes the page alone).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.helpers.traps.page import PAGE, RESULTS, page  # noqa: E402
from tests.helpers.traps.scan import OTHER, Scan  # noqa: E402
from tests.helpers.traps.table import TRAPS  # noqa: E402

Found = list[tuple[np.ndarray, np.ndarray]]  # values by index, affine from index to mm (L, P, S)
RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
ALIKE_HU = 2.5  # a reader may interpolate: the scanned body is smooth
ALIKE_MM = 0.1


def highdicom(folder: Path, out: Path) -> Found:
    import highdicom as hd
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    images = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "DICOMDIR"):
        with contextlib.suppress(InvalidDicomError):
            images.append(dcmread(path))
    if len(images) == 1 and "NumberOfFrames" in images[0]:
        volume = hd.Image.from_dataset(images[0]).get_volume()
    else:
        volume = hd.get_volume_from_series(images)
    return [(np.asarray(volume.array), np.asarray(volume.affine))]


def simpleitk(folder: Path, out: Path) -> Found:
    import SimpleITK as sitk  # noqa: N813

    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), "", False, True)
    if not names:
        return []
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    image = sitk.ReadImage(names[0]) if len(names) == 1 else reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return [(sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine)]


def monai(folder: Path, out: Path) -> Found:
    from monai.data import PydicomReader

    reader = PydicomReader()
    array, meta = reader.get_data(reader.read(str(folder)))
    values = np.asarray(array)  # one slice has two axes
    return [(values[..., None] if values.ndim == 2 else values, RAS @ np.asarray(meta["affine"]))]


def dicom2nifti(folder: Path, out: Path) -> Found:
    import dicom2nifti as d2n

    d2n.convert_directory(str(folder), str(out))
    return _nifti(out)


def dcm2niix(folder: Path, out: Path) -> Found:
    tool = Path(sys.executable).with_name("dcm2niix")
    done = subprocess.run([tool, "-o", out, folder], capture_output=True, text=True, check=False)
    told = [line for line in done.stdout.splitlines() if "arning" in line or "rror" in line]
    print("\n".join(told), done.stderr, file=sys.stderr)
    return _nifti(out)


def _nifti(out: Path) -> Found:
    import nibabel as nib

    images = [nib.load(path) for path in sorted(out.rglob("*.nii*"))]
    return [(np.asarray(image.dataobj), RAS @ image.affine) for image in images]


READERS: dict[str, Callable[[Path, Path], Found]] = {
    "highdicom": highdicom,
    "SimpleITK": simpleitk,
    "MONAI": monai,
    "dicom2nifti": dicom2nifti,
    "dcm2niix": dcm2niix,
}


def verdict(truth: Scan | None, found: Found, told: bool) -> str:
    """What a reader did, in a few words.

    Args:
        truth: what was scanned; None where the files are no axial CT in HU.
        found: all volumes it gave.
        told: whether it printed a warning.
    """
    if not found:
        return "nothing"
    how = "warns" if told else "silent"
    if truth is None:
        return f"{how}: reads it"
    mistakes = [_mistake(truth, *one) for one in found]
    others = len(found) - 1
    more = f", {others} other volume{'s' * (others > 1)}" if others else ""
    return f"right{more}" if None in mistakes else f"{how}: {mistakes[0]}{more}"


def _mistake(truth: Scan, values: np.ndarray, affine: np.ndarray) -> str | None:
    """What is wrong with a volume; None where nothing is."""
    if values.ndim != 3:
        return f"{values.ndim} axes"
    at = _values_at(values, affine, truth.points())
    inside = np.isfinite(at)
    apart = np.clip(at, -1024, 3071)[inside] - truth.hu[inside]
    alike = inside.mean() > 0.95 and np.percentile(np.abs(apart), 99) < ALIKE_HU
    if alike and not _goes_on(truth, values.shape, affine):
        lowest = values.min()
        return None if lowest >= -1024 else f"padding kept ({lowest:.0f} HU)"
    if 1 in values.shape and len(truth.hu) > 1:
        return "one slice, another file"
    axis = int(np.argmax(np.abs(affine[2, :3])))
    count, true_count = values.shape[axis], len(truth.hu)
    step, true_step = _step(affine, axis), float(np.median(np.diff(truth.origins[:, 2])))
    if count != true_count:
        return f"{count} slices at {step:.3g} mm"
    off = _slices_off(truth, values.shape, affine, axis)
    if off > ALIKE_MM:
        told = f", step {step:.4g} mm" if abs(step - true_step) > 0.01 else ""
        return f"slices up to {off:.2g} mm off{told}"
    if np.all(np.abs(apart - OTHER) < ALIKE_HU):
        return "reads the other series"
    if np.abs(apart).max() < ALIKE_HU:
        return f"only {inside.mean():.0%} of the voxels"
    return f"up to {np.abs(apart).max():.0f} HU off"


def _values_at(values: np.ndarray, affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Linear interpolation at points (..., 3) in mm; nan outside the volume."""
    from scipy.ndimage import map_coordinates

    if abs(np.linalg.det(affine)) < 1e-9:
        return np.full(points.shape[:-1], np.nan)
    index = (points - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    top = np.array(values.shape) - 1
    inside = np.all((index > -0.02) & (index < top + 0.02), axis=-1)
    at = map_coordinates(values.astype(float), np.moveaxis(index, -1, 0), order=1, mode="nearest")
    return np.where(inside, at, np.nan)


def _goes_on(truth: Scan, shape: tuple[int, ...], affine: np.ndarray) -> bool:
    """Whether a volume has slices beyond what was scanned; one is taken for rounding."""
    axis = int(np.argmax(np.abs(affine[2, :3])))
    index = (truth.points() - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    return bool(index[..., axis].min() > 1.01 or index[..., axis].max() < shape[axis] - 2.01)


def _step(affine: np.ndarray, axis: int) -> float:
    """Distance of neighboring slices along their normal, mm."""
    across, down = (affine[:3, i] for i in range(3) if i != axis)
    normal = np.cross(across, down)
    return float(abs(affine[:3, axis] @ normal) / np.linalg.norm(normal))


def _slices_off(truth: Scan, shape: tuple[int, ...], affine: np.ndarray, axis: int) -> float:
    """Largest distance between the middle of a slice and where it was scanned, mm."""
    middle = (np.array(shape) - 1) / 2
    index = np.tile(middle, (shape[axis], 1))
    index[:, axis] = np.arange(shape[axis])
    centers = index @ affine[:3, :3].T + affine[:3, 3]
    centers = centers[np.argsort(centers[:, 2])]
    return float(np.linalg.norm(centers - truth.points().mean(axis=(1, 2)), axis=1).max())


@contextlib.contextmanager
def _what_is_told() -> Iterator[Path]:
    """A file with everything that is written to the error stream meanwhile."""
    with tempfile.NamedTemporaryFile() as file:
        kept = os.dup(2)
        sys.stderr.flush()
        os.dup2(file.fileno(), 2)
        try:
            yield Path(file.name)
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def ask(read: Callable[[Path, Path], Found], truth: Scan | None, folder: Path) -> str:
    """Let one reader read one trap."""
    with tempfile.TemporaryDirectory() as out, _what_is_told() as told:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                found = read(folder, Path(out))
            sys.stderr.flush()
            return verdict(truth, found, bool(told.read_text(errors="replace").strip()))
        except Exception:
            return "error"


def main() -> None:
    if "--page" not in sys.argv:
        results = {}
        for trap in TRAPS:
            if not trap.compare:
                continue
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name) / "files"
                folder.mkdir()
                truth = trap.build(folder)
                results[trap.id] = {n: ask(read, truth, folder) for n, read in READERS.items()}
            print(trap.id, results[trap.id], flush=True)
        versions = {name: version(name) for name in READERS}
        text = json.dumps({"versions": versions, "traps": results}, indent=1)
        RESULTS.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(RESULTS.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
