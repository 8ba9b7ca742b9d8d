"""Several processes train as one, end together, and a killed run goes on to the same bits."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal
from safetensors.torch import load_file

from molre.errors import MolreError
from molre.training.config import TrainConfig
from molre.training.parallel.distributed import ALONE, Ranks, together
from molre.training.train import train
from tests.helpers.cli.ready import write_ready
from tests.helpers.training import forks

SCENARIOS = ("fits", "one_fails", "one_dies", "slice_kills", "blocks_kills")
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forks")


@pytest.fixture(scope="module")
def found(folder: Path, scans: Path) -> dict:
    """What the processes of forks.py did."""
    shutil.copytree(scans, folder / "blocks_kills" / "cohort")
    script = Path(forks.__file__)
    command = [sys.executable, script, *SCENARIOS, folder]
    done = subprocess.run(command, capture_output=True, text=True, env=ONE_THREAD, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def same_model(one: Path, other: Path, within: float = 0) -> None:
    """Two runs have the same weights."""
    for file in ("model.safetensors", "adapter/adapter_model.safetensors"):
        if (one / "model" / file).exists():
            same_tensors(one / "model" / file, other / "model" / file, within)


def same_tensors(one: Path, other: Path, within: float) -> None:
    wanted, got = load_file(one), load_file(other)
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        torch.testing.assert_close(got[name], value, atol=within, rtol=0, msg=name)


@pytest.mark.parametrize("kind", ["molre", "backbone", "batch_norm"])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_train_what_one_trains(found, folder: Path, kind: str, world: int) -> None:
    """With dropout, batches that do not divide, and processes that have no micro-batch of some."""
    assert found["fits"][f"{kind} {world}"] == [0] * world
    alone = folder / "fits" / f"{kind}-1-0.safetensors"
    for rank in range(world):
        same_tensors(alone, folder / "fits" / f"{kind}-{world}-{rank}.safetensors", 1e-6)
    start = load_file(alone)
    assert len(start["history"]) == 3
    assert float(start["history"][2, 0]) < float(start["history"][0, 0])


def test_an_error_in_one_process_ends_all_with_one_sentence(found, folder: Path) -> None:
    assert found["one_fails"] == [2, 2]
    said = [(folder / "one_fails" / f"stderr-{rank}").read_text() for rank in range(2)]
    # on a busy machine gloo adds warnings of its own
    lines = [line for text in said for line in text.splitlines() if line.startswith("molre")]
    assert len(lines) == 1
    assert not any("Traceback" in text for text in said)
    bad = pl.read_csv(folder / "one_fails" / "cohort" / "splits.csv")["patient"][0]
    assert lines[0].startswith(f"molre: the loss is not finite for study {bad}.")
    assert not (folder / "one_fails" / "run" / "manifest.json").exists()


def ends_and_goes_on(dies: dict) -> None:
    """Of two processes one was killed; the other said so, and both went on from a checkpoint."""
    assert dies["codes"] == [2, -9]
    assert dies["said"][0].startswith("molre: another process of this run is gone")
    assert "run the same command again" in dies["said"][0].lower()
    assert len(dies["said"][0].splitlines()) == 1
    assert dies["kept"] == 1
    assert dies["again"] == [0, 0]


def test_a_killed_process_ends_all_and_the_run_goes_on(found, folder: Path) -> None:
    ends_and_goes_on(found["one_dies"])
    assert found["one_dies"]["alone"] == [0]
    same_model(folder / "one_dies" / "one", folder / "one_dies" / "two", 1e-6)


def test_blocks_in_two_processes_are_those_of_one(found, folder: Path) -> None:
    """With scans that two processes cannot share evenly, and one of them killed on the way."""
    ends_and_goes_on(found["blocks_kills"]["two"])
    runs = folder / "blocks_kills"
    same_model(runs / "whole", runs / "two", 1e-6)
    for table in ("predictions.parquet", "routing.parquet"):  # put together from both processes
        one, two = (pl.read_parquet(runs / name / table) for name in ("whole", "two"))
        assert_frame_equal(one, two, abs_tol=1e-5, rel_tol=0)


@pytest.mark.parametrize("placement", ["slice", "blocks"])
def test_a_run_that_is_killed_at_any_step_ends_with_the_same_bits(
    found, folder: Path, placement: str
) -> None:
    """Killed before a step, and while a checkpoint is written, which leaves the file torn."""
    assert found[f"{placement}_kills"]["codes"] == [-9, -9, 1, -9, -9, 2, 0]
    runs = folder / f"{placement}_kills"
    same_model(runs / "whole", runs / "killed")
    one, other = (
        json.loads((runs / name / "manifest.json").read_text()) for name in ("whole", "killed")
    )
    assert one["learning_rate"] == other["learning_rate"]
    assert one["best_epoch"] == other["best_epoch"]


GIVEN = {"max_epochs": 2, "patience": 2, "min_labels": 1, "batch_size": 18}
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")
TOLD = ("--num_machines", "1", "--mixed_precision", "no", "--main_process_port", "0")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A cohort and the run of one process."""
    folder = tmp_path_factory.mktemp("alone")
    cohort = write_ready(folder / "cohort")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as launchers do; the self-test's embedding is rounded by threads
    try:
        return cohort, train(cohort, folder / "one", TrainConfig(**GIVEN, learning_rates=(0.01,)))
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    "launcher", [TORCHRUN, (*ACCELERATE, *TOLD)], ids=["torchrun", "accelerate"]
)
def test_a_launcher_starts_a_run_that_is_that_of_one_process(
    launcher: tuple[str, ...], alone: tuple[Path, Path], tmp_path: Path
) -> None:
    """Without a GPU too: accelerate starts its "multi GPU" processes as torchrun does."""
    cohort, one = alone
    flags = [part for k, v in GIVEN.items() for part in ("--set", f"{k}={v}")]
    verb = ["-m", "molre", "train", str(cohort), "-o", str(tmp_path / "two"), *flags]
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *verb, "--set", "learning_rates=[0.01]"],
        capture_output=True,
        text=True,
        env=ONE_THREAD | {"PYTHONWARNINGS": "ignore"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("trained molre") == 1
    same_model(one, tmp_path / "two", 1e-6)


def test_no_thread_of_a_group_outlives_it(tmp_path: Path) -> None:
    """Else it may abort a process that has done its work, while the interpreter ends."""
    script = Path(__file__).parents[2] / "helpers" / "training" / "gloo_threads.py"
    command = [sys.executable, "-m", *TORCHRUN, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=ONE_THREAD, check=False)
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"threads-{rank}").read_text() for rank in (0, 1)] == ["0", "0"]


def test_shards_are_disjoint_whole_and_as_equal_as_can_be() -> None:
    for count in (0, 1, 3, 8, 9):
        shards = [list(range(count))[Ranks(rank, 4).shard(count)] for rank in range(4)]
        assert [i for shard in shards for i in shard] == list(range(count))
        assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_one_process_needs_nothing_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with together("cpu") as processes:
        assert processes == ALONE
        assert processes.all_reduce_max(3, 5) == (3, 5)
    for name, value in {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    if not torch.cuda.is_available():
        with pytest.raises(MolreError, match="no CUDA device"), together("cuda"):
            pass
