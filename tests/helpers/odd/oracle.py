"""Judge what molre made of an odd study: the right volume with its notes, or an apt refusal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molre.ct.read import read_found
from molre.ct.survey import choose, survey
from molre.ct.volume import Volume
from molre.errors import MolreError
from tests.helpers.odd.plan import Plan
from tests.helpers.odd.writer import NEVER_READ, Written, write
from tests.helpers.traps.scan import Scan

PREFERRED = ("derived", "kernel", "contrast", *NEVER_READ, "copy")


@dataclass(frozen=True)
class Outcome:
    """Of the whole folder.

    Attributes:
        volumes: one a study, with what was said of the choice.
        refusals: sentences of studies and files that were not read.
    """

    volumes: tuple[tuple[Volume, str], ...]
    refusals: tuple[str, ...]


def read_all(folder: Path) -> Outcome:
    """Read every study of a folder, as ingest does; anything but a MolreError is a crash."""
    try:
        found = survey([folder])
    except MolreError as error:
        return Outcome((), (error.message,))
    volumes, refusals = [], [f"{r.file}: {r.reason}. {r.remedy}" for r in found.rejects]
    for study in found.studies:
        series, why = choose(study)
        try:
            volumes.append((read_found(series), why))
        except MolreError as error:
            refusals.append(error.message)
    return Outcome(tuple(volumes), tuple(refusals))


def judge(plan: Plan, folder: Path) -> str | None:
    """What is wrong with the outcome of a plan; None where it is right."""
    written = write(plan, folder)
    outcome = read_all(folder)
    if not outcome.volumes:
        return _refusal(plan, outcome)
    if plan.refused:
        return f"read although its values are not HU ({plan.values})"
    for volume, why in outcome.volumes:
        wrong = _volume(plan, written, volume, why, outcome)
        if wrong:
            return wrong
    if len(outcome.volumes) > 1 and plan.extra != "patient" and plan.packing != "two zips":
        return f"{len(outcome.volumes)} studies of one"
    return None


def _refusal(plan: Plan, outcome: Outcome) -> str | None:
    said = " ".join(outcome.refusals)
    if not said:
        return "neither read nor refused"
    if plan.refused:
        apt = "HU" in said or "escale" in said or plan.extra != "none"
        return None if apt else f"refused for something else than its values: {said}"
    may = plan.silent or plan.extra == "patient" or plan.varies == "series uid"
    if plan.varies != "nothing" and plan.extra != "none" and not plan.apart:
        may = True  # two sets, and an element that means nothing: to refuse is safe
    return None if may else f"refused: {said}"


def _volume(plan: Plan, written: Written, volume: Volume, why: str, outcome: Outcome) -> str | None:
    is_main = _same(volume, written.main)
    is_other = written.other is not None and _same(volume, written.other)
    if not is_main and not is_other:
        return _mixture(volume, written)
    if (
        not is_main
        and not plan.silent
        and plan.extra in PREFERRED
        and plan.covers == "all"
        and not plan.lost
    ):
        return f"gave the {plan.extra} set and not the head"
    said = " ".join([*volume.notes, why, *outcome.refusals])
    if plan.lost and is_main and not any(w in said for w in ("missing", "uneven", "step")):
        return f"the lost slice is not mentioned: {said}"
    one = "only readable series" in said and not volume.notes and not outcome.refusals
    if plan.extra != "none" and one and len(outcome.volumes) == 1:
        return f"the other set is not mentioned: {said}"
    return None


def _same(volume: Volume, what: Scan) -> bool:
    return (
        volume.hu.shape == what.hu.shape
        and np.array_equal(volume.hu, _air_for_padding(volume, what.hu))
        and np.allclose(volume.origins, what.origins, atol=1e-3)
    )


def _air_for_padding(volume: Volume, hu: np.ndarray) -> np.ndarray:
    """Padding lies in the corner, outside the head, and is read as air of any depth."""
    corner = np.where((volume.hu < -900) & (hu < -900), volume.hu, hu)
    return corner


def _mixture(volume: Volume, written: Written) -> str:
    parts = []
    for name, what in (("head", written.main), ("other set", written.other)):
        if what is None:
            continue
        mine = sum(
            any(np.abs(volume.origins[i] - o).max() < 1e-3 for o in what.origins)
            for i in range(len(volume.hu))
        )
        parts.append(f"{mine} of {len(what.hu)} positions of the {name}")
    return f"{len(volume.hu)} slices with {', '.join(parts)}; notes {list(volume.notes)}"
