"""Runs that need processes of their own: forked from one that has imported everything once.

Run by test_distributed.py as ``python forks.py SCENARIO ... FOLDER``; what the processes did is
left in a folder for each scenario and printed as JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from safetensors.torch import save_file
from torch import nn

WORLDS = (1, 2, 3)
KINDS = ("molre", "backbone", "batch_norm")
IMPORTED = (  # by what the processes do
    "peft",
    "timm",
    "transformers.models.dinov2.modeling_dinov2",
    "molre.adapter.tuner",
    "molre.cli.main",
    "molre.training.train",
    "molre.training.write_run",
    "tests.helpers.training.networks",
    "tests.helpers.training.scans",
)


def fork(work: Callable[[], object], errors: Path, **environment: object) -> int:
    """A process that works and leaves; stderr goes to a file."""
    child = os.fork()
    if child:
        return child
    os.environ.update({name: str(value) for name, value in environment.items()})
    torch.set_num_threads(1)
    with errors.open("w") as file:
        os.dup2(file.fileno(), 2)
    code = 1
    try:
        work()
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def ranks(world: int, work: Callable[[], object], folder: Path) -> list[int]:
    """Exit codes of processes that are started as torchrun would."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": world}
    children = [
        fork(work, folder / f"stderr-{rank}", RANK=rank, LOCAL_RANK=rank, **where)
        for rank in range(world)
    ]
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def small_fit(kind: str, folder: Path) -> None:
    """Three epochs; 44 scans in batches of 16: micro-batches not full, and too few of them."""
    from dataclasses import replace

    from molre.training.config import TrainConfig
    from molre.training.parallel.distributed import together
    from molre.training.trainer import Trainer
    from tests.helpers.training.networks import on_network
    from tests.helpers.training.scans import loader, new_model

    with together("cpu") as processes:
        train, tune = (replace(loader(n, seed), ranks=processes) for n, seed in ((44, 1), (30, 2)))
        model: nn.Module = new_model() if kind == "molre" else on_network(kind)
        if kind == "backbone":
            train = replace(train, micro_batch=1)
        config = TrainConfig(max_epochs=3, patience=3)
        done = Trainer.at_rate(1e-2, model, config, train, tune).fit()
        name = f"{kind}-{processes.world}-{processes.rank}"
        numbers = torch.tensor([[r["train_loss"], r["tune_auc"]] for r in done.history])
        state = {k: v.contiguous() for k, v in model.state_dict().items()}
        save_file(state | {"history": numbers.double()}, folder / f"{name}.safetensors")


def fits(folder: Path) -> object:
    """Each kind of model by one, two and three processes."""
    return {
        f"{kind} {world}": ranks(world, partial(small_fit, kind, folder), folder)
        for kind in KINDS
        for world in WORLDS
    }


def command(cohort: Path, run: Path, *more: str) -> None:
    """``molre train``, with a checkpoint after every step."""
    from molre.cli import main as cli
    from molre.training import train as module
    from molre.training.checkpoint import Checkpoint

    module.Checkpoint = partial(Checkpoint, every=0)  # type: ignore[misc]
    sys.argv = ["molre", "train", str(cohort), "-o", str(run), *more]
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        cli.main()


def settings(**given: object) -> list[str]:
    """As options."""
    values = {"max_epochs": 3, "patience": 3, "min_labels": 1, "batch_size": 9} | given
    return [part for k, v in values.items() for part in ("--set", f"{k}={v}")]


def killed(at: tuple[str, int], work: Callable[[], object]) -> None:
    """Work that is killed before its n-th step, or while it writes its n-th checkpoint."""
    from molre.training.trainer import Trainer

    kind, left = at

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    step, replace = Trainer.step, os.replace

    def counted_step(*arguments: object, **named: object) -> float:
        count()
        return step(*arguments, **named)  # type: ignore[arg-type]

    def counted_replace(source: object, target: object) -> None:
        if "checkpoint" in str(target):
            count()
        replace(source, target)  # type: ignore[arg-type]

    if kind == "step":
        Trainer.step = counted_step  # type: ignore[method-assign]
    else:
        os.replace = counted_replace  # type: ignore[assignment]
    work()


def kills(cohort: Path, folder: Path, seed: int, *more: str) -> object:
    """A run to its end, and another that is killed again and again before its own."""
    draw, codes = random.Random(seed), []
    whole = fork(partial(command, cohort, folder / "whole", *more), folder / "stderr-whole")
    os.waitpid(whole, 0)
    work = partial(command, cohort, folder / "killed", *more)
    points = [("step", draw.randint(2, 5)), ("write", draw.randint(2, 4))] * 2
    for at in (*points, ("never", 0)):
        child = fork(partial(killed, at, work), folder / "stderr-killed")
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        if at[0] == "write" and codes[-1] < 0:  # the file that was being written is no checkpoint
            codes.append(len(list((folder / "killed").glob(".checkpoint*.part"))))
    return codes


def apart(work: Callable[[], object], folder: Path) -> None:
    """Work in a process of its own: the threads that polars starts do not live through a fork."""
    assert os.waitpid(fork(work, folder / "stderr-apart"), 0)[1] == 0


def with_bad_scan(folder: Path) -> None:
    """A cohort whose first study has embeddings that are not finite."""
    import numpy as np

    from molre.backbones.catalogue import load as load_backbone
    from molre.cohort.cohort import Cohort
    from molre.embedding.embed import open_cache
    from tests.helpers.cli.ready import write_ready

    write_ready(folder / "cohort")
    cohort = Cohort(folder / "cohort")
    cache = open_cache(cohort, load_backbone("efficientnet_lite0"))
    splits = cohort.splits()
    patient = splits.row(0, named=True)["patient"]
    cache.put(patient, torch.full((8, 1280), float("inf")), np.arange(8))
    cache.flush()


def ready(folder: Path) -> None:
    """A cohort that can be trained on at once."""
    from tests.helpers.cli.ready import write_ready

    write_ready(folder / "cohort")


def vit(folder: Path) -> None:
    """A backbone; the cohort of scans lies beside it already."""
    from tests.helpers.training.tiny import write_vit

    write_vit(folder / "vit")


def one_fails(folder: Path) -> object:
    """Two processes on a cohort of which one scan cannot be trained on."""
    apart(partial(with_bad_scan, folder), folder)
    work = partial(command, folder / "cohort", folder / "run", *settings())
    return ranks(2, work, folder)


def dies(cohort: Path, folder: Path, step: int, *more: str) -> dict[str, object]:
    """Two processes of which one is killed before a step, and the same again to the end."""
    work = partial(command, cohort, folder / "two", *more)

    def doomed() -> None:
        killed(("step", step), work) if os.environ["RANK"] == "1" else work()

    codes = ranks(2, doomed, folder)
    said = [(folder / f"stderr-{rank}").read_text() for rank in range(2)]
    kept = len(list((folder / "two").glob("checkpoint-*.safetensors")))
    return {"codes": codes, "said": said, "kept": kept, "again": ranks(2, work, folder)}


def one_dies(folder: Path) -> object:
    """Placement slice, by two processes of which one is killed, and by one process alone."""
    apart(partial(ready, folder), folder)
    more = settings(learning_rates=[0.003])
    alone = ranks(1, partial(command, folder / "cohort", folder / "one", *more), folder)
    return dies(folder / "cohort", folder, 7, *more) | {"alone": alone}


def slice_kills(folder: Path) -> object:
    """Placement slice, on embeddings that are there."""
    apart(partial(ready, folder), folder)
    more = settings(learning_rates=[0.001, 0.01])
    return {"codes": kills(folder / "cohort", folder, 1, *more)}


def blocks_kills(folder: Path) -> object:
    """Placement blocks, on scans: by one process, then by two of which one is killed."""
    apart(partial(vit, folder), folder)
    more = settings(budget=0.06, learning_rates=[0.01], batch_size=3)
    options = ["--backbone", f"hf:{folder / 'vit'}", "--placement", "blocks", *more]
    codes = kills(folder / "cohort", folder, 2, *options)
    return {"codes": codes, "two": dies(folder / "cohort", folder, 4, *options)}


def load_everything() -> None:
    """Once for all processes."""
    for name in IMPORTED:
        importlib.import_module(name)
    importlib.import_module("molre.backbones.catalogue").presets()


if __name__ == "__main__":
    load_everything()
    *scenarios, where = sys.argv[1:]
    found = {}
    with contextlib.redirect_stdout(sys.stderr):
        for scenario in scenarios:
            folder = Path(where) / scenario
            folder.mkdir(parents=True, exist_ok=True)
            found[scenario] = globals()[scenario](folder)
    sys.stdout.write(json.dumps(found))
