"""From run folders to the rows of the table: what is done, what is not, and what it shows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from molre.arms.arms import FROZEN, METHOD
from molre.benchmark.grid import Grid, of_backbone
from molre.benchmark.inspect_backbone import BackboneFacts, slot_of
from molre.benchmark.judged import Group, Judged, draws_for
from molre.benchmark.plan import Bench, Plan
from molre.benchmark.read_cells import CellRead, read_cell, without_place
from molre.benchmark.run_grid import grid_of, known_looks
from molre.errors import MolreError
from molre.evaluation.comparison.compare import Comparison, compare_runs
from molre.evaluation.comparison.contrasts import ArmResult
from molre.evaluation.comparison.families import smallest_p
from molre.evaluation.comparison.verdict import row_verdict
from molre.labels.findings import findings
from molre.output.benchmark.table import LIMIT, BenchmarkRow, BenchmarkTable, Versus
from molre.progress import track
from molre.runs.run import Run
from molre.workers.job import Outcome


def collect(bench: Bench, *, draws: int | None = None) -> BenchmarkTable:
    """The table of a benchmark as far as it has come.

    Args:
        bench: its folder and configuration.
        draws: of the paired patient bootstrap; enough for the number of contrasts by default.
    """
    looks, grid = known_looks(bench), grid_of(bench)
    plan = Plan(bench, looks)
    cells = {cell.name: read_cell(plan, cell) for cell in grid.cells}
    groups: dict[Group, list[Run]] = {}
    for read in cells.values():
        if read.run is not None:
            groups.setdefault((read.cell.backbone, read.cell.placement), []).append(read.run)
    draws = draws_for(groups) if draws is None else draws
    compared: dict[Group, Comparison] = {}
    unfit: dict[Group, str] = {}
    for group in track(list(groups), "comparing"):
        try:
            compared[group] = compare_runs(groups[group], draws=draws, fewest=1)
        except MolreError as error:
            unfit[group] = without_place(error.message, bench)
    return _Collected(bench, looks, grid, cells, Judged(compared), unfit, draws).table()


@dataclass(frozen=True)
class _Collected:
    """All that the table is made from.

    Attributes:
        bench: its folder and configuration.
        looks: what is known of each backbone.
        grid: cells, and what is not applicable.
        cells: by name.
        judged: the groups that could be compared, and their verdicts.
        unfit: why a group cannot be compared.
        draws: of the bootstrap.
    """

    bench: Bench
    looks: dict[str, BackboneFacts]
    grid: Grid
    cells: dict[str, CellRead]
    judged: Judged
    unfit: dict[Group, str]
    draws: int

    @cached_property
    def shown(self) -> dict[str, str]:
        """What the table calls each backbone: what its runs call it, never a path."""
        shown: dict[str, str] = {}
        for choice in self.bench.config.backbones:
            looked = self.looks.get(choice.backbone)
            name = looked.name if looked is not None else choice.backbone
            shown[choice.backbone] = f"{name} (another)" if name in shown.values() else name
        return shown

    def table(self) -> BenchmarkTable:
        first = next(iter(self.judged.compared.values()), None)
        every = [v for found in self.judged.versus.values() for v in found]
        primary = sum(1 for v in every if v.primary)
        manifest = first.runs[0].manifest if first is not None else {}
        config, read = self.bench.config, self.cells.items()
        return BenchmarkTable(
            name=config.name,
            synthetic=self.bench.cohort.synthetic,
            rows=tuple(self.rows()),
            contrasts={
                (self.shown[name], place): v for (name, place), v in self.judged.versus.items()
            },
            categories=_category_sizes(first),
            studies=first.studies if first is not None else 0,
            patients=first.patients if first is not None else 0,
            findings=len(first.result.supports) if first is not None else 0,
            endpoint=len(first.result.endpoint) if first is not None else 0,
            size=first.result.size if first is not None else "",
            blank_policy=str(manifest.get("blank_policy", "")),
            family=(primary, len(every) - primary),
            draws=self.draws,
            smallest_p=max(
                (c.result.smallest_p for c in self.judged.compared.values()),
                default=smallest_p(self.draws),
            ),
            budget={name: _budget(self.bench, name) for name in config.placements},
            notes=self.notes(),
            failed=tuple((name, cell.reason) for name, cell in read if cell.state == "failed"),
            missing=tuple(name for name, cell in read if cell.state == "missing"),
        )

    def rows(self) -> Iterator[BenchmarkRow]:
        """In the order of the configuration."""
        barred = {(n.backbone, n.placement, n.arm): n.reason for n in self.grid.not_applicable}
        for choice in self.bench.config.backbones:
            looked = self.looks.get(choice.backbone)
            for placement, here in self.bench.config.placements.items():
                cells = of_backbone(self.grid.cells, choice.backbone, placement)
                for arm in here.names(placement):
                    empty = BenchmarkRow(
                        backbone=self.shown[choice.backbone],
                        slot=slot_of(choice),
                        placement=placement,
                        arm=arm,
                        state="missing",
                        verdict="not run yet",
                        parameters=looked.parameters if looked is not None else None,
                    )
                    reason = barred.get((choice.backbone, placement, arm))
                    if reason is not None:
                        yield replace(empty, state="not applicable", verdict=reason)
                        continue
                    read = [self.cells[cell.name] for cell in cells if cell.arm == arm]
                    yield self.row(replace(empty, wanted=len(read)), read)

    def row(self, empty: BenchmarkRow, cells: Sequence[CellRead]) -> BenchmarkRow:
        """One arm over its seeds.

        Args:
            empty: says which.
            cells: of the arm, one a seed.
        """
        group, arm = (cells[0].cell.backbone, cells[0].cell.placement), empty.arm
        if group in self.unfit:
            return replace(
                empty, state="failed", verdict=f"cannot be compared: {self.unfit[group]}"
            )
        runs = {c.cell.name: c.run for c in cells if c.run is not None}
        if not runs:
            return _without_run(empty, cells)
        comparison, versus = self.judged.compared[group], self.judged.versus[group]
        result = next(a for a in comparison.result.arms if a.name == arm)
        state = "done" if result.facts.converged else "not converged"
        return replace(
            empty,
            state="incomplete" if len(runs) < len(cells) else state,
            verdict=row_verdict("/".join(group), arm, self.judged.evidence),
            at_edge=result.facts.at_edge,
            converged=result.facts.converged,
            seeds=len(runs),
            added=next(iter(runs.values())).manifest["added_parameters"],
            auc=result.macro.value,
            low=result.macro.low,
            high=result.macro.high,
            spread=result.spread,
            frozen=_find(versus, arm, FROZEN),
            method=_find(versus, METHOD, arm) if arm != FROZEN else None,
            above=sum(1 for e in result.aucs if e is not None and e.value > LIMIT),
            scored=sum(1 for e in result.aucs if e is not None),
            seconds=_seconds([c.outcome for c in cells if c.outcome is not None]),
            endpoint=len(comparison.result.endpoint),
            categories=_categories(comparison, result),
            cells=tuple(runs),
        )

    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        bench = self.bench
        notes = []
        tests = {(c.runs[0].studies, c.result.endpoint) for c in self.judged.compared.values()}
        if len(tests) > 1:
            notes.append(
                "Not all groups were tested on the same studies and findings, so compare arms "
                "only within one backbone and placement; the counts at the top are for the first."
            )
        arms = [
            arm for comparison in self.judged.compared.values() for arm in comparison.result.arms
        ]
        if any(arm.facts.at_edge for arm in arms):
            notes.append(
                "Rows marked rate at the edge did best with the first or last learning rate of the "
                "grid: a wider grid may change their numbers, and every difference along with them."
            )
        if not all(arm.facts.converged for arm in arms):
            notes.append(
                "Rows marked not converged ran out of budget before a plateau on tune: their "
                "numbers show that the pipeline runs, not how good an arm can be."
            )
        for path in sorted((bench.folder.path / "state").glob("embed-*.json")):
            outcome = bench.folder.outcome(path.stem)
            lost = outcome.facts.get("lost", 0) if outcome is not None else 0
            if lost:
                notes.append(f"{path.stem}: {lost} scans could not be read again and are left out.")
        notes += list(dict.fromkeys(self._group_notes()))
        return tuple(notes)

    def _group_notes(self) -> Iterator[str]:
        """Notes of each group; those that name an arm say of which group it is."""
        for (backbone, placement), comparison in self.judged.compared.items():
            for note in comparison.notes:
                if any(words in note for words in _TOLD):
                    continue
                of_arm = note.startswith("In ") or "did not route" in note
                yield f"{self.shown[backbone]}, {placement}: {note}" if of_arm else note


# how many findings are scored stands at the top, what training left open in each row
_TOLD = ("findings have fewer than ten", "did not converge", "at the edge of the grid")


def _without_run(empty: BenchmarkRow, cells: Sequence[CellRead]) -> BenchmarkRow:
    """State and verdict of an arm that has no number."""
    for state, said in (("not applicable", ""), ("failed", "failed: ")):
        for read in cells:
            if read.state == state:
                return replace(empty, state=state, verdict=said + read.reason)
    return empty


def _find(contrasts: Sequence[Versus], arm: str, control: str) -> Versus | None:
    return next((v for v in contrasts if (v.arm, v.control) == (arm, control)), None)


def _seconds(outcomes: Sequence[Outcome]) -> float | None:
    each = [o.facts["seconds_per_scan"] for o in outcomes if "seconds_per_scan" in o.facts]
    return statistics.median(each) if each else None


def _categories(comparison: Comparison, result: ArmResult) -> dict[str, float]:
    table = findings()
    weights = dict(zip(comparison.result.endpoint, comparison.result.weights, strict=True))
    by_category: dict[str, list[tuple[float, float]]] = {}
    for support, estimate in zip(comparison.result.supports, result.aucs, strict=True):
        if support.finding in weights and estimate is not None:
            category = table.by_id[support.finding].category
            weighed = estimate.value, weights[support.finding]
            by_category.setdefault(category, []).append(weighed)
    return {
        category: statistics.fmean(*map(list, zip(*values, strict=True)))
        for category, values in by_category.items()
    }


def _category_sizes(comparison: Comparison | None) -> dict[str, int]:
    if comparison is None:
        return {}
    table = findings()
    names = [table.by_id[finding].category for finding in comparison.result.endpoint]
    order = dict.fromkeys(f.category for f in table)
    return {name: names.count(name) for name in order if name in names}


def _budget(bench: Bench, placement: str) -> str:
    here, budget = bench.config.placements[placement], bench.config.budget_at(placement)
    rates = budget.learning_rates
    most = f"{budget.max_epochs} epochs" if budget.max_epochs else f"{budget.max_steps} steps"
    patience = budget.patience or f"{budget.patience_steps} steps"
    words = [
        f"up to {most}",
        f"patience {patience}",
        f"learning rates {', '.join(f'{rate:g}' for rate in rates)}"
        + ", more while the best is at an edge" * (len(rates) > 1),
    ]
    if here.studies is not None:
        words.append(f"fitted on {here.studies} studies")
    if here.slices is not None:
        words.append(f"{here.slices} slices per scan")
    return ", ".join(words)
