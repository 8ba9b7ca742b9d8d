"""agreement.json: what an audit of labels measured, as numbers, for whoever goes on with them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from molre.errors import MolreError
from molre.evaluation.labels.agreement import Agreement, LabelAudit
from molre.evaluation.statistics.estimate import Estimate

AGREEMENT = "agreement.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Rates:
    """How well labels of one finding tell the truth, as an audit measured it."""

    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class MeasuredLabels:
    """What ``molre evaluate --label-audit`` needs of an audit.

    Attributes:
        labelers: source and labeller of the labels that were audited, with their studies.
        truth: likewise of what they were held against.
        rates: by finding, where both could be measured.
        two_labelers: neither table is the truth, so that nothing follows for a model.
        grouped: whether patients were known.
    """

    labelers: dict[str, int]
    truth: dict[str, int]
    rates: dict[str, Rates]
    two_labelers: bool
    grouped: bool


def agreement_json(audit: LabelAudit, about: dict[str, Any]) -> str:
    """The content of agreement.json.

    Args:
        audit: the numbers.
        about: what the two tables are: ``labelers``, ``truth``, ``two_labelers`` and more.
    """
    left = asdict(audit.cells.left)
    content = {
        "format_version": FORMAT_VERSION,
        **about,
        "grouped": audit.grouped,
        "sampled": audit.cells.stratum is not None,
        "studies": audit.cells.shared,
        "patients": audit.cells.clusters if audit.grouped else None,
        "not_compared": left,
        "findings": [_agreement(one) for one in audit.findings],
        "micro": _agreement(audit.micro),
        "macro": {name: _estimate(one) for name, one in audit.macro.items()},
        "states": {
            state: {name: _estimate(one) for name, one in numbers.items()}
            for state, numbers in audit.states.items()
        },
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def read_agreement(path: Path) -> MeasuredLabels:
    """Read the agreement.json of a folder of ``molre label-audit``, or the file itself.

    Raises:
        MolreError: there is none, it is damaged, or newer than this molre.
    """
    file = path / AGREEMENT if path.is_dir() else path
    fix = "give a folder of `molre label-audit`"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        version = content["format_version"]
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise MolreError(
                f"format version {version} is newer than this molre can read ({FORMAT_VERSION})",
                where=file,
                fix="update molre",
            )
        rates = {
            str(row["finding"]): Rates(_read(row["sensitivity"]), _read(row["specificity"]))
            for row in content["findings"]
            if row["sensitivity"] and row["specificity"]
        }
        return MeasuredLabels(
            {str(k): int(v) for k, v in content["labelers"].items()},
            {str(k): int(v) for k, v in content["truth"].items()},
            rates,
            bool(content["two_labelers"]),
            bool(content["grouped"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        what = "not readable as what molre wrote" if file.is_file() else "no such file"
        raise MolreError(what, where=file, fix=fix) from None


def _agreement(one: Agreement) -> dict[str, Any]:
    tp, fp, fn, tn = one.counts
    return {
        "finding": one.finding,
        "n": one.n,
        "uncertain": one.apart,
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        **{name: _estimate(number) for name, number in one.numbers.items()},
        "kappa_states": _estimate(one.kappa_states),
        "confusion": one.confusion.tolist(),
    }


def _estimate(one: Estimate | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(one).items()
    }


def _read(told: dict[str, Any]) -> Estimate:
    value, low, high = (float(told[name]) for name in ("value", "low", "high"))
    if not 0 <= low <= value <= high <= 1:
        raise ValueError
    return Estimate(value, low, high, str(told["method"]), int(told["n"]))
