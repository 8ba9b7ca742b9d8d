"""Runs audited together, of a comparison or in a folder: each one, and checks across them."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from molre.arms.arms import METHOD
from molre.audit.audit import Audit, AuditOptions, audit, made
from molre.audit.bench_cells import twins
from molre.audit.bench_tables import read_csv
from molre.audit.benchmark import BenchAudit
from molre.audit.check import (
    DATA,
    FAIL,
    FILES,
    FLAG,
    NUMBERS,
    PASS,
    Check,
    compared,
    not_checked,
)
from molre.audit.differences import cells, table_differences
from molre.audit.report_differences import report, shows_examples
from molre.audit.run_under_audit import strangers
from molre.errors import MolreError
from molre.evaluation.comparison.compare import (
    Comparison,
    compare_runs,
    contrasts_table,
    findings_table,
)
from molre.evaluation.comparison.contrasts import needed_draws
from molre.evaluation.evaluate import score
from molre.output.comparison.report import write_comparison_report
from molre.output.example import Example
from molre.progress import track
from molre.runs.folder import MANIFEST, VALUES, RunFolder
from molre.runs.folder import REPORT as PAGE
from molre.runs.manifest import read_manifest
from molre.runs.run import read_run
from molre.runs.sources import COMPARISON, hashes, read_sources
from molre.table_files import write_csv
from molre.workflows.example_cases import run_examples

WRITTEN = {COMPARISON, "comparison.csv", "contrasts.csv", PAGE, VALUES}
ROW = ("group", "arm", "control", "finding")
BESIDE = "every run beside them is compared"
TWINS = "no run holds the predictions of another"


def audit_comparison(out: Path, asked: AuditOptions) -> BenchAudit:
    """Audit what ``molre compare`` wrote: its tables from the runs again, and each run.

    Args:
        out: its folder.
        asked: of each run's audit.

    Raises:
        MolreError: comparison.json is damaged or newer.
    """
    told = read_sources(out / COMPARISON)
    checks = together(out, told)
    here = [run for run in _runs(out, told) if RunFolder(run).is_whole]
    each = _each(here, asked, checks)
    return BenchAudit(out, tuple(checks), each, "comparison")


def together(out: Path, told: dict[str, Any]) -> list[Check]:
    """What a comparison and its runs owe each other.

    Args:
        out: its folder.
        told: comparison.json.
    """
    runs = _runs(out, told)
    here = [run for run in runs if RunFolder(run).is_whole]
    checks = [*_same_runs(runs, told["runs"]), *_strangers(out, runs)]
    if len(here) == len(runs):
        settings = told.get("settings") or {}
        checks += made(NUMBERS, "tables from the runs", lambda: _tables(out, runs, settings))
        checks += made(DATA, BESIDE, lambda: _beside(runs))
    else:
        checks.append(not_checked(NUMBERS, "tables from the runs", "a run is not available"))
    return checks + made(NUMBERS, TWINS, lambda: twins(here, TWINS))


def _strangers(out: Path, runs: Sequence[Path]) -> Iterator[Check]:
    """Pages and tables beside those of the comparison; a demo's OUT holds other folders as well."""
    folders = {path.name for path in out.glob("*/")} | {run.name for run in runs}
    yield from strangers(out, WRITTEN | folders)


def _runs(out: Path, told: dict[str, Any]) -> list[Path]:
    entries = told.get("runs")
    if not isinstance(entries, list) or not all(_is_entry(one) for one in entries):
        raise MolreError("names no runs", where=out / COMPARISON, fix="run `molre compare` again")
    return [out / entry["path"] for entry in entries]


def audit_runs(folder: Path, asked: AuditOptions) -> BenchAudit:
    """Audit each run of a folder, and that none is another's copy.

    Args:
        folder: with RUN folders in it.
        asked: of each run's audit.
    """
    runs = runs_in(folder)
    checks = list(strangers(folder, {run.name for run in runs}))
    cells_ = _each(runs, asked, checks)
    checks += made(NUMBERS, TWINS, lambda: twins(runs, TWINS))
    return BenchAudit(folder, tuple(checks), cells_, "folder of runs")


def runs_in(folder: Path) -> list[Path]:
    """RUN folders right below a folder."""
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))


def _is_entry(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("path"), str)


def _each(runs: Sequence[Path], asked: AuditOptions, checks: list[Check]) -> tuple[Audit, ...]:
    """An audit of each run; of one that is none, a row among ``checks``."""
    done = []
    for run in track(runs, "auditing runs"):
        try:
            done.append(audit(run, **asked))
        except (MolreError, AttributeError) as error:  # its manifest is none
            said = error.message if isinstance(error, MolreError) else "damaged manifest.json"
            checks.append(Check(FILES, f"run {run.name}", FAIL, said))
    return tuple(done)


def _same_runs(runs: Sequence[Path], entries: Sequence[dict[str, Any]]) -> Iterator[Check]:
    """Runs are those that were compared, byte by byte of what a comparison reads."""
    name, found, seen = "runs are those that were compared", [], 0
    for run, entry in zip(runs, entries, strict=True):
        if not RunFolder(run).is_whole:
            yield not_checked(FILES, name, f"{entry['path']} is not available")
            continue
        told, again = entry.get("sha256") or {}, hashes(run)
        seen += len(again)
        odd = sorted(file for file in {*told, *again} if told.get(file) != again.get(file))
        found += [f"{file} of {run.name} is not the one that was compared" for file in odd]
    if seen:
        yield compared(FILES, name, seen, found)


def _tables(out: Path, runs: Sequence[Path], settings: dict[str, Any]) -> Iterator[Check]:
    again = compare_runs([read_run(run) for run in runs], **settings)
    yield _usual(settings, again)
    tables = {
        "comparison.csv": findings_table(again.result),
        "contrasts.csv": contrasts_table(again.result),
    }
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        for name, table in tables.items():
            words = f"{name} from the runs"
            if not (out / name).is_file():
                yield Check(NUMBERS, words, FAIL, "missing (`molre compare` makes it again)")
                continue
            write_csv(Path(place) / name, table)
            stored, new = read_csv(out / name), read_csv(Path(place) / name)
            keys = [key for key in ROW if key in new.columns]
            yield compared(NUMBERS, words, cells(new), table_differences(stored, new, keys))
        yield from _report(out, Path(place), again, runs)


def _report(out: Path, scratch: Path, again: Comparison, runs: Sequence[Path]) -> Iterator[Check]:
    """The page; it was made with example cases of the first routed run, or with none."""
    examples = _examples(runs) if shows_examples(out) else []
    write_comparison_report(again, scratch / PAGE, examples)
    yield from report(out, scratch, "from the runs", "molre compare")


def _examples(runs: Sequence[Path]) -> list[Example]:
    for run in runs:
        if read_manifest(RunFolder(run)).get("arm") == METHOD:
            return run_examples(score(read_run(run)))
    return []


def _usual(settings: dict[str, Any], again: Comparison) -> Check:
    """Another number of draws, or another seed, may have been chosen for what it shows."""
    first = again.runs[0]
    contrasts = len(again.result.contrasts)
    usual = {
        "draws": needed_draws(contrasts, first.labels, first.patients, first.findings),
        "seed": inspect.signature(compare_runs).parameters["seed"].default,
    }
    odd = [
        f"{name} is {value}, by default {usual.get(name)}"
        for name, value in settings.items()
        if value is not None and value != usual.get(name)
    ]
    name = "settings of the bootstrap"
    return Check(NUMBERS, name, FLAG if odd else PASS, "; ".join(odd) or "as by default")


def _beside(runs: Sequence[Path]) -> Iterator[Check]:
    """Runs of the same split that lie beside those compared: left out for what they showed?"""
    inside = {run.resolve() for run in runs}
    splits = {read_manifest(RunFolder(run)).get("splits_sha256") for run in runs}
    around = sorted({one.resolve() for run in inside for one in runs_in(run.parent)} - inside)
    left = [
        one.name for one in around if read_manifest(RunFolder(one)).get("splits_sha256") in splits
    ]
    if left:
        yield Check(DATA, BESIDE, FLAG, f"{len(left)} are not: {', '.join(left)}")
    else:
        yield Check(DATA, BESIDE, PASS, f"{len(inside)} runs")
