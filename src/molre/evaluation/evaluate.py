"""``evaluate(run)``: a run's test predictions in, RUN/metrics.parquet and an Evaluation out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.errors import MolreError
from molre.evaluation.calibration import Bin, Calibration, calibration, reliability
from molre.evaluation.caveats import cautions, dropped_caution, worse_than_chance
from molre.evaluation.endpoint import Endpoint, endpoint, supports
from molre.evaluation.finding_metrics import FindingResult, finding_result
from molre.evaluation.further_tables import Sections, sections
from molre.evaluation.labels.of_run import adopt
from molre.evaluation.operating_points import PREVALENCES
from molre.evaluation.routing import RoutingSummary, summarize
from molre.evaluation.statistics.bootstrap import DRAWS, bootstrap_aucs
from molre.evaluation.statistics.estimate import Estimate, columns
from molre.evaluation.statistics.macro_interval import JOINED, macro_interval
from molre.labels.findings import findings as findings_table
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.folder import FURTHER_TABLES, METRICS, RunFolder
from molre.runs.run import Run, read_run
from molre.table_files import read_parquet


@dataclass(frozen=True)
class Evaluation:
    """Everything the report of a run shows.

    Attributes:
        run: the run with its predictions, manifest and history.
        findings: one result a finding, in the model's order.
        endpoint: ids in the primary endpoint.
        size: of it in words, e.g. ``14 distinct of 18 findings``.
        macro: macro AUC over the endpoint with its interval; nan where empty.
        draws: bootstrap draws made.
        dropped: those left out because a finding of the endpoint had one class in them.
        pooled: calibration of all endpoint predictions together; None where the endpoint is empty.
        bins: reliability bins of the same.
        routing: what the router does; None for arms without one.
        sections: operating points, decision curve, subgroups and so on, as tables.
        cautions: what a reader must know first, one sentence each.
    """

    run: Run
    findings: tuple[FindingResult, ...]
    endpoint: tuple[str, ...]
    size: str
    macro: Estimate
    draws: int
    dropped: int
    pooled: Calibration | None
    bins: tuple[Bin, ...]
    routing: RoutingSummary | None
    sections: Sections
    cautions: tuple[str, ...]

    @property
    def studies(self) -> int:
        """Test studies."""
        return len(self.run.studies)

    @property
    def patients(self) -> int:
        """Test patients."""
        return len(set(self.run.patients))

    @property
    def unread(self) -> int:
        """Scans of an external cohort that could not be read again."""
        return int((self.run.manifest.get("external") or {}).get("not_read", 0))


def evaluate(
    run: Path | str,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    prevalences: Sequence[float] | None = None,
    label_audit: Path | str | None = None,
) -> Evaluation:
    """Score a run on its test studies and write ``RUN/metrics.parquet`` and the further tables.

    Args:
        run: folder of ``molre train``.
        draws: of the patient bootstrap.
        seed: of the bootstrap and the permutations.
        prevalences: at which predictive values are stated; those of the last evaluation by
            default, so that evaluating again changes nothing.
        label_audit: folder of ``molre label-audit``, of the run's labels; a copy of its numbers
            stays in the run, for evaluating again.

    Raises:
        MolreError: the folder is not a whole run, or a patient is in two of its splits.

    Examples:
        >>> import molre
        >>> molre.evaluate("runs/molre-0").studies  # of the test split
        1
    """
    prevalences = prevalences or _stated_before(RunFolder(Path(run))) or PREVALENCES
    opened = read_run(run)
    if label_audit is not None:
        adopt(Path(label_audit), opened.folder)
    evaluation = score(opened, draws=draws, seed=seed, prevalences=prevalences)
    folder, tables = evaluation.run.folder, evaluation.sections.tables
    folder.write_table(METRICS, metrics_table(evaluation))
    for name in FURTHER_TABLES:
        if name in tables:
            folder.write_table(name, tables[name])
        else:  # an earlier evaluation's, of a cohort that is gone
            folder.table(name).unlink(missing_ok=True)
    return evaluation


def score(
    run: Run,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    prevalences: Sequence[float] = PREVALENCES,
) -> Evaluation:
    """The numbers of :func:`evaluate`, writing nothing."""
    counts = supports(run.labels, run.findings, run.patients)
    primary = endpoint(counts, run.labels)  # from labels, before any score is looked at
    members = primary.members
    aucs = bootstrap_aucs(
        run.logits[None, :, members], run.labels[:, members], run.patients, draws=draws, seed=seed
    )[0]
    findings = tuple(finding_result(run, k, support) for k, support in enumerate(counts))
    pooled = run.probabilities[:, members].ravel(), run.labels[:, members].ravel()
    owners = np.repeat(np.asarray(run.patients), len(members))
    routing = None
    if run.gates is not None:
        routing = summarize(run.gates, run.labels, run.patients, run.findings, seed=seed)
    cohort = run.cohort
    dropped = int(np.isnan(primary.mean(aucs)).sum()) if len(primary) else 0
    said = [
        *cautions(run, counts, _labels(cohort), findings_table()),
        worse_than_chance(run.findings, [result.auc for result in findings]),
        dropped_caution(dropped, draws),
    ]
    return Evaluation(
        run=run,
        findings=findings,
        endpoint=tuple(run.findings[k] for k in members),
        size=primary.size,
        macro=_macro(findings, aucs, primary, len(set(run.patients))),
        draws=draws,
        dropped=dropped,
        pooled=calibration(*pooled, owners) if len(members) else None,
        bins=reliability(*pooled, patients=owners) if len(members) else (),
        routing=routing,
        sections=sections(
            run, members.tolist(), cohort, findings, seed=seed, prevalences=prevalences
        ),
        cautions=tuple(sentence for sentence in said if sentence),
    )


def metrics_table(evaluation: Evaluation) -> pl.DataFrame:
    """The rows of metrics.parquet: one a finding, and ``macro`` at the end.

    The calibration of ``macro`` is of all predictions of the endpoint's findings together.
    Columns that do not apply are null: a finding that is not ``scored`` has counts, and the
    sensitivity at its threshold if there is one.
    """
    rows = [_row(result, evaluation.endpoint) for result in evaluation.findings]
    last = dict.fromkeys(rows[0])
    last |= {"finding": "macro", "status": f"mean of {evaluation.size}"}
    last |= {"n": evaluation.studies, "in_endpoint": False, **columns("auc", evaluation.macro)}
    last |= _calibration(evaluation.pooled)
    return pl.DataFrame([*rows, last], infer_schema_length=None).with_columns(
        pl.selectors.float().fill_nan(None)
    )


def _macro(
    findings: tuple[FindingResult, ...], draws: np.ndarray, primary: Endpoint, patients: int
) -> Estimate:
    """Mean over the endpoint's findings; ``draws`` (B, K) are their bootstrapped AUCs."""
    scored = [result.auc for result in findings if result.auc is not None]
    value = np.array([one.value for one in scored])
    mean = float(value @ primary.weights) if scored else float("nan")
    low, high = macro_interval(scored, draws, primary.weights)
    return Estimate(mean, low, high, JOINED, patients)


def _row(result: FindingResult, members: tuple[str, ...]) -> dict[str, object]:
    threshold = result.threshold
    return {
        "finding": result.finding,
        "status": result.support.status,
        "in_endpoint": result.finding in members,
        "n": result.support.n,
        "positives": result.support.positives,
        "negatives": result.support.negatives,
        "positive_patients": result.support.positive_patients,
        "negative_patients": result.support.negative_patients,
        "unknown": result.support.unknown,
        **columns("auc", result.auc),
        **_calibration(result.calibration),
        "threshold": threshold.value if threshold else None,
        "threshold_origin": threshold.origin if threshold else None,
        **columns("sensitivity", result.sensitivity),
        **columns("specificity", result.specificity),
    }


def _calibration(measured: Calibration | None) -> dict[str, object]:
    return {
        "brier": measured.brier if measured else None,
        "brier_skill": measured.skill if measured else None,
        "ece": measured.ece if measured else None,
        "ece_chance": measured.ece_chance if measured else None,
        "calibration_slope": measured.slope if measured else None,
        "calibration_slope_low": measured.slope_low if measured else None,
        "calibration_slope_high": measured.slope_high if measured else None,
        "calibration_intercept": measured.intercept if measured else None,
    }


def _labels(cohort: CohortOfRun) -> pl.DataFrame | None:
    try:
        return cohort.labels()
    except MolreError:
        return None


def _stated_before(run: RunFolder) -> tuple[float, ...]:
    path = run.table("predictive_values")
    try:
        table = read_parquet(path) if path.is_file() else pl.DataFrame()
        stated = table.filter(pl.col("prevalence_origin") == "stated")["prevalence"]
    except pl.exceptions.PolarsError:
        return ()
    return tuple(float(value) for value in stated.unique().sort() if 0 < value < 1)
