"""Transfer syntaxes that are read, and the decoder for each; names of UIDs."""

from __future__ import annotations

from pydicom.config import IGNORE
from pydicom.uid import UID

DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", BIG_ENDIAN}
LOSSY = {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 81, 91, 203)}

JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
J2K_FAMILY = {f"1.2.840.10008.1.2.4.{n}" for n in (90, 91, 201, 202, 203)}
RLE = "1.2.840.10008.1.2.5"

# Named, so that no other decoder that happens to be installed (pylibjpeg-libjpeg: GPL) is used.
# JPEG Extended (.51, 12 bit) is absent, as no decoder under a permissive license reads it.
DECODERS = {
    RLE: "pydicom",
    "1.2.840.10008.1.2.4.57": "gdcm",  # JPEG lossless
    "1.2.840.10008.1.2.4.70": "gdcm",
    "1.2.840.10008.1.2.4.80": "pyjpegls",
    "1.2.840.10008.1.2.4.81": "pyjpegls",
    "1.2.840.10008.1.2.4.90": "pylibjpeg",  # JPEG 2000
    "1.2.840.10008.1.2.4.91": "pylibjpeg",
    "1.2.840.10008.1.2.4.201": "pylibjpeg",  # High-Throughput JPEG 2000
    "1.2.840.10008.1.2.4.202": "pylibjpeg",
    "1.2.840.10008.1.2.4.203": "pylibjpeg",
}


def is_read(syntax: str) -> bool:
    """Whether pixels in this transfer syntax can be decoded."""
    return syntax in NATIVE or syntax == DEFLATED or syntax in DECODERS


def uid_name(uid: str) -> str:
    """What DICOM calls it, e.g. ``"JPEG Extended (Process 2 and 4)"``, else the UID itself."""
    return UID(uid, IGNORE).name
