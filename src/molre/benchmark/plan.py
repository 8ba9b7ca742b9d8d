"""From cells to jobs: which are done, what each is asked to do, and what it needs first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from molre.arms.arms import ARMS, FROZEN
from molre.backbones.catalogue import contract_from_dict
from molre.benchmark.bench_folder import BenchFolder
from molre.benchmark.config import BackboneChoice, BenchmarkConfig
from molre.benchmark.grid import Cell, slug
from molre.benchmark.inspect_backbone import BackboneFacts
from molre.benchmark.job_process import PROGRAM
from molre.benchmark.subset import subset
from molre.cohort.cohort import Cohort
from molre.runs.done import is_done
from molre.runs.folder import RunFolder
from molre.training.config import DEFAULTS, TrainConfig
from molre.training.load_splits import data_hashes
from molre.workers.job import Job, Outcome, write_outcome

DECIDING = ("budget", "num_experts", "r", "router_hidden")  # settings that bar arms


class BenchCohort(Protocol):
    """What a benchmark's tables ask of a cohort; an audit may know no more of one that is gone."""

    @property
    def path(self) -> Path:
        """Its folder."""
        ...

    @property
    def synthetic(self) -> bool:
        """Its scans are phantoms."""
        ...


@dataclass(frozen=True)
class Bench:
    """What all jobs of a benchmark share.

    Attributes:
        config: resolved.
        cohort: the whole one.
        folder: BENCH.
        device: torch device.
        workers: processes that embed.
    """

    config: BenchmarkConfig
    cohort: BenchCohort
    folder: BenchFolder
    device: str = "cpu"
    workers: int | None = None

    @property
    def state(self) -> str:
        """Folder of the jobs' files."""
        return str(self.folder.path / "state")

    @cached_property
    def cohorts(self) -> dict[str, Path]:
        """The cohort that each placement is trained on."""
        return {
            name: self.cohort.path
            if here.studies is None
            else subset(Cohort(self.cohort.path), here.studies, self.folder.path / "cohorts" / name)
            for name, here in self.config.placements.items()
        }

    @cached_property
    def hashes(self) -> dict[str, dict[str, str]]:
        """Of the data of each placement."""
        return {name: data_hashes(Cohort(path)) for name, path in self.cohorts.items()}

    def choice(self, backbone: str) -> BackboneChoice:
        """A backbone of the configuration."""
        return next(c for c in self.config.backbones if c.backbone == backbone)

    def look_jobs(self) -> dict[str, Job]:
        """For each backbone the job that finds out what it is; a second try would find the same.

        It is named by all that it asks, so that what another configuration has found out stays.
        """
        jobs = {}
        for choice in self.config.backbones:
            configs = {p: self._about(choice, p) for p in self.config.placements}
            facts = {"choice": choice.model_dump(mode="json"), "configs": configs}
            job = Job(PROGRAM, "look", "look", self.state, facts, attempts=1)
            name = f"look-{slug(choice.backbone)}-{job.hash[:8]}"
            jobs[choice.backbone] = replace(job, name=name)
        return jobs

    def _about(self, choice: BackboneChoice, placement: str) -> dict[str, Any]:
        """What decides which arms a backbone can have."""
        config = self.config.run_config(choice, placement, FROZEN, 0)
        return {"placement": placement, **{name: getattr(config, name) for name in DECIDING}}


@dataclass(frozen=True)
class Plan:
    """Jobs of the cells, with what the look at their backbones found.

    Attributes:
        bench: what all share.
        looks: by backbone; one that could not be loaded is absent.
    """

    bench: Bench
    looks: Mapping[str, BackboneFacts]

    def run_config(self, cell: Cell) -> TrainConfig:
        """Of a cell's run."""
        config, choice = self.bench.config, self.bench.choice(cell.backbone)
        contract = self._contract(cell.backbone, cell.placement)
        return config.run_config(choice, cell.placement, cell.arm, cell.seed, contract)

    def is_done(self, cell: Cell) -> bool:
        """Whether a cell's run is whole, and was scored and timed.

        Raises:
            MolreError: a run of another configuration or of other data is in its place.
        """
        outcome = self.bench.folder.outcome(cell.name)
        scored = outcome is not None and outcome.state == "done"
        run, hashes = RunFolder(self.bench.folder.cell(cell.name)), self.bench.hashes
        if cell.backbone not in self.looks:
            return scored and run.is_whole
        wanted = self.run_config(cell).model_dump(mode="json")
        return is_done(run, wanted, DEFAULTS, hashes[cell.placement]) and scored

    def job(self, cell: Cell) -> Job:
        """A cell as a job."""
        facts = {
            **self._common(cell.backbone, cell.placement),
            "run": str(self.bench.folder.cell(cell.name)),
            "config": self.run_config(cell).model_dump(mode="json"),
        }
        return Job(PROGRAM, "cell", cell.name, self.bench.state, facts)

    def embeddings(self, cells: Sequence[Cell]) -> list[Job]:
        """One pass for each backbone, contract and cohort that a frozen network embeds."""
        jobs: dict[str, Job] = {}
        for cell in cells:
            if needs_embedding(cell):
                name = embedding_name(cell)
                facts = self._common(cell.backbone, cell.placement)
                jobs.setdefault(name, Job(PROGRAM, "embed", name, self.bench.state, facts))
        return list(jobs.values())

    def without_lost(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells whose backbone could be loaded; the others are recorded as failed."""
        lost = [cell for cell in cells if cell.backbone not in self.looks]
        for cell in lost:
            outcome = self.bench.folder.outcome(self.bench.look_jobs()[cell.backbone].name)
            self._fail(cell, outcome.reason if outcome else "nothing is known about its backbone")
        return [cell for cell in cells if cell.backbone in self.looks]

    def without_embedding(self, cells: Sequence[Cell], passes: Mapping[str, Outcome]) -> list[Cell]:
        """The cells whose embedding pass did not fail; the others are recorded as failed."""
        kept = []
        for cell in cells:
            outcome = passes.get(embedding_name(cell)) if needs_embedding(cell) else None
            if outcome is not None and outcome.state == "failed":
                self._fail(cell, f"embedding: {outcome.reason}")
            else:
                kept.append(cell)
        return kept

    def _fail(self, cell: Cell, reason: str) -> None:
        write_outcome(self.bench.folder.state(cell.name), Outcome("failed", reason))

    def _common(self, backbone: str, placement: str) -> dict[str, Any]:
        config, choice = self.bench.config, self.bench.choice(backbone)
        contract = self._contract(backbone, placement)
        request = choice.request(
            contract,
            device=self.bench.device,
            precision=config.run_config(choice, placement, FROZEN, 0).precision,
        )
        return {
            "backbone": request.to_dict(),
            "cohort": str(self.bench.cohorts[placement]),
            "workers": self.bench.workers,
        }

    def _contract(self, backbone: str, placement: str) -> Any:
        """The contract of a placement's runs, or None for the backbone's own."""
        slices = self.bench.config.placements[placement].slices
        looked = self.looks[backbone]
        if slices is None or looked.kind != "2d":
            return self.bench.choice(backbone).own_contract()
        return contract_from_dict(backbone, {**looked.contract, "max_slices": slices})


def needs_embedding(cell: Cell) -> bool:
    """Whether a cell works on the embeddings of the backbone as it is."""
    return ARMS[cell.arm].inside(cell.placement) is None


def embedding_name(cell: Cell) -> str:
    """The embedding pass that a cell shares with others."""
    return f"embed-{slug(cell.backbone)}-{cell.placement}"
