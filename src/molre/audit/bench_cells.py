"""Checks across the cells of a benchmark: no two are one run, and backbones are what they claim."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from molre.arms.arms import ARMS
from molre.audit.check import NUMBERS, Check, compared, flagged, not_checked
from molre.audit.checks.predictions import LOGITS
from molre.audit.differences import leaves, mapping_differences
from molre.backbones.contract import respelled
from molre.benchmark.config import BackboneChoice
from molre.benchmark.job_kinds import look_at_backbone
from molre.benchmark.plan import Bench
from molre.errors import MolreError
from molre.runs.run import Run, read_run

STUDIES = 200  # of which the logits of two cells are compared


def twins(
    runs: list[Path], name: str = "no cell holds the predictions of another"
) -> Iterator[Check]:
    """No run is a copy of another: the same logits under another seed, arm or backbone.

    Equal to the bit, they fail. Those that only all but agree are flagged, and so are equal ones
    of arms that may come out as the same network.

    Args:
        runs: folders.
        name: of the check.
    """
    read = [_begin(read_run(run)) for run in runs]
    equal: list[str] = []
    near: list[str] = []
    for one, other in combinations(read, 2):
        gap = _gap(one, other)
        if gap is None or gap > 1:
            continue
        said = f"{one.path.name} and {other.path.name}"
        (equal if gap == 0 and not _may_be_one(one, other) else near).append(said)
    if equal:
        yield compared(NUMBERS, name, len(read), [f"{pair} are the same" for pair in equal])
    else:
        found = [f"{pair} are nearly the same" for pair in near]
        yield flagged(NUMBERS, name, len(read), found, "runs")


def _begin(run: Run) -> Run:
    """Of a run what is compared, so that hundreds of them fit in memory."""
    nothing = np.empty((0, 0))
    logits, studies = run.logits[:STUDIES].copy(), run.studies[:STUDIES]
    return Run(
        run.path, run.manifest, run.findings, studies, (), nothing, logits, nothing, {}, None, None
    )


def _gap(one: Run, other: Run) -> float | None:
    """Largest difference of logits over what is tolerated; None where they are of other things."""
    if (one.studies, one.findings) != (other.studies, other.findings):
        return None
    apart = np.abs(one.logits - other.logits)
    return float((apart / (LOGITS * (1 + np.abs(other.logits)))).max())


def _may_be_one(one: Run, other: Run) -> bool:
    same = (one.manifest["backbone"] == other.manifest["backbone"]) and one.seed == other.seed
    if not same:
        return False
    placed = one.manifest["placement"] != other.manifest["placement"]
    return (placed and one.arm == other.arm) or (_plain(one.arm) and _plain(other.arm))


def _plain(arm: str) -> bool:
    """An adapter without a router, which may be another such by its rank or its layers."""
    inside = ARMS[arm].inside("blocks") if arm in ARMS else None
    return inside is not None and inside.peft is not None and ARMS[arm].router is None


def looks(bench: Bench, weights_dir: Path | None) -> Iterator[Check]:
    """What each backbone is, and which arms it can have, found out again from the backbone."""
    for choice in bench.config.backbones:
        name = f"size, contract and arms of {choice.backbone} from its weights"
        job = bench.look_jobs()[choice.backbone]
        stored = bench.folder.outcome(job.name)
        if stored is None or stored.state != "done":
            yield not_checked(NUMBERS, name, "it could not be loaded for the benchmark either")
            continue
        facts = {**job.facts, "choice": _asked(choice, weights_dir)}
        try:
            again = look_at_backbone(facts)
        except MolreError as error:
            yield not_checked(NUMBERS, name, f"its weights are not available: {error.what}")
            continue
        told = stored.facts
        if isinstance(told.get("contract"), dict):
            told = told | {"contract": respelled(told["contract"])}
        found = mapping_differences(told, again)
        found += [f"{key} is not expected" for key in told.keys() - again.keys()]
        yield compared(NUMBERS, name, leaves(again), found)


def _asked(choice: BackboneChoice, weights_dir: Path | None) -> dict[str, Any]:
    """The backbone as it was asked for, without leave to run code that came with it."""
    asked: dict[str, Any] = choice.model_dump(mode="json") | {"trust_remote_code": False}
    return asked | ({} if weights_dir is None else {"weights_dir": str(weights_dir)})


def weights_of(bench: Bench) -> dict[str, Path]:
    """Folders of weights that the configuration names, by what runs call their backbone."""
    found = {}
    for choice in bench.config.backbones:
        looked = bench.folder.outcome(bench.look_jobs()[choice.backbone].name)
        if looked is not None and choice.weights_dir is not None:
            found[str(looked.facts.get("name"))] = Path(choice.weights_dir)
    return found
