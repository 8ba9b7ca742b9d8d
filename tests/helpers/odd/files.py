"""The bytes of an image's file; what many images say alike is encoded once, by pydicom."""

from __future__ import annotations

import zlib

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.uid import (
    PYDICOM_IMPLEMENTATION_UID,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.helpers.odd.plan import Plan

SYNTAX = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "j2k": JPEG2000Lossless,
}
_ENCODED: dict[tuple[object, ...], bytes] = {}


def file_bytes(plan: Plan, ds: Dataset) -> bytes:
    """A file in the plan's syntax, with what lies behind the end marker of each frame."""
    syntax = SYNTAX[plan.syntax]
    ds["PixelData"].VR = "OW"
    if syntax.is_compressed and not syntax.is_deflated:
        _compress(plan, ds, syntax)
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = np.frombuffer(ds.PixelData, dtype="<u2").astype(">u2").tobytes()
    body = _encoded(ds, syntax)
    if syntax.is_deflated:
        deflater = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
        body += bytes(len(body) % 2)
    return bytes(128) + b"DICM" + _meta(ds, syntax) + body


def _compress(plan: Plan, ds: Dataset, syntax: UID) -> None:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.compress(syntax, generate_instance_uid=False)
    if plan.tail and plan.syntax != "rle":  # RLE has no end marker
        count = int(ds.get("NumberOfFrames", 1))
        frames = [f + plan.tail for f in generate_frames(ds.PixelData, number_of_frames=count)]
        ds.PixelData = encapsulate(frames)


def _meta(ds: Dataset, syntax: UID) -> bytes:
    meta = Dataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    body = _encoded(meta, ExplicitVRLittleEndian)
    meta = Dataset()
    meta.FileMetaInformationGroupLength = len(body)
    return _encoded(meta, ExplicitVRLittleEndian) + body


def _encoded(ds: Dataset, syntax: UID) -> bytes:
    order = (syntax.is_implicit_VR, syntax.is_little_endian)
    return b"".join(_element(ds, element, order) for element in ds)


def _element(ds: Dataset, element: DataElement, order: tuple[bool, bool]) -> bytes:
    element = correct_ambiguous_vr_element(element, ds, order[1])
    if element.VR in ("SQ", "OW", "OB"):
        return _written(element, order)
    key = (element.tag, element.VR, str(element.value), *order)
    if key not in _ENCODED:
        _ENCODED[key] = _written(element, order)
    return _ENCODED[key]


def _written(element: DataElement, order: tuple[bool, bool]) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = order
    write_data_element(out, element)
    return out.getvalue()
