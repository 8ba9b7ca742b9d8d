"""Refusals by name: what is no axial CT slice, in one sentence each, with a remedy."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom.uid import UID

from molre.ct.header import SliceHeader

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
MAX_TILT = 30.0  # degrees off axial; gantries tilt up to 30
MAX_EDGE = 4096
MAPS = {
    "PERFUSION", "RCBF", "RCBV", "CBF", "CBV", "MTT", "TTP", "TMAX", "IODINE", "MATERIAL_DECOMP",
    "MAXIMUM", "MINIMUM", "MIP", "MINIP", "PROJECTION", "SEGMENTATION", "VOLUME_RENDERED",
    "EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "SUBTRACTION", "DUAL_ENERGY_MAP",
}  # fmt: skip
GIVE_AXIAL = "give the axial series of the study"


@dataclass(frozen=True)
class Refusal:
    """Why a slice is not read, and what to do."""

    reason: str
    remedy: str


def refuse(h: SliceHeader) -> Refusal | None:
    """The reason a slice is no part of an axial CT series in HU, or None."""
    for check in (_kind, _image_type, _values, _shape, _plane):
        found = check(h)
        if found is not None:
            return found
    return None


def _kind(h: SliceHeader) -> Refusal | None:
    if h.sop_class == CT or h.sop_class in ENHANCED_CT:
        if h.modality not in ("CT", ""):
            return Refusal(f"its modality is {h.modality}, not CT", GIVE_AXIAL)
        return None
    if h.sop_class.startswith(SECONDARY_CAPTURE):
        what = "a secondary capture (a screen picture such as a dose page or a localizer copy)"
        return Refusal(f"{what}, not CT slices", GIVE_AXIAL)
    name = UID(h.sop_class).name.removesuffix(" Storage")
    return Refusal(f"a {name} object, not a CT image", "give non-contrast head CT")


def _image_type(h: SliceHeader) -> Refusal | None:
    if "LOCALIZER" in h.image_type or "SCOUT" in h.image_type:
        return Refusal("a localizer (scout), not an axial series", GIVE_AXIAL)
    words = {w for v in h.image_type for w in (v, *v.replace("-", "_").split("_"))}
    maps = sorted(words & MAPS)
    if maps:
        what = "\\".join(h.image_type)
        return Refusal(f"a derived map ({what}), whose values are no HU", GIVE_AXIAL)
    return None


def _values(h: SliceHeader) -> Refusal | None:
    if h.samples != 1 or h.photometric not in ("MONOCHROME2", ""):
        what = h.photometric or f"{h.samples} samples a pixel"
        return Refusal(f"its pixels are {what}, not grey values in HU", GIVE_AXIAL)
    if h.rescale_type not in ("", "HU", "US", "HU_MOD"):
        return Refusal(f"its values are {h.rescale_type}, not HU", GIVE_AXIAL)
    return None


def _shape(h: SliceHeader) -> Refusal | None:
    if not (8 <= h.rows <= MAX_EDGE and 8 <= h.columns <= MAX_EDGE):
        return Refusal(f"its size {h.rows} x {h.columns} is no CT slice's", GIVE_AXIAL)
    if h.frame is None and h.frames > 1:
        return Refusal("a multi-frame object without per-frame geometry", GIVE_AXIAL)
    if h.spacing is None or min(h.spacing) <= 0:
        return Refusal("has no pixel spacing", "export it again with (0028,0030)")
    return None


def _plane(h: SliceHeader) -> Refusal | None:
    if h.position is None or h.orientation is None:
        return Refusal(
            "has no slice position or orientation", "export it again with (0020,0032), (0020,0037)"
        )
    length = float(math.dist(h.normal, (0, 0, 0)))
    if not 0.99 < length < 1.01:
        return Refusal("its orientation is no pair of perpendicular directions", GIVE_AXIAL)
    angle = math.degrees(math.acos(min(1.0, abs(float(h.normal[2])) / length)))
    if angle > MAX_TILT:
        return Refusal(
            f"a coronal, sagittal or oblique reformat ({angle:.0f} degrees off axial)", GIVE_AXIAL
        )
    return None
