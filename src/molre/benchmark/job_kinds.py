"""What each kind of job does; each runs alone in its process
(:mod:`molre.benchmark.job_process`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from molre.backbones.request import BackboneRequest
from molre.benchmark.config import BackboneChoice
from molre.errors import MolreError
from molre.progress import say
from molre.training.config import TrainConfig

Facts = dict[str, Any]


def look_at_backbone(facts: Facts) -> Facts:
    """``choice`` and ``configs`` by placement; see :mod:`molre.benchmark.inspect_backbone`."""
    from molre.benchmark.inspect_backbone import look

    choice = BackboneChoice.model_validate(facts["choice"])
    configs = {name: run_config(c, choice.backbone) for name, c in facts["configs"].items()}
    return look(choice, configs).to_dict()


def measure_backbone(facts: Facts) -> Facts:
    """``choice``, ``configs`` and ``device``; see :mod:`molre.benchmark.backbone_speed`."""
    from molre.benchmark.backbone_speed import measure

    choice = BackboneChoice.model_validate(facts["choice"])
    configs = {name: run_config(c, choice.backbone) for name, c in facts["configs"].items()}
    return measure(choice, configs, facts["device"]).to_dict()


def embed_cohort(facts: Facts) -> Facts:
    """Embed a ``cohort`` with ``backbone``, a request, once for all arms and seeds."""
    from molre.embedding.embed import embed

    request = BackboneRequest.from_dict(facts["backbone"])
    started = time.perf_counter()
    done = embed(
        facts["cohort"],
        request.load(),
        device=request.device,
        workers=facts["workers"],
    )
    seconds = time.perf_counter() - started
    for study, reason in done.failed:
        say(f"{study}: {reason}")
    return {"embedded": len(done.cache), "lost": len(done.failed), "seconds": seconds}


def train_cell(facts: Facts) -> Facts:
    """Train ``config`` on ``cohort`` into ``run``, score it, and time it; weights are read once."""
    from molre.benchmark.scan_speed import seconds_per_scan
    from molre.training.train import train
    from molre.workflows.evaluate_run import evaluate_and_report

    request, run = BackboneRequest.from_dict(facts["backbone"]), Path(facts["run"])
    config = run_config(facts["config"], request.name)
    started = time.perf_counter()
    backbone = request.load()
    bare = backbone.shared_copy()  # an arm at blocks changes the one that is trained
    train(
        facts["cohort"],
        run,
        config,
        device=request.device,
        workers=facts["workers"],
        loaded=backbone,
    )
    seconds = time.perf_counter() - started
    evaluate_and_report(run)
    try:
        timed = seconds_per_scan(run, bare, device=request.device)
    except MolreError as error:  # the run is whole, and stays
        timed = {"not_timed": error.message}
    return {"seconds": seconds, "device": request.device, **timed}


def run_config(values: Facts, backbone: str) -> TrainConfig:
    """A run's configuration from plain values; the contract is of slices or of volumes."""
    from molre.backbones.catalogue import contract_from_dict

    contract = values.get("contract")
    if contract is not None:
        values = {**values, "contract": contract_from_dict(backbone, contract)}
    return TrainConfig.model_validate(values)


DO: dict[str, Callable[[Facts], Facts]] = {
    "look": look_at_backbone,
    "measure": measure_backbone,
    "embed": embed_cohort,
    "cell": train_cell,
}
