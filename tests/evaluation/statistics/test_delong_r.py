"""Against R's pROC (apt-get install r-cran-proc): never skipped, the reference must be there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from molre.evaluation.statistics.delong import delong

SCRIPT = """
suppressMessages(library(pROC))
d <- read.csv(commandArgs(trailingOnly = TRUE)[1])
a <- roc(d$label, d$a, direction = "<", levels = c(0, 1), quiet = TRUE)
b <- roc(d$label, d$b, direction = "<", levels = c(0, 1), quiet = TRUE)
t <- roc.test(a, b, method = "delong", paired = TRUE)
cat(sprintf("%.15e", c(auc(a), auc(b), var(a), var(b), cov(a, b), ci.auc(a)[c(1, 3)], t$p.value)))
"""


@pytest.mark.parametrize(
    ("positives", "negatives", "levels"), [(8, 60, 2), (8, 60, 0), (40, 25, 3), (150, 400, 5)]
)
def test_equals_proc(tmp_path: Path, positives: int, negatives: int, levels: int):
    rng = np.random.default_rng(positives + levels)
    labels = np.concatenate([np.ones(positives), np.zeros(negatives)])
    shared = rng.normal(size=len(labels))
    scores = 0.8 * labels + shared + 0.8 * rng.normal(size=(2, len(labels)))
    scores[1] += 0.3 * labels
    if levels:
        scores = np.round(scores * levels) / levels
    _equals(tmp_path, scores, labels)


@pytest.mark.parametrize(("positives", "negatives"), [(8, 60), (60, 8)])
def test_equals_proc_where_one_model_separates(tmp_path: Path, positives: int, negatives: int):
    rng = np.random.default_rng(positives)
    labels = np.concatenate([np.ones(positives), np.zeros(negatives)])
    scores = np.stack(
        [labels + 0.1 * rng.random(len(labels)), labels + rng.normal(size=len(labels))]
    )
    assert delong(scores, labels).aucs[0] == 1.0
    _equals(tmp_path, scores, labels)


def _equals(tmp_path: Path, scores: np.ndarray, labels: np.ndarray) -> None:
    """AUCs, variances, covariance, Wald bounds and paired p, to 1e-9."""
    table = np.column_stack([labels, *scores])
    np.savetxt(
        tmp_path / "d.csv", table, delimiter=",", header="label,a,b", comments="", fmt="%.17g"
    )
    (tmp_path / "proc.R").write_text(SCRIPT)
    command = ["Rscript", "--vanilla", str(tmp_path / "proc.R"), str(tmp_path / "d.csv")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    theirs = np.array(said.stdout.split(), dtype=float)

    result = delong(scores, labels)
    half = norm.ppf(0.975) * np.sqrt(result.covariance[0, 0])
    ours = [
        *result.aucs,
        result.covariance[0, 0],
        result.covariance[1, 1],
        result.covariance[0, 1],
        result.aucs[0] - half,
        min(1.0, result.aucs[0] + half),
        result.test(np.array([1.0, -1.0])).p,
    ]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)
