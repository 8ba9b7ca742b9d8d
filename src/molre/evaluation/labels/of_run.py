"""The audit of a run's labels, kept in the run, so that evaluating again gives the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from molre import files
from molre.errors import MolreError
from molre.evaluation.labels.agreement_file import AGREEMENT, MeasuredLabels, read_agreement
from molre.runs.folder import RunFolder


def adopt(audit: Path, run: RunFolder) -> None:
    """Copy what an audit measured into a run.

    Args:
        audit: folder of ``molre label-audit``, or its agreement.json.
        run: that was trained and tested on the audited labels.

    Raises:
        MolreError: there is no audit, or it compares two labelers, neither of whom is the truth.
    """
    measured = read_agreement(audit)
    if measured.two_labelers:
        raise MolreError(
            "compares two labelers: how often either is right is not known",
            where=audit,
            fix="give an audit against the truth",
        )
    file = audit / AGREEMENT if audit.is_dir() else audit
    files.write_bytes(run.label_audit, file.read_bytes())


def measured_labels(run: RunFolder) -> MeasuredLabels | None:
    """What the run keeps of an audit of its labels; None without one.

    Raises:
        MolreError: it is damaged.
    """
    return read_agreement(run.label_audit) if run.label_audit.is_file() else None


def strangers(measured: MeasuredLabels, sources: Mapping[str, int]) -> tuple[str, ...]:
    """Labelers of a run's test studies whose labels the audit did not look at.

    Args:
        measured: the audit.
        sources: studies by source and labeller, as data.json has them.
    """
    return tuple(sorted(set(sources) - set(measured.labelers)))
