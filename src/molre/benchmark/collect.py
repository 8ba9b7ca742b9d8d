"""From run folders to the rows of the table: what is done, what is not, and what it shows."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from molre.benchmark.bench_folder import Outcome
from molre.benchmark.grid import Cell, Grid, of_backbone
from molre.benchmark.look import Looked, slot_of
from molre.benchmark.plan import Bench, Plan
from molre.benchmark.run import grid_of, known_looks
from molre.errors import MolreError
from molre.evaluation.bootstrap import DRAWS
from molre.evaluation.compare import Comparison, compare_runs
from molre.evaluation.comparison import ArmResult, Contrast
from molre.evaluation.multiplicity import holm
from molre.evaluation.run_files import Run, read_run
from molre.evaluation.verdict import FROZEN, METHOD, Tested, row_verdict
from molre.labels.findings import findings
from molre.output.benchmark_table import LIMIT, BenchmarkRow, BenchmarkTable, Versus
from molre.progress import track

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


def collect(bench: Bench, *, draws: int = DRAWS) -> BenchmarkTable:
    """The table of a benchmark as far as it has come.

    Args:
        bench: its folder and configuration.
        draws: of the paired patient bootstrap.
    """
    looks, grid = known_looks(bench), grid_of(bench)
    read = _read_cells(bench, Plan(bench, looks), grid)
    groups = list(dict.fromkeys((c.backbone, c.placement) for c in grid.cells))
    for group in track(groups, "comparing"):
        runs = [read.runs[c.name] for c in of_backbone(grid.cells, *group) if c.name in read.runs]
        if runs:
            try:
                read.compared[group] = compare_runs(runs, draws=draws, fewest=1)
            except MolreError as error:
                read.unfit[group] = error.message
    tested, versus = _families(read.compared)
    shown = _names(bench, looks)
    rows = tuple(_rows(bench, grid, looks, read, tested, versus, shown))
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
) -> tuple[Tested, dict[Group, tuple[Versus, ...]]]:
    """Holm over the method's contrasts of all backbones, and over those of the other arms."""
    every = [(g, c) for g, comparison in compared.items() for c in comparison.result.contrasts]
    p = np.full(len(every), np.nan)
    for primary in (True, False):
        at = [i for i, (_, c) in enumerate(every) if (c.arm == METHOD) == primary]
        p[at] = holm(np.array([every[i][1].macro.p for i in at]))
    tested: dict[tuple[str, str, str], tuple[float, float]] = {}
    versus: dict[Group, list[Versus]] = {group: [] for group in compared}
    for (group, contrast), adjusted in zip(every, p, strict=True):
        key = ("/".join(group), contrast.arm, contrast.control)
        tested[key] = (contrast.macro.value, float(adjusted))
        versus[group].append(_versus(contrast, float(adjusted)))
    return tested, {group: tuple(found) for group, found in versus.items()}


def _versus(contrast: Contrast, p: float) -> Versus:
    m = contrast.macro
    primary = contrast.arm == METHOD
    return Versus(contrast.arm, contrast.control, m.value, m.low, m.high, p, primary)


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
    tested: Tested,
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
                yield _row(empty, [c for c in cells if c.arm == arm], read, tested, versus)


def _row(
    empty: BenchmarkRow,
    cells: Sequence[Cell],
    read: _Read,
    tested: Tested,
    versus: dict[Group, tuple[Versus, ...]],
) -> BenchmarkRow:
    group, arm = (cells[0].backbone, cells[0].placement), cells[0].arm
    done = [cell.name for cell in cells if cell.name in read.runs]
    row = replace(empty, wanted=len(cells))
    if not done or group in read.unfit:
        return _without_run(row, group, [cell.name for cell in cells], read)
    comparison = read.compared[group]
    result = next(a for a in comparison.result.arms if a.name == arm)
    unconverged = _unconverged(comparison)
    state = "not converged" if arm in unconverged else "done"
    return replace(
        row,
        state="incomplete" if len(done) < len(cells) else state,
        verdict=row_verdict("/".join(group), arm, tested, unconverged),
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


def _unconverged(comparison: Comparison) -> set[str]:
    return {run.arm for run in comparison.runs if not run.manifest.get("converged", True)}


def _find(contrasts: Sequence[Versus], arm: str, control: str) -> Versus | None:
    return next((v for v in contrasts if (v.arm, v.control) == (arm, control)), None)


def _seconds(outcomes: Sequence[Outcome]) -> float | None:
    each = [o.facts["seconds_per_scan"] for o in outcomes if "seconds_per_scan" in o.facts]
    return statistics.median(each) if each else None


def _categories(comparison: Comparison, result: ArmResult) -> dict[str, float]:
    table = findings()
    by_category: dict[str, list[float]] = {}
    for support, estimate in zip(comparison.result.supports, result.aucs, strict=True):
        if support.finding in comparison.result.endpoint and estimate is not None:
            category = table.by_id[support.finding].category
            by_category.setdefault(category, []).append(estimate.value)
    return {category: statistics.fmean(values) for category, values in by_category.items()}


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
        blank_policy=str(manifest.get("blank_policy", "")),
        family=(primary, len(every) - primary),
        draws=draws,
        budget={name: _budget(bench, name) for name in bench.config.placements},
        notes=_notes(bench, read),
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
        f"learning rates {', '.join(f'{rate:g}' for rate in rates)}",
    ]
    if here.studies is not None:
        words.append(f"fitted on {here.studies} studies")
    if here.slices is not None:
        words.append(f"{here.slices} slices a scan")
    return ", ".join(words)


def _notes(bench: Bench, read: _Read) -> tuple[str, ...]:
    notes = []
    tests = {(c.runs[0].studies, c.result.endpoint) for c in read.compared.values()}
    if len(tests) > 1:
        notes.append(
            "Not all groups were tested on the same studies and findings, so compare arms inside "
            "a backbone and placement only; the counts at the top are of the first."
        )
    if any(_unconverged(c) for c in read.compared.values()):
        notes.append(
            "Rows called not converged ended with their budget, not with a plateau on tune: their "
            "numbers say that the path runs, and nothing of how good an arm can be."
        )
    for path in sorted((bench.folder.path / "state").glob("embed-*.json")):
        outcome = bench.folder.outcome(path.stem)
        lost = outcome.facts.get("lost", 0) if outcome is not None else 0
        if lost:
            notes.append(f"{path.stem}: {lost} scans could not be read again and are left out.")
    said = (note for c in read.compared.values() for note in c.notes)
    # how many findings are scored stands at the top, and beside each group
    notes += list(dict.fromkeys(note for note in said if "findings have fewer" not in note))
    return tuple(notes)
