"""Quality flags: what a radiographer would note about a scan, measured without any model.

A flag is a reason to look, not a verdict: who is withheld is decided elsewhere, in
`molre.model.eligibility`. Thresholds without a source were set on 40 phantoms of varied scanners,
then tried on others, on a patient from a GE HiSpeed Dual and on the bone-window images of 16
patients of CT-ICH (Hssayeni 2020); "at rest" is the largest value of any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from molre.ct.checks.enhancement import enhanced_share
from molre.ct.checks.head import HeadCheck, check_head
from molre.ct.checks.metal import METAL_HU, at_ceiling, largest_metal_mm3, slice_tops
from molre.ct.checks.motion import motion
from molre.ct.checks.noise import noise_hu
from molre.ct.checks.position import cut_mm, lean_degrees, off_center_mm, turn_degrees
from molre.ct.checks.skull import Skull, inside_skull
from molre.ct.dicom.age import is_child
from molre.ct.geometry import find_gaps
from molre.ct.kernel import sharpness
from molre.ct.volume import Volume

NAMES = (
    "not_a_head",
    "incomplete",
    "vertex_cut",
    "base_cut",
    "motion",
    "metal",
    "saturated",
    "gaps",
    "thick_slices",
    "fov_cut",
    "off_center",
    "rotated",
    "contrast",
    "possible_contrast",
    "pediatric",
    "noisy",
    "bone_kernel",
)

VERTEX_CUT_CM2 = 45.0  # a sphere of 70 mm radius lacks its last 1 cm there
BASE_CUT_SHARE = 0.75  # of the largest slice
SHIFT_MM = 2.0  # at rest 1.3; a slice shifted by 3 mm measures more
TURN_DEGREES = 2.2  # at rest 1.8; a slice turned by 5 degrees measures more
GHOST_MM = 1.0  # at rest 0.7; an outline doubled by 5 mm measures 2 or more
METAL_MM3 = 20.0  # a clip blooms to more; single voxels of noise or dense bone stay below
SATURATED_SHARE = 1e-5  # 84 voxels of 32 slices of 512 x 512
NOISY_HU = 10.0  # more than gray and white matter differ, 5 to 10 HU
THICK_MM = 6.0  # the end of what is usual, as in `molre.ct.choice`
THICK_SHARE = 1 / 3  # of the steps
# 40 mm changed organ doses by up to 35 % (Barreto 2019, doi 10.1002/acm2.12594); phantoms are
# below 15
OFF_CENTER_MM = 30.0
CUT_MM = 20.0  # of head on the edge; less is the tip of the nose
ROTATED_DEGREES = 15.0  # a radiographer would position the head again; phantoms stay below 9
# without contrast 111 phantoms and 42 real heads are at 0.45 or below, but for one at 0.60 (from
# images); with sinuses of 200 HU at 0.77 or above, of 150 HU 12 of 14 phantoms at 0.70 or above
ENHANCED_SHARE = 0.65
SMALL_HEAD_CM2 = 120.0  # adults 135 to 195 inside the skull at the widest level


@dataclass(frozen=True)
class Flag:
    """One remark.

    Attributes:
        name: short id, one of `NAMES`.
        words: one sentence with the measured number.
    """

    name: str
    words: str


def flags(
    volume: Volume, check: HeadCheck | None = None, skull: Skull | None = None
) -> tuple[Flag, ...]:
    """Everything to remark about a scan, in the order of `NAMES`.

    Args:
        volume: any series in HU.
        check: what `molre.ct.checks.head.check_head` said of it, where that is known already.
        skull: what `molre.ct.checks.skull.inside_skull` found in it, where that is known already.
    """
    skull = skull or inside_skull(volume)
    check = check or check_head(volume, skull)
    found = [*_header(volume), *_spacing(volume), *_bright(volume, skull)]
    if check.kind == "not_a_head":
        found.append(Flag("not_a_head", _sentence(check.reasons)))
    elif skull.inside.any():
        found += [*_coverage(skull, check), *_moved(volume, skull), *_noise(volume, skull)]
        turn = turn_degrees(skull)
        found += _position(volume, skull, turn)
        found += _enhanced(volume, skull, turn)
        found += _small(volume, skull, {flag.name for flag in found})
    return tuple(sorted(found, key=lambda flag: NAMES.index(flag.name)))


def _sentence(reasons: tuple[str, ...]) -> str:
    """The reasons of the head check without its first words, which the flag's name repeats."""
    return "; ".join(reason.partition(": ")[2] for reason in reasons)


def _header(volume: Volume) -> Iterator[Flag]:
    made = volume.acquisition
    if made.contrast:
        yield Flag("contrast", "contrast was given, according to the header")
    if is_child(made.age):
        yield Flag("pediatric", f"the patient is {made.age:g} years old")
    if sharpness(made.kernel, made.description) == "sharp":
        yield Flag("bone_kernel", f"reconstructed for bone, kernel {made.kernel or 'not stated'}")


def _spacing(volume: Volume) -> Iterator[Flag]:
    thickness = volume.acquisition.slice_thickness
    known = np.full(len(volume), thickness) if thickness else None
    gaps = find_gaps(volume.positions, known)
    steps = np.delete(volume.steps, [gap.below for gap in gaps])
    wide = int(np.count_nonzero(steps > THICK_MM))
    if thickness and thickness > THICK_MM:
        yield Flag("thick_slices", f"slices are {thickness:g} mm thick")
    elif wide and wide >= THICK_SHARE * len(steps):
        words = f"{wide} of {len(steps)} steps exceed {THICK_MM:g} mm, up to {steps.max():.1f} mm"
        yield Flag("thick_slices", words)
    if gaps:
        missing = sum(gap.missing for gap in gaps)
        lost = f"{missing} slice{'s are' if missing > 1 else ' is'} missing"
        widest = max(gap.step_mm for gap in gaps)
        yield Flag(
            "gaps",
            f"{lost} in {len(gaps)} place{'s' * (len(gaps) > 1)}, the widest step {widest:.1f} mm",
        )


def _bright(volume: Volume, skull: Skull) -> Iterator[Flag]:
    tops = slice_tops(volume)
    metal = largest_metal_mm3(volume, skull, tops)
    if metal >= METAL_MM3:
        yield Flag("metal", f"{metal:.0f} mm3 of at least {METAL_HU} HU in one piece")
    top, count = at_ceiling(volume, tops)
    if count >= SATURATED_SHARE * volume.hu.size:
        share = 100 * count / volume.hu.size
        yield Flag("saturated", f"{count} voxels ({share:.2g} %) are at the ceiling of {top} HU")


def _coverage(skull: Skull, check: HeadCheck) -> Iterator[Flag]:
    if check.kind == "incomplete":
        yield Flag("incomplete", _sentence(check.reasons))
    area, widest = skull.area, float(skull.area.max())
    if len(area) < 3:
        return
    if area[-1] > VERTEX_CUT_CM2:
        yield Flag(
            "vertex_cut", f"the top slice still shows {area[-1]:.0f} cm2 of the head's inside"
        )
    if area[0] > BASE_CUT_SHARE * widest:
        share = 100 * area[0] / widest
        words = f"the lowest slice shows {area[0]:.0f} cm2, {share:.0f} % of the largest"
        yield Flag("base_cut", words)


def _moved(volume: Volume, skull: Skull) -> Iterator[Flag]:
    found = motion(skull, volume.positions)
    signs = []
    for values, limit, words in (
        (found.shift_mm, SHIFT_MM, "slice {} is shifted by {:.1f} mm"),
        (found.turn_degrees, TURN_DEGREES, "slice {} is turned by {:.1f} degrees"),
        (found.ghost_mm, GHOST_MM, "slice {} has a double outline {:.1f} mm wide"),
    ):
        worst = int(np.argmax(np.nan_to_num(values, nan=-1.0)))
        if values[worst] > limit:
            signs.append(words.format(worst + 1, values[worst]))
    if signs:
        yield Flag("motion", ", ".join(signs) + " against its neighbors")


def _noise(volume: Volume, skull: Skull) -> Iterator[Flag]:
    noise = noise_hu(volume, skull)
    if noise is not None and noise > NOISY_HU:
        yield Flag("noisy", f"noise in the brain is {noise:.0f} HU")


def _position(volume: Volume, skull: Skull, turn: float) -> Iterator[Flag]:
    away = off_center_mm(skull)
    if away > OFF_CENTER_MM:
        yield Flag("off_center", f"the head lies {away:.0f} mm from the middle of the image")
    cut = cut_mm(skull)
    if cut >= CUT_MM:
        yield Flag("fov_cut", f"{cut:.0f} mm of the image's edge cut through the head")
    lean = lean_degrees(skull, volume)
    signs = []
    if abs(turn) > ROTATED_DEGREES:
        signs.append(f"turned by {abs(turn):.0f} degrees")
    if lean is not None and abs(lean) > ROTATED_DEGREES:
        signs.append(f"leans to a shoulder by {abs(lean):.0f} degrees")
    if signs:
        yield Flag("rotated", f"the head is {' and '.join(signs)}")


def _enhanced(volume: Volume, skull: Skull, turn: float) -> Iterator[Flag]:
    """Contrast that no header tells of."""
    if volume.acquisition.contrast:
        return
    share = enhanced_share(skull, volume.positions, turn)
    if share > ENHANCED_SHARE:
        words = (
            f"the sagittal sinus is denser than blood in {100 * share:.0f} % of the upper slices"
        )
        yield Flag("possible_contrast", words)


def _small(volume: Volume, skull: Skull, found: set[str]) -> Iterator[Flag]:
    """A head too small for an adult's, where the age is not known and the widest level is."""
    largest = float(skull.area.max())
    cut = found & {"vertex_cut", "base_cut"} or len(volume) < 3
    if volume.acquisition.age is None and not cut and largest < SMALL_HEAD_CM2:
        words = f"the largest slice inside the skull has {largest:.0f} cm2, below an adult's"
        yield Flag("pediatric", words)
