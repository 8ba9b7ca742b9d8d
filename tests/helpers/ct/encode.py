"""Slices compressed by imagecodecs, which shares no code with the decoders that molre uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
J2K = "1.2.840.10008.1.2.4.90"
J2K_LOSSY = "1.2.840.10008.1.2.4.91"
HTJ2K = "1.2.840.10008.1.2.4.201"
HTJ2K_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K_LOSSY = "1.2.840.10008.1.2.4.203"

Encoder = Callable[[np.ndarray, int], bytes]


def _bits(image: np.ndarray) -> np.ndarray:
    """The bit pattern: JPEG and JPEG-LS know no sign."""
    return np.ascontiguousarray(image).view(np.uint16)


def jpeg_lossless(predictor: int) -> Encoder:
    """JPEG process 14 with one of the predictors 1 to 7."""

    def encode(image: np.ndarray, bits: int) -> bytes:
        return imagecodecs.jpeg_encode(
            _bits(image), lossless=True, predictor=predictor, bitspersample=bits
        )

    return encode


def jpeg_ls(near: int = 0) -> Encoder:
    """JPEG-LS; ``near`` is the largest error of a pixel."""
    return lambda image, bits: imagecodecs.jpegls_encode(_bits(image), level=near)


def j2k(image: np.ndarray, bits: int) -> bytes:
    """JPEG 2000, reversible, a codestream without a file around it."""
    return imagecodecs.jpeg2k_encode(
        image, level=0, codecformat="j2k", bitspersample=bits, reversible=True
    )


def htj2k(**options: object) -> Encoder:
    """HTJ2K, reversible; its codestream always has 16 bits."""
    return lambda image, bits: imagecodecs.htj2k_encode(image, reversible=True, **options)


LOSSLESS: dict[str, tuple[str, Encoder]] = {
    **{f"jpeg lossless {p}": (JPEG_LOSSLESS, jpeg_lossless(p)) for p in range(1, 8)},
    "jpeg lossless sv1": (JPEG_LOSSLESS_SV1, jpeg_lossless(1)),
    "jpeg-ls": (JPEG_LS, jpeg_ls()),
    "jpeg-ls near 0": (JPEG_LS_NEAR, jpeg_ls()),
    "j2k": (J2K, j2k),
    "htj2k": (HTJ2K, htj2k()),
    "htj2k rpcl": (HTJ2K_RPCL, htj2k(tlm=True)),
}


def save_encoded(
    ds: Dataset,
    path: Path,
    syntax: str,
    frames: Sequence[bytes],
    *,
    fragments: int = 1,
    table: bool = True,
    extended: bool = False,
) -> Path:
    """Write a dataset with these frames as its compressed pixels.

    Args:
        ds: its pixels are replaced.
        path: file.
        syntax: transfer syntax UID.
        frames: codestreams.
        fragments: pieces of each frame.
        table: whether there is a basic offset table.
        extended: an extended offset table in its stead.
    """
    if extended:
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(
            list(frames)
        )
    else:
        ds.PixelData = encapsulate(list(frames), fragments_per_frame=fragments, has_bot=table)
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    dcmwrite(path, ds, enforce_file_format=True)
    return path
