"""What the kinds of job do; each runs alone in its process (:mod:`molre.benchmark.job_process`)."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    """Embed a ``cohort`` with ``choice``, once for all arms and seeds; ``contract`` or None."""
    from molre.embedding.embed import embed

    choice = BackboneChoice.model_validate(facts["choice"])
    started = time.perf_counter()
    done = embed(
        facts["cohort"],
        _load(choice, facts["contract"]),
        device=facts["device"],
        workers=facts["workers"],
    )
    seconds = time.perf_counter() - started
    for study, reason in done.failed:
        say(f"{study}: {reason}")
    return {"embedded": len(done.cache), "lost": len(done.failed), "seconds": seconds}


def train_cell(facts: Facts) -> Facts:
    """Train ``config`` on ``cohort`` into ``run``, score it, and time it."""
    from molre.benchmark.scan_speed import seconds_per_scan
    from molre.training.train import train
    from molre.workflows.evaluate_run import evaluate_and_report

    choice = BackboneChoice.model_validate(facts["choice"])
    run = Path(facts["run"])
    started = time.perf_counter()
    train(
        facts["cohort"],
        run,
        run_config(facts["config"], choice.backbone),
        weights_dir=choice.weights_dir,
        device=facts["device"],
        workers=facts["workers"],
        unverified=choice.unverified,
        trust_remote_code=choice.trust_remote_code,
    )
    seconds = time.perf_counter() - started
    evaluate_and_report(run)
    try:
        timed = seconds_per_scan(run, choice, device=facts["device"])
    except MolreError as error:  # the run is whole, and stays
        timed = {"not_timed": error.message}
    return {"seconds": seconds, "device": facts["device"], **timed}


def run_config(values: Facts, backbone: str) -> TrainConfig:
    """A run's configuration from plain values; the contract is of slices or of volumes."""
    from molre.backbones.catalogue import contract_from_dict

    contract = values.get("contract")
    if contract is not None:
        values = {**values, "contract": contract_from_dict(backbone, contract)}
    return TrainConfig.model_validate(values)


def _load(choice: BackboneChoice, contract: Facts | None) -> Any:
    from molre.backbones import catalogue

    values = contract or choice.contract
    return catalogue.load(
        choice.backbone,
        weights_dir=choice.weights_dir,
        contract=catalogue.contract_from_dict(choice.backbone, values) if values else None,
        unverified=choice.unverified,
        trust_remote_code=choice.trust_remote_code,
    )


DO: dict[str, Callable[[Facts], Facts]] = {
    "look": look_at_backbone,
    "measure": measure_backbone,
    "embed": embed_cohort,
    "cell": train_cell,
}
