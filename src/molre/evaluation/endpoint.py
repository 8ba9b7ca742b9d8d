"""Which findings count, and how much: the primary endpoint, fixed from test labels alone.

A finding is scored where at least ten *patients* have it and at least ten do not: scans of one
patient are not new evidence. Findings whose known test labels are the same, scan by scan, ask one
question: together they weigh as much as one finding, each of m such answers 1/m. Nothing here looks
at a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from molre.arrays import FloatArray

MINIMUM = 10  # patients of each class that a finding needs in test

SCORED = "scored"
TOO_FEW = "too few"
NOT_ESTIMABLE = "not estimable"
EMPTY = "no finding has ten positive and ten negative patients in test"


@dataclass(frozen=True)
class Support:
    """What the test labels hold of one finding.

    Attributes:
        finding: id.
        positives, negatives: studies with a known label.
        unknown: studies without one, left out of every number.
        positive_patients, negative_patients: whose these studies are; a patient with studies of
            both kinds is in both.
    """

    finding: str
    positives: int
    negatives: int
    unknown: int
    positive_patients: int
    negative_patients: int

    @property
    def n(self) -> int:
        """Studies with a known label."""
        return self.positives + self.negatives

    @property
    def status(self) -> str:
        """``scored``; ``too few`` (under ten patients of a class) or ``not estimable`` (none)."""
        fewer = min(self.positive_patients, self.negative_patients)
        if fewer == 0:
            return NOT_ESTIMABLE
        return SCORED if fewer >= MINIMUM else TOO_FEW


@dataclass(frozen=True)
class Endpoint:
    """The findings of the primary endpoint.

    Attributes:
        members: positions of the scored findings.
        weights: of each member in the macro AUC; they sum to 1.
        twins: groups of positions whose known labels are the same, two or more in each.
    """

    members: NDArray[np.intp]
    weights: FloatArray
    twins: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.members)

    @property
    def distinct(self) -> int:
        """Questions asked: findings, those with the same labels once."""
        return len(self.members) - sum(len(group) - 1 for group in self.twins)

    @property
    def size(self) -> str:
        """``18 findings``, or ``14 distinct of 18 findings`` where some have the same labels."""
        whole = f"{len(self)} finding{'s' * (len(self) != 1)}"
        return f"{self.distinct} distinct of {whole}" if self.twins else whole

    def macro(self, aucs: FloatArray) -> FloatArray:
        """Weighted mean AUC; nan where the endpoint is empty, or where a member is nan.

        Args:
            aucs: (..., K), of all findings.
        """
        return self.mean(aucs[..., self.members])

    def mean(self, aucs: FloatArray) -> FloatArray:
        """The same of (..., F) AUCs of the members alone."""
        if not len(self.members):
            return np.full(aucs.shape[:-1], np.nan)
        return np.asarray(aucs @ self.weights)


def supports(
    labels: FloatArray, findings: Sequence[str], patients: Sequence[str] | np.ndarray
) -> tuple[Support, ...]:
    """Counts of each finding.

    Args:
        labels: (N, K) 1, 0 or nan unknown, of the test studies.
        findings: K ids.
        patients: (N,) whose studies they are.
    """
    owners = np.unique(np.asarray(patients), return_inverse=True)[1]
    found = []
    for k, finding in enumerate(findings):
        present, absent = labels[:, k] == 1, labels[:, k] == 0
        found.append(
            Support(
                finding,
                positives=int(present.sum()),
                negatives=int(absent.sum()),
                unknown=int(np.isnan(labels[:, k]).sum()),
                positive_patients=len(np.unique(owners[present])),
                negative_patients=len(np.unique(owners[absent])),
            )
        )
    return tuple(found)


def endpoint(counts: Sequence[Support], labels: FloatArray) -> Endpoint:
    """The primary endpoint of these labels.

    Args:
        counts: from :func:`supports`.
        labels: (N, K) the same labels; columns are the same where they are known for the same
            studies and say the same there.
    """
    return weighed(np.flatnonzero([support.status == SCORED for support in counts]), labels)


def weighed(members: Sequence[int] | NDArray[np.intp], labels: FloatArray) -> Endpoint:
    """These findings, those with the same labels counted once.

    Args:
        members: positions.
        labels: (N, K) 1, 0 or nan.
    """
    members = np.asarray(members, dtype=np.intp)
    alike: dict[bytes, list[int]] = {}
    for k in members:
        column = np.nan_to_num(labels[:, k], nan=-1).astype(np.int8)
        alike.setdefault(column.tobytes(), []).append(int(k))
    share = {k: 1 / len(group) for group in alike.values() for k in group}
    weights = np.array([share[int(k)] for k in members]) / max(1, len(alike))
    twins = tuple(tuple(group) for group in alike.values() if len(group) > 1)
    return Endpoint(members, weights, twins)
