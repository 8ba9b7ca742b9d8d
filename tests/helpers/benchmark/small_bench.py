"""A cohort and two backbones so small that a whole grid takes seconds; jobs without processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import torch

from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.config import BenchmarkConfig, resolve
from molre.benchmark.job_process import do
from molre.benchmark.plan import Bench
from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.keys import open_salt
from molre.cohort.scans import table
from molre.ct.read import read_series
from molre.workers.job import Job, Outcome, write_outcome
from tests.helpers.cohort.dicoms import write_study

FINDINGS = ("skull_fracture", "epidural_hemorrhage")
SPLITS = ("train",) * 14 + ("tune",) * 4 + ("calibrate",) * 4 + ("test",) * 22
SLICES = 3


def write_small_cohort(
    path: Path,
    splits: Sequence[str] = SPLITS,
    *,
    first: int = 0,
    salt: bytes = b"a salt for tests",
    seed: int = 0,
    slices: int = SLICES,
    thickness: float = 6.0,
) -> Path:
    """44 studies of three slices; half of them have each finding, also in test, by their number.

    Args:
        path: the cohort's folder.
        splits: of its studies.
        first: number of the first study, which is its patient's too.
        salt: of its pseudonyms.
        seed: a scan is a function of its study's number plus this.
        slices, thickness: of each scan, mm.
    """
    open_salt(path / "salt", salt)
    rows, labels, placed = [], [], []
    for i, split in enumerate(splits, start=first):
        place, uid = path / "dicom" / f"{i:02d}", f"1.2.{i + 10}"
        folder = write_study(place, uid, seed=seed + i, slices=slices, thickness=thickness)
        names = sorted(str(p) for p in folder.iterdir())
        key, content = f"study{i:02d}", read_series(names).content_hash
        rows.append(
            {"study": key, "patient": key, "series": key, "files": names, "slices": slices}
            | {"content_hash": content, "pixel_hash": content}
            | {"chosen": True, "eligible": True, "synthetic": True}
        )
        states = (i % 2, i // 2 % 2)
        labels += [
            (key, finding, "present" if state else "absent", "phantom", "", "")
            for finding, state in zip(FINDINGS, states, strict=True)
        ]
        placed.append((key, split))
    write_table(path / "scans.parquet", table(rows))
    columns = ["study_id", "finding", "state", "source", "labeller", "evidence"]
    write_table(path / "labels.parquet", pl.DataFrame(labels, schema=columns, orient="row"))
    pl.DataFrame(placed, schema=["patient", "split"], orient="row").write_csv(path / "splits.csv")
    write_facts(path, synthetic=True)
    return path


def write_tiny_vit(path: Path) -> Path:
    """A checkpoint as transformers writes it: a DINOv2 of four blocks, 16 wide, random weights."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2}
    Dinov2Model(Dinov2Config(**shape, image_size=32, patch_size=16)).save_pretrained(path)
    return path


def config(vit: Path | None = None, **more: object) -> BenchmarkConfig:
    """Three arms at slice, three at blocks where there is a ViT; a budget of seconds."""
    contract = {"size": 32}
    backbones = [{"backbone": "efficientnet_lite0", "slot": "2D, default", "contract": contract}]
    placements = {"slice": {"arms": ["frozen", "mlp_matched", "molre"]}}
    if vit is not None:
        settings = {"budget": 1.0}
        backbones.append(
            {"backbone": f"hf:{vit}", "slot": "2D, tiny", "contract": contract}
            | {"settings": settings}
        )
        placements["blocks"] = {
            "arms": ["frozen", "molre", "mlp_matched"],
            "studies": 20,
            "slices": 2,
            "max_epochs": 1,
        }
    values = {
        "name": "small",
        "backbones": backbones,
        "placements": placements,
        "seeds": [0],
        "learning_rates": [0.003],
        "max_epochs": 3,
        "patience": 1,
        "settings": {"min_labels": 2},
    }
    return resolve(BenchmarkConfig.model_validate(values | more))


def bench(folder: Path, cohort: Path, chosen: BenchmarkConfig) -> Bench:
    """What a run shares."""
    return Bench(chosen, Cohort(cohort), BenchFolder(folder), workers=1)


def inside(jobs: Sequence[Job]) -> Iterator[tuple[Job, Outcome]]:
    """The same work, in this process."""
    for job in jobs:
        outcome = do(job)
        write_outcome(job.file("json"), _asked(outcome, job))
        yield job, outcome


def _asked(outcome: Outcome, job: Job) -> Outcome:
    from dataclasses import replace

    return replace(outcome, asked=job.hash)


def without_times(path: Path) -> pl.DataFrame:
    """table.csv without the one column that a clock writes."""
    return pl.read_csv(path).drop("seconds_per_scan")
