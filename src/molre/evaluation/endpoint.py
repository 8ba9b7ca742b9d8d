"""Which findings count: the primary endpoint's list, fixed from test labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from molre.evaluation.auc import FloatArray

MINIMUM = 10  # positives and negatives a finding needs in test

SCORED = "scored"
TOO_FEW = "too few"
NOT_ESTIMABLE = "not estimable"


@dataclass(frozen=True)
class Support:
    """What the test labels hold of one finding.

    Attributes:
        finding: id.
        positives, negatives: studies with a known label.
        unknown: studies without one, left out of every number.
    """

    finding: str
    positives: int
    negatives: int
    unknown: int

    @property
    def n(self) -> int:
        """Studies with a known label."""
        return self.positives + self.negatives

    @property
    def status(self) -> str:
        """``scored``; ``too few`` (under ten of a class) or ``not estimable`` (none)."""
        fewer = min(self.positives, self.negatives)
        if fewer == 0:
            return NOT_ESTIMABLE
        return SCORED if fewer >= MINIMUM else TOO_FEW


def supports(labels: FloatArray, findings: Sequence[str]) -> tuple[Support, ...]:
    """Counts of each finding.

    Args:
        labels: (N, K) 1, 0 or nan unknown, of the test studies.
        findings: K ids.
    """
    return tuple(
        Support(
            finding,
            positives=int((labels[:, k] == 1).sum()),
            negatives=int((labels[:, k] == 0).sum()),
            unknown=int(np.isnan(labels[:, k]).sum()),
        )
        for k, finding in enumerate(findings)
    )


def endpoint(counts: Sequence[Support]) -> NDArray[np.intp]:
    """Positions of the findings in the primary endpoint (macro AUC over them)."""
    return np.flatnonzero([support.status == SCORED for support in counts])


def macro(aucs: FloatArray, members: NDArray[np.intp]) -> FloatArray:
    """Mean AUC over the endpoint's findings; nan where it is empty, or where a member is nan.

    Args:
        aucs: (..., K).
        members: positions from :func:`endpoint`.
    """
    if not len(members):
        return np.full(aucs.shape[:-1], np.nan)
    return aucs[..., members].mean(axis=-1)
