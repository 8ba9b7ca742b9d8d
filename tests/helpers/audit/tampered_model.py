"""The model: calibration, weights, seed, self-test."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import torch
from safetensors.torch import load_file, save_file

from molre.audit.checks import predictions as predicted
from molre.audit.checks import start as begun
from molre.audit.checks import training as trained
from molre.workflows.evaluate_run import evaluate_and_report
from tests.helpers.audit.forge import derive
from tests.helpers.audit.scene import TENSORS, Scene
from tests.helpers.audit.tampering import OPENED, Tampering, at, gone

NOT_LOADED = "model folder: checksums and self-test"
SELF_TEST, LOGITS = "self-test vector from a training scan", "logits from the model"
FITTED = "calibration and thresholds from the calibrate split"
POOLING = "classifier.pooling.weight"
EXPERTS = "classifier.adapter.experts.b"


def described(**changed: object) -> Callable[[Scene], None]:
    return lambda scene: scene.json("model/model.json", **changed)


def first_of(key: str, value: object) -> Callable[[Scene], None]:
    """The first entry of a list of model.json."""

    def change(scene: Scene) -> None:
        values = scene.told("model/model.json")[key]
        scene.json("model/model.json", **{key: [value, *values[1:]]})

    return change


def threshold(scene: Scene) -> None:
    told = scene.told("model/model.json")["thresholds"]
    first = next(iter(told))
    told[first]["value"] = told[first]["value"] * 0.9
    scene.json("model/model.json", thresholds=told)


def tensor(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Scene], None]:
    return lambda scene: scene.tensor(name, change)


def self_test_of_test(scene: Scene) -> None:
    """The self-test's embedding is of a test scan."""
    opened = scene.opened()
    scan = opened.cache.get(opened.splits["test"].content_hash[0]).float()
    scene.tensor("self_test.embedding", lambda old: scan[: len(old)])
    scene.answer_again()


def other_seeds_model(scene: Scene) -> None:
    shutil.rmtree(scene.run / "model")
    shutil.copytree(scene.whole / "compared" / "runs" / "molre-1" / "model", scene.run / "model")
    scene.json("model/model.json", seed=0)


def seed_named_otherwise(scene: Scene) -> None:
    """The run is called seed 7 everywhere, and derived again."""
    scene.json("manifest.json", seed=7)
    scene.json("model/model.json", seed=7)
    scene.text("config.yaml", "seed: 0", "seed: 7")
    evaluate_and_report(scene.run)


def called_random(scene: Scene) -> None:
    """The trained router is told to be the random control's."""
    for name in ("manifest.json", "model/model.json"):
        scene.json(name, arm="molre_random_router")
    scene.text("config.yaml", "arm: molre", "arm: molre_random_router")


def random_called_trained(scene: Scene) -> None:
    """A random router is told to be trained: its weights are what the seed drew."""
    drawn = begun._drawn(begun._Start(scene.opened()), 0)
    for name, values in drawn.items():
        if "router" in name:
            scene.tensor(f"classifier.{name}", lambda _, values=values: values.detach().clone())
    derive(scene.run, scene.cohort)


def center_made_again(scene: Scene) -> None:
    """The center is moved, and all is derived again."""
    scene.tensor("classifier.center", lambda old: old + 0.05)
    derive(scene.run, scene.cohort)


def unsealed(scene: Scene) -> None:
    path = scene.run / TENSORS
    tensors = load_file(path)
    tensors["classifier.pooling.bias"] += 0.1
    save_file(tensors, path)


MODEL: tuple[Tampering, ...] = (
    Tampering("a threshold in `model.json`", threshold, at(predicted.calibrated), FITTED),
    Tampering(
        "the slope of the calibration", described(slope=1.7), at(predicted.calibrated), FITTED
    ),
    Tampering(
        "an intercept of the calibration",
        first_of("intercepts", 0.3),
        at(predicted.calibrated),
        FITTED,
    ),
    Tampering(
        "a finding told to be calibrated, or not",
        first_of("calibrated", False),
        at(predicted.calibrated),
        FITTED,
    ),
    Tampering(
        "counts behind a threshold",
        first_of("calibrate_positives", 99),
        at(predicted.calibrated),
        FITTED,
    ),
    Tampering(
        "weights of the head",
        tensor(POOLING, lambda old: 1.1 * old),
        at(predicted.recomputed),
        LOGITS,
    ),
    Tampering(
        "experts of the adapter exchanged",
        tensor(EXPERTS, lambda old: old.flip(1)),
        at(predicted.recomputed),
        LOGITS,
    ),
    Tampering("the model of another seed", other_seeds_model, at(predicted.recomputed), LOGITS),
    Tampering(
        "the run called by another seed, evaluated again",
        seed_named_otherwise,
        at(begun.seed),
        begun.SEED,
    ),
    Tampering(
        "a trained router called the random one",
        called_random,
        at(begun.centered),
        "random router as it was scaled",
    ),
    Tampering(
        "a random router called a trained one, derived again",
        random_called_trained,
        at(begun.moved),
        begun.MOVED,
    ),
    Tampering(
        "the center of the model, derived again", center_made_again, at(begun.centered), begun.TRAIN
    ),
    Tampering(
        "the threshold of familiarity",
        tensor("familiarity.threshold", lambda old: 2 * old),
        at(trained.familiarity),
        "familiarity from the scans",
    ),
    Tampering(
        "the self-test is of a test scan", self_test_of_test, at(trained.familiarity), SELF_TEST
    ),
    Tampering(
        "the answer of the self-test",
        tensor("self_test.logits", lambda old: old + 0.1),
        OPENED,
        NOT_LOADED,
    ),
    Tampering(
        "the backbone's embedding of the self-test slice",
        tensor("self_test.probe", lambda old: old + 0.2),
        at(trained.backbone),
        "backbone of model.json from its weights",
    ),
    Tampering("a tensor, without making the checksums anew", unsealed, OPENED, NOT_LOADED),
    Tampering("a file of the model deleted", gone(TENSORS), OPENED, NOT_LOADED),
    Tampering(
        "format versions that disagree",
        described(format_version=2),
        at(trained.settings),
        "config.yaml, model.json and manifest.json agree",
    ),
)
