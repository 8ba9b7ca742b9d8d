"""The bytes of an image's file, of elements by keyword; equal elements are encoded once."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import numpy as np
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.pixels import get_encoder
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
Elements = dict[str, object]  # by keyword; an item of a sequence is such a dict, too
_ENCODED: dict[tuple[object, ...], bytes] = {}
_SIGNED = {"PixelPaddingValue": "SS"}  # of elements that may be signed or not


def elements_of(ds: Dataset) -> Elements:
    """A dataset by keyword."""
    return {
        e.keyword: [elements_of(item) for item in e.value] if e.VR == "SQ" else e.value for e in ds
    }


def file_bytes(plan: Plan, image: Elements, pixels: np.ndarray) -> bytes:
    """A file in the plan's syntax, with what lies behind the end marker of each frame.

    Args:
        plan: syntax and tail.
        image: all elements but the pixels.
        pixels: as stored, (rows, columns) or (frames, rows, columns).
    """
    syntax = SYNTAX[plan.syntax]
    order = (syntax.is_implicit_VR, syntax.is_little_endian)
    body = _encoded(image, order) + _written(_pixels(plan, image, pixels), order)
    if syntax.is_deflated:
        deflater = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        body = deflater.compress(body) + deflater.flush()
        body += bytes(len(body) % 2)
    return bytes(128) + b"DICM" + _meta(image, syntax) + body


def _pixels(plan: Plan, image: Elements, pixels: np.ndarray) -> DataElement:
    tag, syntax = tag_for_keyword("PixelData"), SYNTAX[plan.syntax]
    if syntax.is_deflated or not syntax.is_compressed:
        order = "<" if syntax.is_little_endian else ">"
        return DataElement(tag, "OW", pixels.astype(pixels.dtype.newbyteorder(order)).tobytes())
    told = ("BitsStored", "BitsAllocated", "SamplesPerPixel", "PhotometricInterpretation")
    names = ("bits_stored", "bits_allocated", "samples_per_pixel", "photometric_interpretation")
    module = {name: image[keyword] for name, keyword in zip(names, told, strict=True)}
    module |= {"pixel_representation": image["PixelRepresentation"], "number_of_frames": 1}
    module |= {"rows": pixels.shape[-2], "columns": pixels.shape[-1]}
    encoder = get_encoder(syntax)
    tail = b"" if plan.syntax == "rle" else plan.tail  # RLE has no end marker
    frames = pixels.reshape(-1, *pixels.shape[-2:])
    coded = [encoder.encode(frame.tobytes(), **module) for frame in frames]
    ended = [one + bytes(len(one) % 2) + tail for one in coded]  # a file's frames are even
    element = DataElement(tag, "OB", encapsulate(ended))
    element.is_undefined_length = True
    return element


def _meta(image: Elements, syntax: UID) -> bytes:
    order = (False, True)
    body = _encoded(
        {
            "FileMetaInformationVersion": b"\x00\x01",
            "MediaStorageSOPClassUID": image["SOPClassUID"],
            "MediaStorageSOPInstanceUID": image["SOPInstanceUID"],
            "TransferSyntaxUID": syntax,
            "ImplementationClassUID": PYDICOM_IMPLEMENTATION_UID,
        },
        order,
    )
    return _encoded({"FileMetaInformationGroupLength": len(body)}, order) + body


def _encoded(elements: Mapping[str, object], order: tuple[bool, bool]) -> bytes:
    keywords = sorted(elements, key=tag_for_keyword)
    return b"".join(_element(keyword, elements[keyword], order) for keyword in keywords)


def _element(keyword: str, value: object, order: tuple[bool, bool]) -> bytes:
    key = (keyword, str(value), *order)
    if key not in _ENCODED:
        tag, vr = tag_for_keyword(keyword), _SIGNED.get(keyword) or dictionary_VR(keyword)
        if vr == "SQ":
            return _sequence(tag, value, order)
        _ENCODED[key] = _written(DataElement(tag, vr, value), order)
    return _ENCODED[key]


def _sequence(tag: int, items: object, order: tuple[bool, bool]) -> bytes:
    implicit, little = order
    mark = "<" if little else ">"
    body = b""
    for item in items:
        content = _encoded(item, order)
        body += struct.pack(f"{mark}HHI", 0xFFFE, 0xE000, len(content)) + content
    head = struct.pack(f"{mark}HH", tag >> 16, tag & 0xFFFF) + b"SQ\0\0" * (not implicit)
    return head + struct.pack(f"{mark}I", len(body)) + body


def _written(element: DataElement, order: tuple[bool, bool]) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = order
    write_data_element(out, element)
    return out.getvalue()
