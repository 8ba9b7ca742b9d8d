"""Ctrl-C, a full disk and changed data: what `molre train`, `evaluate` and `predict` leave."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.helpers.cli.ready import write_ready
from tests.helpers.cli.warm import Server, warm
from tests.helpers.cohort.dicoms import write_study
from tests.helpers.system import molre

SETTINGS = ("learning_rates=[0.001, 0.003]", "max_epochs=15", "patience=15")
SAME = (
    "config.yaml", "predictions.parquet", "history.parquet", "routing.parquet",
    "model/model.json", "model/model.safetensors", "model/checksums.json",
)  # fmt: skip


def train(cohort: Path, run: Path) -> list[object]:
    settings = [part for s in SETTINGS for part in ("--set", s)]
    return ["train", cohort, "--arm", "molre", "-o", run, *settings]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with warm(tmp_path_factory.mktemp("said")) as started:
        yield started


def interrupt(server: Server, arguments: list[object], when: Callable[[], bool]) -> str:
    """Start molre, press Ctrl-C as soon as ``when``; what it said."""
    run = server.start(*arguments)
    while not when() and run.poll() is None:
        time.sleep(0.002)
    os.kill(run.pid, signal.SIGINT)
    code, said = run.wait(), run.said.read_text()
    assert code == 130, said
    assert said.count("\n") == 1
    return said


def out_of_space(server: Server, *arguments: object, allowed: int = 0) -> str:
    """Run molre where no file may grow beyond ``allowed`` bytes; what it said."""
    run = server.start(*arguments, largest_file=allowed)
    code, said = run.wait(), run.said.read_text()
    assert code == 2, said
    assert "Traceback" not in said
    return said


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ready(tmp_path_factory.mktemp("ready") / "cohort")


@pytest.fixture(scope="module")
def whole(cohort: Path) -> Path:
    """A run that nothing interrupted."""
    run = cohort.parent / "whole"
    molre(*train(cohort, run))
    return run


def test_ctrl_c_in_training_and_a_rerun_end_at_the_same_bits(
    server: Server, cohort: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = interrupt(server, train(cohort, run), lambda: any(run.glob("checkpoint-*.safetensors")))
    assert "run the same command again" in said
    assert any(run.glob("checkpoint-*.safetensors"))
    assert not (run / "manifest.json").exists()
    assert not (run / "model").exists()
    assert parts(tmp_path) == []
    molre(*train(cohort, run))
    for name in SAME:
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_full_disk_in_training_leaves_no_run_and_a_rerun_makes_it(
    server: Server, cohort: Path, whole: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    said = out_of_space(server, *train(cohort, run), allowed=4000)
    assert str(run) in said
    assert not (run / "manifest.json").exists()
    assert parts(tmp_path) == []
    molre(*train(cohort, run))
    assert (run / SAME[1]).read_bytes() == (whole / SAME[1]).read_bytes()


def test_a_full_disk_in_evaluation_leaves_no_half_of_a_file(server: Server, whole: Path) -> None:
    before = sorted(p.name for p in whole.iterdir())
    said = out_of_space(server, "evaluate", whole, allowed=1000)
    assert "metrics.parquet" in said
    assert sorted(p.name for p in whole.iterdir()) == before


def test_a_full_disk_in_prediction_leaves_no_half_of_a_file(
    server: Server, whole: Path, tmp_path: Path
) -> None:
    study = write_study(tmp_path / "study", "1.2.10")
    said = out_of_space(
        server, "predict", whole / "model", study, "-o", tmp_path / "out", allowed=1000
    )
    assert "report.html" in said
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == []


def test_ctrl_c_in_prediction_keeps_what_was_answered(
    server: Server, whole: Path, tmp_path: Path
) -> None:
    for i in range(4):
        write_study(tmp_path / "scans" / str(i), f"1.2.{i + 10}", seed=i)
    out = tmp_path / "out"
    command = ["predict", whole / "model", tmp_path / "scans", "-o", out]
    interrupt(server, command, lambda: any(out.glob("*/prediction.json")))
    first = {p: p.stat().st_mtime_ns for p in out.glob("*/prediction.json")}
    assert 0 < len(first) < 4
    assert parts(out) == []
    molre(*command)
    assert len(list(out.glob("*/prediction.json"))) == 4
    assert {p: p.stat().st_mtime_ns for p in first} == first


@pytest.mark.parametrize("name", ["labels.parquet", "splits.csv", "scans.parquet"])
def test_a_run_from_before_the_data_changed_is_not_passed_off_as_current(
    cohort: Path, whole: Path, name: str
) -> None:
    path, before = cohort / name, (cohort / name).read_bytes()
    manifest = (whole / "manifest.json").read_bytes()
    rows = pl.read_csv(path) if name.endswith(".csv") else pl.read_parquet(path)
    if name == "scans.parquet":
        rows = rows.with_columns(content_hash=pl.lit("other"))
    fewer = rows.head(len(rows) - 1)
    fewer.write_csv(path) if name.endswith(".csv") else fewer.write_parquet(path)
    said = molre(*train(cohort, whole), code=2).stderr
    path.write_bytes(before)
    assert f"from before the cohort's {path.stem} changed" in said
    assert "--overwrite" in said
    assert (whole / "manifest.json").read_bytes() == manifest
    assert json.loads(manifest)["scans_sha256"]
