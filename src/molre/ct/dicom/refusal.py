"""Which DICOM files can be slices of a head CT: an allow-list, and one sentence for the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from molre.ct.dicom import syntax
from molre.ct.dicom.header import Header, Plane

CT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2",  # CT Image Storage
    "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT Image Storage
    "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT Image Storage
}
MAX_SIDE = 4096  # pixels; the largest CT matrices are 2048
MAX_FILE_BYTES = 2**30  # decoded pixels of one file
MAX_OBLIQUE_DEGREES = 30.0

_LOCALIZERS = {
    "LOCALIZER",
    "SCOUT",
    "TOPOGRAM",
    "SCANOGRAM",
    "SURVIEW",
    "REF_SURVIEW",
    "SCANOSCOPE",
}
_CAPTURES = {"SCREEN SAVE", "SCREENSAVE", "DOSE_INFO", "DOSE INFO", "DOSE", "DOSE REPORT", "REPORT"}
_MAPS = {
    "PERFUSION", "CBF", "CBV", "MTT", "TTP", "TMAX", "RCBF", "RCBV", "RMTT", "RTTP", "PERMEABILITY",
    "FLOW", "IODINE", "IODINE_MAP", "MATERIAL", "MATERIAL_DENSITY", "EFF_ATOMIC_NUM", "ATTENUATION",
    "ELECTRON_DENSITY", "SUBTRACTION", "DIFFERENCE", "CALCIUM_MAP", "MAT_SPECIFIC",
    "MAT_FRACTIONAL", "MAT_VALUE_BASED",
}  # fmt: skip
_PROJECTIONS = re.compile(
    r"(?<![A-Z])(?:MIP|MINIP|MAXIP|M(?:AX|IN)(?:IMUM)?[ _](?:IP|INTENSITY)|PROJECTION[ _]IMAGE"
    r"|VOLUME[ _]RENDER(?:ING)?|VRT|SURFACE[ _]RENDER(?:ING)?|SSD)(?![A-Z])|^(?:CSA )?3D$"
)
_MIP = re.compile(
    r"(?<![a-z])(?:mip|minip)(?![a-z])", re.I
)  # of a series' description; not "W MIPS"
# letters alone; what is in brackets is a remark
_HU_TYPE = re.compile(
    r"hu|hu(?:mod|org)|us|unspecified|ctnumbers?|hounsfield(?:units?|einheit(?:en)?)?(?:hu)?"
)

_IN_HU = "give the series in HU"
_WITH_PIXELS = "export it again with these elements, without which its pixels are ambiguous"
_UNCOMPRESSED = "export it uncompressed, or as lossless JPEG or JPEG 2000"

Refusal = tuple[str, str]  # reason, remedy


def refusal(header: Header) -> Refusal | None:
    """Why this file cannot be a slice of a head CT, and what to do; None where it can.

    A file of many frames can where one of its frames can; `frame_refusals` has the others.
    """
    of_planes: dict[int, Refusal] = {}
    for judge_file, judge_plane in _JUDGES:
        found = judge_file(header)
        if found:
            return found
        for index, plane in enumerate(header.planes):
            refused = None if index in of_planes else judge_plane(header, plane)
            if refused:
                of_planes[index] = refused
        if len(of_planes) == len(header.planes):
            return Counter(of_planes.values()).most_common(1)[0][0]
    return None


def frame_refusals(header: Header) -> list[Refusal | None]:
    """For each frame of a file why it is no slice of a head CT, None where it may be one.

    Each frame is judged as a file would be, by its functional groups.
    """
    if len(header.planes) < 2:
        return [None] * len(header.planes)  # `refusal` has judged it
    return [
        next((found for _, judge in _JUDGES if (found := judge(header, plane))), None)
        for plane in header.planes
    ]


def _wrong_object(header: Header) -> Refusal | None:
    give_ct = "give the CT series of the study"
    if header.sop_class is None:
        return "it has no SOP class: cut off, or not a DICOM image", "copy or export it again"
    if header.sop_class not in CT_CLASSES:
        name = syntax.uid_name(header.sop_class).removesuffix(" Storage")
        if "Secondary Capture" in name:
            return "a secondary capture (screen or dose page), not a CT image", give_ct
        if header.modality not in (None, "CT", "OT", "SR") or "CT" not in name.split():
            return f"{name} ({header.modality or 'no modality'}), not a CT image", give_ct
        return f"{name}, not a CT image", give_ct
    if header.modality not in (None, "CT"):
        return f"its modality is {header.modality}, not CT", give_ct
    return None


def _wrong_image_type(header: Header, plane: Plane) -> Refusal | None:
    marks = plane.marks
    kinds = set(marks.image_type)
    axial = "give the axial series of the study"
    if kinds & _LOCALIZERS:
        return "a localizer (scout), not an axial slice", axial
    if kinds & _CAPTURES:
        return "a screen save or dose page, not a CT image", axial
    if header.burned_in:
        return (
            "text is burned into its pixels (Burned In Annotation is YES)",
            "give the series as the scanner made it",
        )
    found = next((kind for kind in marks.image_type if kind in _MAPS), None)
    if found:
        return f"a derived map ({found.lower()}), not in HU", "give the series it was computed from"
    named = (*marks.image_type, (marks.technique or "").upper())
    found = next((kind for kind in named if _PROJECTIONS.search(kind)), None)
    if found is None and "ORIGINAL" not in kinds and _MIP.search(marks.description or ""):
        found = marks.description
    return (f"a projection or rendering ({found.lower()})", axial) if found else None


def _not_ct(header: Header) -> Refusal | None:
    """What the header alone says against Hounsfield units."""
    if header.samples != 1 or header.photometric == "PALETTE COLOR":
        return "a color image, not a CT image", "give the CT series of the study"
    if header.photometric == "MONOCHROME1":
        return "its gray values are inverted (MONOCHROME1), so they are not in HU", _IN_HU
    return None


def _unread(header: Header) -> Refusal | None:
    """Numbers that are there, but in no form that can be read."""
    remedy = "export it again, with decimal points and the VRs of the standard"
    return (f"its {header.unread[0]}", remedy) if header.unread else None


def _wrong_values(header: Header, plane: Plane) -> Refusal | None:
    stated = plane.marks.rescale_type
    if stated and not _is_hu(stated):
        return f"its values are {stated}, not HU", _IN_HU
    again = "export it with Rescale Slope and Intercept (0028,1053), (0028,1052)"
    slope = 1.0 if plane.slope is None else plane.slope
    if not 1e-4 < slope < 1e4:
        return f"its rescale slope of {slope:g} makes no sense", again
    intercept = plane.intercept or 0.0
    if not (intercept < 0 or (header.signed and intercept < 1e4)):
        return (
            "its values are unsigned without a negative intercept, so they are not in HU",
            again,
        )
    return None


@lru_cache(maxsize=64)  # the slices of a series have one
def _is_hu(rescale_type: str) -> bool:
    """Whether Rescale Type (0028,1054) names Hounsfield units, however it is written."""
    return bool(_HU_TYPE.fullmatch("".join(c for c in rescale_type.lower() if c.isalpha())))


def _wrong_pixels(header: Header) -> Refusal | None:
    again = "export the file again"
    if not header.rows or not header.columns:
        return "it has no image: cut off, or saved without pixels", again
    if not syntax.is_read(header.syntax):
        what = syntax.uid_name(header.syntax)
        return f"its pixels are compressed as {what}, which molre does not read", _UNCOMPRESSED
    if header.unstated:
        return f"its header does not state {' and '.join(header.unstated)}", _WITH_PIXELS
    if header.bits_allocated == 8:
        return "its pixels have 8 bits, which cannot hold HU", "give the original CT series"
    if header.bits_allocated not in (16, 32):
        return f"it has {header.bits_allocated} bits per pixel, which no CT has", again
    sides = f"{header.rows} x {header.columns} pixels, {header.frames} frames"
    too_large = max(header.rows, header.columns) > MAX_SIDE or header.pixel_bytes > MAX_FILE_BYTES
    if too_large or header.frames < 1:
        return f"it claims {sides}, which no head CT has", again
    if header.syntax in syntax.NATIVE and header.pixel_bytes > header.size:
        return f"cut off: {header.size} bytes cannot hold {sides}", "copy or export the file again"
    return None


def _wrong_frames(header: Header) -> Refusal | None:
    if len(header.planes) != header.frames:
        return (
            f"{header.frames} frames but {len(header.planes)} slice positions",
            "export it as Enhanced CT or as one file per slice",
        )
    return None


def _wrong_plane(_: Header, plane: Plane) -> Refusal | None:
    again = "export the original axial slices with their headers"
    if plane.position is None or len(plane.position) != 3:
        return "it has no slice position (0020,0032)", again
    if plane.orientation is None or len(plane.orientation) != 6:
        return "it has no slice orientation (0020,0037)", again
    if plane.spacing is None or len(plane.spacing) != 2 or not 0.05 < min(plane.spacing) < 5:
        return "it has no usable pixel spacing (0028,0030)", again
    return _wrong_orientation(plane.orientation)


@lru_cache(maxsize=64)  # the slices of a series have one
def _wrong_orientation(orientation: tuple[float, ...]) -> Refusal | None:
    row, column = np.array(orientation).reshape(2, 3)
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    again = "export the original axial slices with their headers"
    if min(lengths) < 0.99 or max(lengths) > 1.01 or abs(row @ column) > 0.01:
        return "its slice orientation is not a pair of perpendicular unit vectors", again
    normal = np.cross(row, column)
    degrees = float(np.degrees(np.arccos(min(1.0, abs(normal[2]) / np.linalg.norm(normal)))))
    if degrees > MAX_OBLIQUE_DEGREES:
        kind = ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal)))]
        return (
            f"its slices are {degrees:.0f} degrees off axial (a {kind} reformat or scout)",
            "give the axial series of the study",
        )
    return None


def _nothing_wrong(*_: object) -> None:
    return None


# of the file, and of each of its planes, in turn
_JUDGES: tuple[
    tuple[Callable[[Header], Refusal | None], Callable[[Header, Plane], Refusal | None]], ...
] = (
    (_wrong_object, _wrong_image_type),
    (_wrong_pixels, _nothing_wrong),
    (_unread, _nothing_wrong),
    (_not_ct, _wrong_values),
    (_wrong_frames, _wrong_plane),
)
