"""Functions that compute look for their device before anything is read, made or removed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

import molre
from molre.audit.audit import audit
from molre.benchmark.benchmark import benchmark
from molre.benchmark.dry_run import dry_run
from molre.errors import MolreError
from molre.workflows.consistency import consistency
from molre.workflows.evaluate_external import evaluate_external

COMPUTE = [
    *(f for n in molre.__all__ if "device" in inspect.signature(f := getattr(molre, n)).parameters),
    audit,
    benchmark,
    dry_run,
    consistency,
    evaluate_external,
]


def test_those_are_all_that_take_a_device() -> None:
    assert {f.__name__ for f in COMPUTE} >= {"embed", "train", "load"}


@pytest.mark.parametrize("function", COMPUTE)
@pytest.mark.parametrize("device", ["cuda:99", "gpu", "", "cuda:x", "meta"])
def test_a_device_that_is_not_here(tmp_path: Path, function: Callable, device: str) -> None:
    from tests.helpers.cohort.cohorts import write_cohort

    cohort, run = write_cohort(tmp_path / "cohort", {"1.1": "p"}), tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("arm: molre\n")
    places = {"cohort": cohort, "out": run, "run": run, "model": run, "folder": run, "path": run}
    places |= {"backbone": "efficientnet_lite0", "config": "smoke"}
    needed = [
        name
        for name, p in inspect.signature(function).parameters.items()
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    given = {name: places[name] for name in needed}
    if function is molre.train:
        given |= {"overwrite": True}
    with pytest.raises(MolreError, match="--device"):
        function(**given, device=device)
    assert (run / "config.yaml").is_file()
    assert not (cohort / "embeddings").exists()
