"""A model's answers on a whole split, and the metric that guides training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from molre.adapter.core import gate_entropy
from molre.evaluation.statistics.auc import auc_by_finding
from molre.training.data import Loader


@dataclass(frozen=True)
class Outputs:
    """What a classifier said of a split.

    Attributes:
        logits: float32 (N, K).
        gates: float32 (all slices of the split, E), study after study; None without a router.
    """

    logits: np.ndarray
    gates: Tensor | None

    @property
    def entropy(self) -> float | None:
        """Mean gate entropy of the slices as a share of its maximum; None without a router."""
        return None if self.gates is None else float(gate_entropy(self.gates))


def predict(model: nn.Module, loader: Loader) -> Outputs:
    """Logits and gates of a whole split, in its order, to every process.

    Args:
        model: left in evaluation mode.
        loader: of the split; its ranks share the work.
    """
    model.eval()
    logits: list[Tensor] = []
    gates: list[Tensor] = []
    rows: list[int] = []
    with torch.inference_mode():
        for batch in loader.in_order():
            scores = model(batch.embeddings, batch.mask, batch.bank_index)
            logits.append(scores.logits)
            rows += batch.rows.tolist()
            if scores.gates is not None:
                gates += scores.gates[batch.mask].split(batch.mask.sum(1).tolist())
    ranks, total = loader.ranks, len(loader.studies)
    joined = torch.cat(logits) if logits else None
    return Outputs(
        ranks.all_gather_rows(joined, rows, total).numpy(),
        ranks.all_gather_runs(gates, rows, total),
    )


def macro_auc(targets: np.ndarray, logits: np.ndarray) -> float:
    """Mean AUC over the findings with both classes; 0.5 where there is none."""
    aucs = auc_by_finding(logits, targets)
    return float(np.nanmean(aucs)) if np.isfinite(aucs).any() else 0.5
