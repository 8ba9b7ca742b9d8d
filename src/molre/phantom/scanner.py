"""Scanner: how a scan is made; geometry, blur, noise, table, padding, stored numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from molre.phantom.fields import Array
from molre.phantom.grid import Grid
from molre.phantom.head import Head

KERNELS = {"SMOOTH": (0.75, 0.0), "STANDARD": (0.55, 0.15), "SHARP": (0.4, 0.5)}
THICKNESS_MM, THICKNESS_SHARE = (2.5, 3.0, 4.0, 5.0, 6.0, 7.0), (0.04, 0.06, 0.1, 0.55, 0.15, 0.1)


@dataclass(frozen=True)
class Scanner:
    """One acquisition. Lengths mm, angles radians, noise and offsets HU.

    Attributes:
        bow: depth of the dark band that beam hardening draws between the petrous bones.
        padding: stored value outside the round field of view, or None.
    """

    matrix: int
    pixel: float
    thickness: float
    start: float
    stop: float
    tilt: float
    yaw: float
    roll: float
    center: tuple[float, float]
    kernel: str
    noise: float
    bow: float
    table: bool
    gown: bool
    holder: float
    padding: int | None
    slope: float
    intercept: int
    signed: bool
    kvp: float

    def positions(self, max_slices: int | None = None) -> Array:
        """Slice positions, mm, ascending."""
        count = int((self.stop - self.start) / self.thickness) + 1
        step = self.thickness
        if max_slices is not None and count > max_slices:
            count, step = max_slices, (self.stop - self.start) / (max_slices - 1)
        return (self.start + step * np.arange(count)).astype(np.float32)

    def grid(self, zs: Array) -> Grid:
        """The grid of these slices."""
        along = (np.arange(self.matrix, dtype=np.float32) - (self.matrix - 1) / 2) * self.pixel
        ys, xs = along + self.center[0], along + self.center[1]
        return Grid(
            zs, ys.astype(np.float32), xs.astype(np.float32), self.tilt, self.yaw, self.roll
        )


def draw_scanner(rng: np.random.Generator, head: Head, matrix: int = 256) -> Scanner:
    """Draw an acquisition, independently of any finding."""
    thickness = float(rng.choice(THICKNESS_MM, p=THICKNESS_SHARE))
    signed = bool(rng.random() < 0.5)
    kernel = str(rng.choice(list(KERNELS), p=(0.3, 0.5, 0.2)))
    noise = rng.uniform(2.8, 5.2) * (5.0 / thickness) ** 0.25
    tilt = float(np.radians(rng.choice((0.0, rng.uniform(-18, 18)), p=(0.6, 0.4))))
    bottom = head.top + head.bone + head.scalp
    return Scanner(
        matrix=matrix,
        pixel=rng.uniform(218, 250) / matrix,
        thickness=thickness,
        start=rng.uniform(-68, -60),
        stop=bottom + rng.uniform(2, 7),
        tilt=tilt,
        yaw=float(np.radians(rng.normal(0, 2.5))),
        roll=float(np.radians(rng.normal(0, 1.5))),
        center=(rng.normal(2, 3), rng.normal(0, 2.5)),
        kernel=kernel,
        noise=float(np.clip(noise * (1.25 if kernel == "SHARP" else 1.0), 3.0, 8.0)),
        bow=rng.uniform(0, 7),
        table=bool(rng.random() < 0.6),
        gown=bool(rng.random() < 0.4),
        holder=rng.uniform(-700, -200),
        padding=(-2000 if rng.random() < 0.5 else -1500) if signed else None,
        slope=1.0,
        intercept=0 if signed else -1024,
        signed=signed,
        kvp=float(rng.choice((120, 120, 120, 130, 140))),
    )


def acquire(hu: Array, grid: Grid, scanner: Scanner, rng: np.random.Generator) -> Array:
    """What the scanner measures.

    Args:
        hu: float32 (S, R, C), the scene, left as it is.
        grid: where the slices are.
        scanner: how they are taken.
        rng: the noise.

    Returns:
        float32 (S, R, C), HU with blur, noise, beam hardening, table and gown.
    """
    from scipy.ndimage import gaussian_filter1d

    sigma_mm, sharpening = KERNELS[scanner.kernel]
    sigma = max(0.35, sigma_mm / scanner.pixel)
    image = hu + _beam_hardening(grid, scanner) * (hu > -300)
    _furniture(image, grid, scanner)
    if len(image) > 2:  # neighboring slices overlap a little: partial volume
        tissue = np.clip(image, -100, 120)
        image[1:-1] += np.float32(0.07) * (tissue[:-2] + tissue[2:] - 2 * tissue[1:-1])
    image = gaussian_filter1d(image, sigma, axis=1, truncate=2.5)
    image = gaussian_filter1d(image, sigma, axis=2, truncate=2.5)
    noise = rng.standard_normal(hu.shape, dtype=np.float32)
    smooth = gaussian_filter1d(noise, 0.8, axis=1, truncate=2.0)
    smooth = gaussian_filter1d(smooth, 0.8, axis=2, truncate=2.0)
    noise = smooth + np.float32(sharpening) * 0.35 * noise
    return image + noise * np.float32(scanner.noise / noise.std())


def to_stored(image: Array, grid: Grid, scanner: Scanner) -> Array:
    """Stored pixel values: int16 where signed, else uint16, padded outside the round field."""
    hu = np.rint(np.clip(image, -1024, 3071))
    stored = hu - scanner.intercept
    if scanner.padding is not None:
        x, y = grid.xs - grid.xs.mean(), grid.ys - grid.ys.mean()
        outside = np.hypot(x[None, :], y[:, None]) > 0.5 * len(x) * scanner.pixel
        stored[:, outside] = scanner.padding
    return stored.astype(np.int16 if scanner.signed else np.uint16)


def _beam_hardening(grid: Grid, scanner: Scanner) -> Array:
    """The dark band between the petrous bones, float32 (S, R, C)."""
    band = np.exp(-(((grid.y - 14) / 7) ** 2)) * np.exp(-((grid.x / 40) ** 2))
    return -scanner.bow * band * np.exp(-(((grid.z + 40) / 9) ** 2))


def _furniture(image: Array, grid: Grid, scanner: Scanner) -> None:
    """The head holder, and folds of the gown; they move with the table, not with the head."""
    x, y = grid.xs[None, :], grid.ys[:, None]
    air = image[:, :, :] < -900
    if scanner.table:
        shell = np.abs(np.hypot(x / 1.0, y - 8) - 104.0)
        shape = np.clip(2.0 - shell, 0, 1) * (y > 35)
        image += air * (shape * (scanner.holder + 1000)).astype(np.float32)
    if scanner.gown:
        fold = np.abs(y - 88 - 5 * np.sin(x / 14)) + np.clip(np.abs(x) - 70, 0, None)
        image += air * (np.clip(1.5 - fold, 0, 1) * 350).astype(np.float32)
