"""Which series of a study is read: a stated score, its parts in words.

    kernel 40       a soft-tissue kernel; bone and sharp kernels drown grey-white contrast in noise
    coverage 30     up to 120 mm from first to last slice
    thickness 15    steps up to 5 mm; none from 10 mm
    regularity 10   even spacing
    original 5      neither reformatted nor lossy
    minus 40        for contrast, minus 60 for a description that names another body part
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from molre.ct.series import Series
from molre.ct.volume import Acquisition

WHOLE_HEAD = 120.0  # mm
BONE_WORDS = re.compile(
    r"BONE|KNOCHEN|\bOS(SEUX)?\b|SHARP|EDGE|LUNG|DETAIL|\bINNER|PETROUS|TEMPORAL|\bIAC\b|SINUS",
    re.IGNORECASE,
)
OTHER_BODY = re.compile(
    r"NECK|C-?SPINE|CERVICAL|CHEST|THORAX|ABD|PELVI|SPINE|LUMBAR|KNEE|HIP\b|SHOULDER|FACIAL|FACE\b",
    re.IGNORECASE,
)
SIEMENS = re.compile(r"^[A-Z][a-z]?(\d{2})[a-z]?$")  # H31s, Hr60, J40s, Br44
CANON = re.compile(r"^FC(\d{2})", re.IGNORECASE)
PHILIPS_SHARP = {"D", "E", "YA", "YB", "YC", "YD", "L"}


def score(series: Series) -> tuple[float, tuple[str, ...]]:
    """The score of a series and its parts, each in words."""
    a = series.acquisition
    parts = [
        _kernel(a),
        _coverage(series),
        _thickness(series),
        (10.0, "even spacing") if series.even else (3.0, "uneven spacing"),
        (0.0, "derived or lossy") if series.derived or series.lossy else (5.0, "original"),
    ]
    if a.contrast:
        parts.append((-40.0, "contrast"))
    words = " ".join(filter(None, (a.description, a.body_part)))
    if OTHER_BODY.search(words) and not re.search(r"HEAD|BRAIN|SKULL", words, re.IGNORECASE):
        parts.append((-60.0, "its description names another body part"))
    return sum(p for p, _ in parts), tuple(f"{why} ({points:+.0f})" for points, why in parts)


def best(series: Sequence[Series]) -> tuple[Series, str]:
    """The series with the highest score and why; of equals the one with more slices.

    Returns:
        The series, and one phrase for the record.
    """
    ranked = sorted(series, key=lambda s: (-round(s.score, 6), -s.slices, s.uid, s.files))
    first = ranked[0]
    points = ", ".join(first.reasons)
    if len(ranked) == 1:
        return first, f"the only axial CT series: {points}"
    runner = ranked[1]
    return first, (
        f"the best of {len(ranked)} axial CT series with {first.score:.0f} points "
        f"(next {runner.score:.0f}): {points}"
    )


def is_sharp(a: Acquisition) -> bool:
    """Whether a kernel is for bone or lung, by the names that manufacturers use."""
    kernel = (a.kernel or "").split("\\")[0].strip()
    if BONE_WORDS.search(kernel):
        return True
    siemens, canon = SIEMENS.match(kernel), CANON.match(kernel)
    if siemens:
        return int(siemens[1]) >= 50
    if canon:
        return int(canon[1]) in range(30, 40) or int(canon[1]) in range(80, 90)
    if (a.manufacturer or "").lower().startswith("philips") and kernel.upper() in PHILIPS_SHARP:
        return True
    return bool(BONE_WORDS.search(a.description or ""))


def _kernel(a: Acquisition) -> tuple[float, str]:
    if is_sharp(a):
        return 0.0, f"bone or sharp kernel {a.kernel or ''}".strip()
    return (40.0, f"soft kernel {a.kernel}") if a.kernel else (30.0, "kernel not named")


def _coverage(series: Series) -> tuple[float, str]:
    covered = series.extent_mm + series.step_mm
    return 30.0 * min(1.0, covered / WHOLE_HEAD), f"{covered:.0f} mm covered"


def _thickness(series: Series) -> tuple[float, str]:
    thickness = max(series.step_mm, series.acquisition.slice_thickness or 0.0)
    points = 15.0 * min(1.0, max(0.0, (10.0 - thickness) / 5.0))
    return points, f"{thickness:.1f} mm slices"
