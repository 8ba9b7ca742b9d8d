"""The strip of a study on the contact sheet: a row of slices in brain and one in bone window."""

from __future__ import annotations

import io

import numpy as np

from molre.ct.volume import Volume
from molre.ct.windows import WINDOWS

COLUMNS = 9
TILE = 144  # pixels
GAP = 2
ROWS = ("brain", "bone")


def shown_slices(count: int, columns: int = COLUMNS) -> list[int]:
    """Indices of evenly spaced slices, first and last left out where there are more than enough."""
    if count <= columns:
        return list(range(count))
    return [int((i + 0.5) * count / columns) for i in range(columns)]


def size_of(columns: int, rows: int) -> tuple[int, int]:
    """(Width, height) in pixels of a strip of so many tiles."""
    step = TILE + GAP
    return columns * step - GAP, rows * step - GAP


def strip(volume: Volume) -> bytes:
    """Draw a JPEG: columns ascend from skull base to vertex, patient's right on the left.

    Args:
        volume: HU, rows towards Posterior, columns towards Left.

    Returns:
        JPEG bytes, ``len(shown_slices)`` tiles wide, one row per window.
    """
    from PIL import Image

    chosen = shown_slices(len(volume))
    step, size = TILE + GAP, _size(volume)
    left, top = (TILE - size[0]) // 2, (TILE - size[1]) // 2
    sheet = Image.new("L", size_of(len(chosen), len(ROWS)), 0)
    for column, index in enumerate(chosen):
        whole = Image.fromarray(volume.hu[index].astype(np.float32))
        small = np.asarray(whole.resize(size, Image.Resampling.HAMMING))
        for row, name in enumerate(ROWS):
            gray = np.round(WINDOWS[name].apply(small) * 255).astype(np.uint8)
            sheet.paste(Image.fromarray(gray), (column * step + left, row * step + top))
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def _size(volume: Volume) -> tuple[int, int]:
    """Tile (width, height) in pixels, true to the size in mm."""
    height = volume.hu.shape[1] * volume.pixel_spacing[0]
    width = volume.hu.shape[2] * volume.pixel_spacing[1]
    scale = TILE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))
