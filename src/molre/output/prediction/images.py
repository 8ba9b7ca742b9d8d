"""Slices as images inside a page: a data URI, so that a report is one file."""

from __future__ import annotations

import base64
import io

import numpy as np

from molre.ct.volume import Volume
from molre.ct.windows import WINDOWS

BONE_FIRST = ("trauma",)  # categories of findings that a bone window shows better


def slice_image(volume: Volume, index: int, window: str = "brain", size: int = 256) -> str:
    """One slice as a JPEG data URI, true to its pixel shape, patient's right on the left.

    Args:
        volume: HU, rows towards Posterior, columns towards Left.
        index: slice.
        window: a name of :data:`molre.ct.windows.WINDOWS`.
        size: longer edge in pixels.
    """
    from PIL import Image

    gray = (WINDOWS[window].apply(volume.hu[index]) * 255).astype(np.uint8)
    rows, columns = gray.shape
    height, width = rows * volume.pixel_spacing[0], columns * volume.pixel_spacing[1]
    scale = size / max(height, width)
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(gray).resize(shape, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
