"""From run folders to the rows of the table: what is done, what is not, and what it shows."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from molre.benchmark.grid import Cell, Grid, of_backbone
from molre.benchmark.inspect_backbone import Looked, slot_of
from molre.benchmark.plan import Bench, Plan
from molre.benchmark.run_grid import grid_of, known_looks
from molre.errors import MolreError
from molre.evaluation.comparison.compare import Comparison, compare_runs
from molre.evaluation.comparison.contrast import Contrast
from molre.evaluation.comparison.contrasts import ArmResult, needed_draws
from molre.evaluation.comparison.families import (
    contrast_names,
    evidence_of,
    judged,
    smallest_p,
)
from molre.evaluation.comparison.verdict import (
    FROZEN,
    METHOD,
    ArmFacts,
    Evidence,
    row_verdict,
)
from molre.evaluation.run_files import Run, read_run
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.labels.findings import findings
from molre.output.benchmark_table import LIMIT, BenchmarkRow, BenchmarkTable, Versus
from molre.progress import track
from molre.workers.job import Outcome

Group = tuple[str, str]  # backbone, placement


@dataclass
class _Read:
    """What the run folders hold."""

    runs: dict[str, Run] = field(default_factory=dict)  # by cell
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    barred: dict[str, str] = field(default_factory=dict)  # found not applicable in training
    missing: list[str] = field(default_factory=list)
    compared: dict[Group, Comparison] = field(default_factory=dict)
    unfit: dict[Group, str] = field(default_factory=dict)  # why a group cannot be compared


def collect(bench: Bench, *, draws: int | None = None) -> BenchmarkTable:
    """The table of a benchmark as far as it has come.

    Args:
        bench: its folder and configuration.
        draws: of the paired patient bootstrap; enough for the number of contrasts by default.
    """
    looks, grid = known_looks(bench), grid_of(bench)
    read = _read_cells(bench, Plan(bench, looks), grid)
    groups: dict[Group, list[Run]] = {}
    for cell in grid.cells:
        if cell.name in read.runs:
            groups.setdefault((cell.backbone, cell.placement), []).append(read.runs[cell.name])
    draws = _needed_draws(groups) if draws is None else draws
    for group in track(list(groups), "comparing"):
        try:
            read.compared[group] = compare_runs(groups[group], draws=draws, fewest=1)
        except MolreError as error:
            read.unfit[group] = _shorter(error.message, bench)
    evidence, versus = _families(read.compared)
    shown = _names(bench, looks)
    rows = tuple(_rows(bench, grid, looks, read, evidence, versus, shown))
    return _table(bench, read, rows, versus, shown, draws)


def _read_cells(bench: Bench, plan: Plan, grid: Grid) -> _Read:
    read = _Read()
    for cell in grid.cells:
        outcome = bench.folder.outcome(cell.name)
        try:
            if plan.is_done(cell):
                assert outcome is not None
                read.runs[cell.name] = read_run(bench.folder.cell(cell.name))
                read.outcomes[cell.name] = outcome
                continue
        except MolreError as error:
            read.failed[cell.name] = error.message
            continue
        if outcome is None or outcome.state == "done":
            read.missing.append(cell.name)
        elif outcome.state == "not applicable":
            read.barred[cell.name] = outcome.reason
        else:
            tries = f" ({outcome.attempts} attempts)" if outcome.attempts > 1 else ""
            read.failed[cell.name] = outcome.reason + tries
    read.failed = {name: _shorter(why, bench) for name, why in read.failed.items()}
    return read


def _shorter(reason: str, bench: Bench) -> str:
    """Without the place of BENCH, here or where the cell was tried; a report should not tell it."""
    here = reason.replace(f"{bench.folder.path}/", "")
    return re.sub(r"(?<=see )/.*/(?=state/[^/]*$)", "", here)


def _families(
    compared: dict[Group, Comparison],
) -> tuple[Evidence, dict[Group, tuple[Versus, ...]]]:
    """The families that ``molre compare`` adjusts, over all backbones and placements together."""
    contrasts: list[Contrast] = []
    facts: dict[tuple[str, str], ArmFacts] = {}
    for group, comparison in compared.items():
        name = "/".join(group)
        contrasts += [replace(c, group=name) for c in comparison.result.contrasts]
        facts |= {(name, arm): known for (_, arm), known in comparison.result.facts.items()}
    held = judged(contrasts, facts)
    versus = {
        group: tuple(_versus(c) for c in held if c.group == "/".join(group)) for group in compared
    }
    return evidence_of(held, facts), versus


def _versus(contrast: Contrast) -> Versus:
    m = contrast.macro
    return Versus(
        contrast.arm, contrast.control, m.value, m.low, m.high, m.p_adjusted, contrast.primary, m.p,
        contrast.detectable,
    )  # fmt: skip


def _needed_draws(groups: dict[Group, list[Run]]) -> int:
    """Resamples for all contrasts of the benchmark: those of a group are adjusted with the rest."""
    contrasts = sum(
        len(contrast_names(list(dict.fromkeys(run.arm for run in runs))))
        for runs in groups.values()
    )
    needed = (
        needed_draws(contrasts, runs[0].labels, runs[0].patients, runs[0].findings)
        for runs in groups.values()
    )
    return max(needed, default=DRAWS)


def _names(bench: Bench, looks: dict[str, Looked]) -> dict[str, str]:
    """What the table calls each backbone: what its runs call it, never a path."""
    shown: dict[str, str] = {}
    for choice in bench.config.backbones:
        looked = looks.get(choice.backbone)
        name = looked.name if looked is not None else choice.backbone
        shown[choice.backbone] = f"{name} (another)" if name in shown.values() else name
    return shown


def _rows(
    bench: Bench,
    grid: Grid,
    looks: dict[str, Looked],
    read: _Read,
    evidence: Evidence,
    versus: dict[Group, tuple[Versus, ...]],
    shown: dict[str, str],
) -> Iterator[BenchmarkRow]:
    barred = {(n.backbone, n.placement, n.arm): n.reason for n in grid.not_applicable}
    for choice in bench.config.backbones:
        looked = looks.get(choice.backbone)
        for placement, here in bench.config.placements.items():
            cells = of_backbone(grid.cells, choice.backbone, placement)
            for arm in here.names(placement):
                empty = BenchmarkRow(
                    backbone=shown[choice.backbone],
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
                yield _row(empty, [c for c in cells if c.arm == arm], read, evidence, versus)


def _row(
    empty: BenchmarkRow,
    cells: Sequence[Cell],
    read: _Read,
    evidence: Evidence,
    versus: dict[Group, tuple[Versus, ...]],
) -> BenchmarkRow:
    group, arm = (cells[0].backbone, cells[0].placement), cells[0].arm
    done = [cell.name for cell in cells if cell.name in read.runs]
    row = replace(empty, wanted=len(cells))
    if not done or group in read.unfit:
        return _without_run(row, group, [cell.name for cell in cells], read)
    comparison = read.compared[group]
    result = next(a for a in comparison.result.arms if a.name == arm)
    state = "done" if result.facts.converged else "not converged"
    return replace(
        row,
        state="incomplete" if len(done) < len(cells) else state,
        verdict=row_verdict("/".join(group), arm, evidence),
        at_edge=result.facts.at_edge,
        converged=result.facts.converged,
        seeds=len(done),
        added=read.runs[done[0]].manifest["added_parameters"],
        auc=result.macro.value,
        low=result.macro.low,
        high=result.macro.high,
        spread=result.spread,
        frozen=_find(versus[group], arm, FROZEN),
        method=_find(versus[group], METHOD, arm) if arm != FROZEN else None,
        above=sum(1 for e in result.aucs if e is not None and e.value > LIMIT),
        scored=sum(1 for e in result.aucs if e is not None),
        seconds=_seconds([read.outcomes[name] for name in done]),
        endpoint=len(comparison.result.endpoint),
        categories=_categories(comparison, result),
        cells=tuple(done),
    )


def _without_run(
    row: BenchmarkRow, group: Group, names: Sequence[str], read: _Read
) -> BenchmarkRow:
    """State and verdict of an arm that has no number."""
    if group in read.unfit:
        return replace(row, state="failed", verdict=f"cannot be compared: {read.unfit[group]}")
    barred = next((read.barred[n] for n in names if n in read.barred), None)
    if barred is not None:
        return replace(row, state="not applicable", verdict=barred)
    failed = next((read.failed[n] for n in names if n in read.failed), None)
    return row if failed is None else replace(row, state="failed", verdict=f"failed: {failed}")


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


def _table(
    bench: Bench,
    read: _Read,
    rows: tuple[BenchmarkRow, ...],
    versus: dict[Group, tuple[Versus, ...]],
    shown: dict[str, str],
    draws: int,
) -> BenchmarkTable:
    first = next(iter(read.compared.values()), None)
    every = [v for found in versus.values() for v in found]
    primary = sum(1 for v in every if v.primary)
    manifest = first.runs[0].manifest if first is not None else {}
    return BenchmarkTable(
        name=bench.config.name,
        synthetic=bench.cohort.synthetic,
        rows=rows,
        contrasts={(shown[backbone], place): v for (backbone, place), v in versus.items()},
        categories=_category_sizes(first),
        studies=first.studies if first is not None else 0,
        patients=first.patients if first is not None else 0,
        findings=len(first.result.supports) if first is not None else 0,
        endpoint=len(first.result.endpoint) if first is not None else 0,
        size=first.result.size if first is not None else "",
        blank_policy=str(manifest.get("blank_policy", "")),
        family=(primary, len(every) - primary),
        draws=draws,
        smallest_p=max(
            (c.result.smallest_p for c in read.compared.values()), default=smallest_p(draws)
        ),
        budget={name: _budget(bench, name) for name in bench.config.placements},
        notes=_notes(bench, read, shown),
        failed=tuple(read.failed.items()),
        missing=tuple(read.missing),
    )


def _category_sizes(comparison: Comparison | None) -> dict[str, int]:
    if comparison is None:
        return {}
    table = findings()
    names = [table.by_id[finding].category for finding in comparison.result.endpoint]
    order = dict.fromkeys(f.category for f in table)
    return {name: names.count(name) for name in order if name in names}


def _budget(bench: Bench, placement: str) -> str:
    here = bench.config.placements[placement]
    config = bench.config
    rates = here.learning_rates or config.learning_rates
    words = [
        f"up to {here.max_epochs or config.max_epochs} epochs",
        f"patience {here.patience or config.patience}",
        f"learning rates {', '.join(f'{rate:g}' for rate in rates)}"
        + ", more while the best is at an edge" * (len(rates) > 1),
    ]
    if here.studies is not None:
        words.append(f"fitted on {here.studies} studies")
    if here.slices is not None:
        words.append(f"{here.slices} slices a scan")
    return ", ".join(words)


def _notes(bench: Bench, read: _Read, shown: dict[str, str]) -> tuple[str, ...]:
    notes = []
    tests = {(c.runs[0].studies, c.result.endpoint) for c in read.compared.values()}
    if len(tests) > 1:
        notes.append(
            "Not all groups were tested on the same studies and findings, so compare arms inside "
            "a backbone and placement only; the counts at the top are of the first."
        )
    arms = [arm for comparison in read.compared.values() for arm in comparison.result.arms]
    if any(arm.facts.at_edge for arm in arms):
        notes.append(
            "Rows marked rate at the edge did best with the first or last learning rate of the "
            "grid: a wider grid may change their numbers, and each difference with them."
        )
    if not all(arm.facts.converged for arm in arms):
        notes.append(
            "Rows called not converged ended with their budget, not with a plateau on tune: their "
            "numbers say that the path runs, and nothing of how good an arm can be."
        )
    for path in sorted((bench.folder.path / "state").glob("embed-*.json")):
        outcome = bench.folder.outcome(path.stem)
        lost = outcome.facts.get("lost", 0) if outcome is not None else 0
        if lost:
            notes.append(f"{path.stem}: {lost} scans could not be read again and are left out.")
    notes += list(dict.fromkeys(_group_notes(read, shown)))
    return tuple(notes)


# how many findings are scored stands at the top, what training left open in each row
_TOLD = ("findings have fewer than ten", "did not converge", "at the edge of the grid")


def _group_notes(read: _Read, shown: dict[str, str]) -> Iterator[str]:
    """Notes of each group; those that name an arm say of which group it is."""
    for (backbone, placement), comparison in read.compared.items():
        for note in comparison.notes:
            if any(words in note for words in _TOLD):
                continue
            of_arm = note.startswith("In ") or "did not route" in note
            yield f"{shown[backbone]}, {placement}: {note}" if of_arm else note
