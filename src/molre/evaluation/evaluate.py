"""``evaluate(run)``: a run's test predictions in, RUN/metrics.parquet and an Evaluation out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.cohort.cohort import write_table
from molre.evaluation.bootstrap import DRAWS, bootstrap_aucs, percentile_interval
from molre.evaluation.calibration import Bin, Calibration, calibration, reliability
from molre.evaluation.endpoint import endpoint, macro, supports
from molre.evaluation.finding import BOOTSTRAP, Estimate, FindingResult, finding_result
from molre.evaluation.routing import RoutingSummary, summarize
from molre.evaluation.run_files import Run, read_run


@dataclass(frozen=True)
class Evaluation:
    """Everything the report of a run shows.

    Attributes:
        run: the run with its predictions, manifest and history.
        findings: one result a finding, in the model's order.
        endpoint: ids in the primary endpoint.
        macro: macro AUC over the endpoint with its patient-bootstrap interval; nan where empty.
        draws: bootstrap draws made.
        dropped: those left out because a finding of the endpoint had one class in them.
        pooled: calibration of all endpoint predictions together; None where the endpoint is empty.
        bins: reliability bins of the same.
        routing: what the router does; None for arms without one.
    """

    run: Run
    findings: tuple[FindingResult, ...]
    endpoint: tuple[str, ...]
    macro: Estimate
    draws: int
    dropped: int
    pooled: Calibration | None
    bins: tuple[Bin, ...]
    routing: RoutingSummary | None

    @property
    def studies(self) -> int:
        """Test studies."""
        return len(self.run.studies)

    @property
    def patients(self) -> int:
        """Test patients."""
        return len(set(self.run.patients))


def evaluate(run: Path | str, *, draws: int = DRAWS, seed: int = 0) -> Evaluation:
    """Score a run on its test studies and write ``RUN/metrics.parquet``.

    Args:
        run: folder of ``molre train``.
        draws: of the patient bootstrap.
        seed: of the bootstrap and the permutations.

    Raises:
        MolreError: the folder is not a whole run.
    """
    evaluation = score(read_run(run), draws=draws, seed=seed)
    write_table(evaluation.run.path / "metrics.parquet", metrics_table(evaluation))
    return evaluation


def score(run: Run, *, draws: int = DRAWS, seed: int = 0) -> Evaluation:
    """The numbers of :func:`evaluate`, writing nothing."""
    counts = supports(run.labels, run.findings)
    members = endpoint(counts)  # from labels, before any score is looked at
    aucs = bootstrap_aucs(run.logits[None], run.labels, run.patients, draws=draws, seed=seed)[0]
    findings = tuple(finding_result(run, k, support) for k, support in enumerate(counts))
    pooled = run.probabilities[:, members].ravel(), run.labels[:, members].ravel()
    routing = None
    if run.gates is not None:
        routing = summarize(run.gates, run.labels, run.patients, run.findings, seed=seed)
    return Evaluation(
        run=run,
        findings=findings,
        endpoint=tuple(run.findings[k] for k in members),
        macro=_macro(findings, macro(aucs, members), len(set(run.patients))),
        draws=draws,
        dropped=int(np.isnan(macro(aucs, members)).sum()) if len(members) else 0,
        pooled=calibration(*pooled) if len(members) else None,
        bins=reliability(*pooled) if len(members) else (),
        routing=routing,
    )


def metrics_table(evaluation: Evaluation) -> pl.DataFrame:
    """The rows of metrics.parquet: one a finding, and ``macro`` at the end.

    Columns that do not apply are null: a finding that is not ``scored`` has counts, and the
    sensitivity at its threshold if there is one.
    """
    rows = [_row(result, evaluation.endpoint) for result in evaluation.findings]
    last = dict.fromkeys(rows[0])
    last |= {"finding": "macro", "status": f"mean of {len(evaluation.endpoint)} findings"}
    last |= {"n": evaluation.studies, "in_endpoint": False, **_columns("auc", evaluation.macro)}
    return pl.DataFrame([*rows, last], infer_schema_length=None).with_columns(
        pl.selectors.float().fill_nan(None)
    )


def _macro(findings: tuple[FindingResult, ...], draws: np.ndarray, patients: int) -> Estimate:
    values = [result.auc.value for result in findings if result.auc is not None]
    mean = float(np.mean(values)) if values else float("nan")
    low, high = percentile_interval(draws)
    return Estimate(mean, low, high, BOOTSTRAP, patients)


def _row(result: FindingResult, members: tuple[str, ...]) -> dict[str, object]:
    measured = result.calibration
    threshold = result.threshold
    return {
        "finding": result.finding,
        "status": result.support.status,
        "in_endpoint": result.finding in members,
        "n": result.support.n,
        "positives": result.support.positives,
        "negatives": result.support.negatives,
        "unknown": result.support.unknown,
        **_columns("auc", result.auc),
        "brier": measured.brier if measured else None,
        "brier_skill": measured.skill if measured else None,
        "ece": measured.ece if measured else None,
        "calibration_slope": measured.slope if measured else None,
        "calibration_intercept": measured.intercept if measured else None,
        "threshold": threshold.value if threshold else None,
        "threshold_origin": threshold.origin if threshold else None,
        **_columns("sensitivity", result.sensitivity),
        **_columns("specificity", result.specificity),
    }


def _columns(name: str, estimate: Estimate | None) -> dict[str, object]:
    keys = (name, f"{name}_low", f"{name}_high", f"{name}_method", f"{name}_n")
    if estimate is None:
        return dict.fromkeys(keys)
    values = (estimate.value, estimate.low, estimate.high, estimate.method, estimate.n)
    return dict(zip(keys, values, strict=True))
