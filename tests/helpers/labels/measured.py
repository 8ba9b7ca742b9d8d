"""Audits of labels as ``molre label-audit`` leaves them, with rates that are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from molre.evaluation.labels.agreement_file import AGREEMENT, FORMAT_VERSION

Rate = tuple[float, float, float]  # value, low, high


def write_agreement(
    folder: Path,
    rates: Mapping[str, tuple[Rate, Rate]],
    *,
    two_labelers: bool = False,
    labelers: Mapping[str, int] | None = None,
    grouped: bool = True,
) -> Path:
    """Write FOLDER/agreement.json.

    Args:
        folder: made.
        rates: sensitivity and specificity of each finding.
        two_labelers: neither is the truth.
        labelers: that were audited.
        grouped: whether patients were known.
    """

    def told(rate: Rate) -> dict[str, object]:
        value, low, high = rate
        return {"value": value, "low": low, "high": high, "method": "made up", "n": 100}

    content = {
        "format_version": FORMAT_VERSION,
        "labelers": dict(labelers or {"report-rules rules 1": 90}),
        "truth": {"reader AB": 90},
        "two_labelers": two_labelers,
        "grouped": grouped,
        "findings": [
            {"finding": finding, "sensitivity": told(one), "specificity": told(other)}
            for finding, (one, other) in rates.items()
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / AGREEMENT).write_text(json.dumps(content))
    return folder
