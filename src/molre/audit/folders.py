"""Which kind of folder is given to an audit, and the audit of it."""

from __future__ import annotations

from pathlib import Path

from molre.audit.audit import Audit, AuditOptions, audit
from molre.audit.benchmark import BenchAudit, audit_benchmark, is_benchmark
from molre.audit.consistency import audit_consistency
from molre.audit.several import audit_comparison, audit_runs, runs_in
from molre.errors import MolreError
from molre.runs.folder import RunFolder
from molre.runs.sources import COMPARISON, CONSISTENCY

_FROM_BEFORE = {"contrasts.csv": "molre compare", "consistency.csv": "molre consistency"}


def audit_folder(folder: Path, asked: AuditOptions) -> Audit | BenchAudit:
    """Audit a run, an external evaluation, a benchmark, a comparison, a consistency check or runs.

    Args:
        folder: any of them.
        asked: what the audit of each run is asked.

    Raises:
        MolreError: it is none of them, or what it is to be checked against is not there.
    """
    for option, place in (("--cohort", "cohort"), ("--weights-dir", "weights_dir")):
        given = asked.get(place)
        if given is not None and not Path(str(given)).is_dir():
            raise MolreError("no such folder", where=str(given), fix=f"give an existing {option}")
    if is_benchmark(folder):
        return audit_benchmark(folder, **asked)
    if RunFolder(folder).is_whole:
        return audit(folder, **asked)
    if (folder / COMPARISON).is_file():
        return audit_comparison(folder, asked)
    if (folder / CONSISTENCY).is_file():
        return audit_consistency(folder, asked)
    for table, verb in _FROM_BEFORE.items():
        if (folder / table).is_file():
            raise MolreError(
                f"does not say what {table} was made from",
                where=folder,
                fix=f"run `{verb}` again, which records it",
            )
    if runs_in(folder):
        return audit_runs(folder, asked)
    return audit(folder, **asked)  # says what is wrong with it
