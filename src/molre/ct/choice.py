"""Which series of a study to read: a stated score, its reasons in words.

Points: whole coverage 4 (from 130 mm on), soft kernel 3 (unknown 1.5), usual thickness 1, even
steps 1, original 0.5, lossless 0.25, named head or brain 0.5. Contrast costs 3, another body
part 4, a missing slice or fewer than three slices 1. Ties go to more slices, then to the series
UID, then to the first acquisition; names and order of files decide nothing.
"""

from __future__ import annotations

import re

import numpy as np

from molre.ct.geometry import find_gaps
from molre.ct.grouping.stack import Stack
from molre.ct.kernel import sharpness
from molre.ct.volume import is_even

WHOLE_HEAD_MM = 130.0

_HEAD = re.compile(
    r"head|brain|skull|kopf|sch[aä]del|hirn|cr[aâ]n|cerebr|cerveau|encephal|kepala", re.I
)
_ELSEWHERE = re.compile(
    r"neck|chest|thora|abdom|pelvi|spine|lumbar|extrem|shoulder|knee|hip\b|hals|sinus|orbit|facial|dental|iac\b",
    re.I,
)


def score(stack: Stack) -> tuple[float, tuple[str, ...]]:
    """Points of one axial series for reading as non-contrast head CT, with a reason each."""
    points, reasons = zip(
        *(_coverage(stack), _kernel(stack), _thickness(stack), _regularity(stack), _origin(stack),
          _region(stack), _contrast(stack)),
        strict=True,
    )  # fmt: skip
    return round(float(sum(points)), 3), tuple(reason for reason in reasons if reason)


def coverage_mm(stack: Stack) -> float:
    """Extent along the slice normal, mm, outer edges of the end slices included."""
    heights = stack.distinct
    steps = np.diff(heights)
    end = stack.members[0].plane.thickness or (float(np.median(steps)) if steps.size else 0.0)
    return float(heights[-1] - heights[0] + end)


def _coverage(stack: Stack) -> tuple[float, str]:
    covered, count = coverage_mm(stack), len(stack.distinct)
    words = f"{count} slice{'s' * (count != 1)}, {covered:.0f} mm"
    return 4.0 * min(covered / WHOLE_HEAD_MM, 1.0), words


def _kernel(stack: Stack) -> tuple[float, str]:
    made = stack.acquisition
    kind = sharpness(made.kernel, made.description)
    name = f" {made.kernel}" if made.kernel else ""
    points = {"soft": 3.0, "unknown": 1.5, "sharp": 0.0}[kind]
    words = {"soft": f"soft kernel{name}", "sharp": f"sharp kernel{name}"}
    return points, words.get(kind, f"kernel{name or ' not stated'}, sharpness unknown")


def _thickness(stack: Stack) -> tuple[float, str]:
    known = [m.plane.thickness for m in stack.members if m.plane.thickness]
    if not known:
        return 0.5, ""
    thick = float(np.median(known))
    points = 1.0 if 2.0 <= thick <= 6.0 else 0.7 if thick <= 8.0 else 0.2
    return points, f"{thick:g} mm thick"


def _regularity(stack: Stack) -> tuple[float, str]:
    steps = np.diff(stack.distinct)
    if steps.size < 2:
        return -1.0, ""
    thickness = np.array([g[0].plane.thickness or np.nan for g in stack.slices()], dtype=float)
    if find_gaps(stack.distinct, thickness):
        return -1.0, "slices missing"
    if is_even(steps):
        return 1.0, "even steps"
    return 0.5, "uneven steps"


def _origin(stack: Stack) -> tuple[float, str]:
    headers = [member.header for member in stack.members]
    derived = stack.is_derived
    lossy = all(header.lossy for header in headers)
    words = [w for w, true in (("derived", derived), ("lossy compression", lossy)) if true]
    return 0.5 * (not derived) + 0.25 * (not lossy), ", ".join(words)


def _region(stack: Stack) -> tuple[float, str]:
    made = stack.members[0].header.acquisition
    if _HEAD.search(made.body_part or "") or _HEAD.search(made.description or ""):
        return 0.5, "named head"
    elsewhere = _ELSEWHERE.search(f"{made.body_part or ''} {made.description or ''}")
    return (-4.0, f"named {elsewhere[0].lower()}") if elsewhere else (0.0, "")


def _contrast(stack: Stack) -> tuple[float, str]:
    return (-3.0, "contrast given") if stack.acquisition.contrast else (0.0, "")
