"""What a reader of a run's numbers must know first, one sentence each."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from molre.errors import MolreError
from molre.evaluation.endpoint import NOT_ESTIMABLE, Support
from molre.evaluation.pretraining import pedigree, pretraining_caution
from molre.evaluation.statistics.estimate import Estimate
from molre.labels.findings import FindingsTable
from molre.runs.run import SPLIT, Run

DROPPED = 0.01  # share of resamples that may be left out without a word
REPORT = "report"  # sources that begin so were read from reports


def cautions(
    run: Run, supports: Sequence[Support], labels: pl.DataFrame | None, table: FindingsTable
) -> tuple[str, ...]:
    """All that apply to a run.

    Args:
        run: the run.
        supports: of its findings in test.
        labels: long labels of its cohort, or None where they are not available.
        table: findings known.
    """
    here = None
    if labels is not None:
        here = labels.filter(
            pl.col("study_id").is_in(list(run.studies))
            & pl.col("finding").is_in(list(run.findings))
        )
    found = [
        _one_class(supports),
        pretraining_caution(pedigree(run), _names(run, here)) if run.model else None,
        None if here is None else _mixed(here),
        None if here is None else _blanks(run, here, table),
        _external(run),
        _unconverged(run),
        _edge(run),
    ]
    return tuple(sentence for sentence in found if sentence)


def dropped_caution(dropped: int, draws: int) -> str | None:
    """Where resamples without a class were left out often enough to bend what is made of the rest.

    Args:
        dropped: resamples left out.
        draws: made.
    """
    if dropped <= DROPPED * draws:
        return None
    return (
        f"{dropped:,} of {draws:,} resamples ({100 * dropped / draws:.0f} %) held only one class "
        "of a scored finding and were left out: intervals of the macro AUC are too narrow, and "
        "p-values too small."
    )


def worse_than_chance(
    findings: Sequence[str], aucs: Sequence[Estimate | None], where: str = ""
) -> str | None:
    """Findings whose whole interval lies below an AUC of one half.

    Args:
        findings: K ids.
        aucs: one each; None where there is none.
        where: begins the sentence, e.g. ``In molre, ``.
    """
    worse = [f for f, one in zip(findings, aucs, strict=True) if one is not None and one.high < 0.5]
    if not worse:
        return None
    ranks = "ranks" if len(worse) == 1 else "rank"
    return (
        f"{where}{', '.join(worse)} {ranks} worse than chance: the whole interval of the AUC lies "
        "below 0.5. Look at the labels and at what differs between train and test."
    )


def blanks_without_report(labels: pl.DataFrame, table: FindingsTable) -> tuple[int, int]:
    """Blanks that count as absent on the word of a report of which nothing is seen.

    Args:
        labels: long labels.
        table: says which blanks count as absent.

    Returns:
        (studies, labels): those whose source is a report, none of whose labels quotes it.
    """
    absent = [finding.id for finding in table if finding.blank_means == "absent"]
    reports = labels.filter(pl.col("source").str.starts_with(REPORT))
    quoted = reports.filter(pl.col("evidence").fill_null("") != "")["study_id"].unique()
    blank = reports.filter(
        (pl.col("state") == "not_mentioned")
        & pl.col("finding").is_in(absent)
        & ~pl.col("study_id").is_in(quoted.to_list())
    )
    return blank["study_id"].n_unique(), len(blank)


def _one_class(supports: Sequence[Support]) -> str | None:
    alone = [support.finding for support in supports if support.status == NOT_ESTIMABLE]
    if not alone:
        return None
    if len(alone) == len(supports):
        who, what = "No finding has both classes", "any"
    elif len(alone) == 1:
        who, what = f"{alone[0]} lacks one of the classes", "it"
    else:
        who, what = f"{len(alone)} findings lack one of the classes", "them"
    return f"{who} in test, so nothing can be estimated for {what}: test on a cohort that has both."


def _mixed(labels: pl.DataFrame) -> str | None:
    counts = labels.filter(pl.col("state").is_in(["present", "absent"]) | _from_report())
    by_source = counts.group_by("source").agg(pl.col("study_id").n_unique()).sort("source")
    if len(by_source) < 2:
        return None
    parts = ", ".join(f"{source} {n}" for source, n in by_source.iter_rows())
    return (
        f"Test labels come from several sources (studies: {parts}). The numbers above mix them; "
        "under Sensitivity each source is scored apart."
    )


def _blanks(run: Run, labels: pl.DataFrame, table: FindingsTable) -> str | None:
    if run.manifest.get("blank_policy") != "blank_means":
        return None
    studies, cells = blanks_without_report(labels, table)
    if not cells:
        return None
    return (
        f"{cells:,} blank labels of {studies:,} test studies count as absent because their source "
        "says that there was a report, though no label quotes one. If there was none, they are not "
        "known to be absent: label them with --source reader, or train with --set "
        "blank_policy=mask. Sensitivity shows the AUC without them."
    )


def _unconverged(run: Run) -> str | None:
    if run.manifest.get("converged", True):
        return None
    return (
        "Not converged: training ran out of budget before tune stopped improving. The numbers "
        "do not say how good the arm can be."
    )


def _edge(run: Run) -> str | None:
    if run.manifest.get("rate_at_edge") is not True:
        return None
    return (
        "The best learning rate is at the edge of the grid that was tried: with a wider grid the "
        "arm may do better. Train it again with more `learning_rates`."
    )


def _external(run: Run) -> str | None:
    facts = run.manifest.get("external")
    return str(facts["said"]) if isinstance(facts, dict) and facts.get("said") else None


def _from_report() -> pl.Expr:
    return pl.col("source").str.starts_with(REPORT)


def _names(run: Run, labels: pl.DataFrame | None) -> list[str]:
    """What names the test data: folder, sources, labellers."""
    names = [run.cohort.name]
    if labels is not None:
        for column in ("source", "labeller"):
            names += [str(value) for value in labels[column].drop_nulls().unique().sort()]
        return names
    try:
        return [*names, *run.folder.counts()["labels"]["sources"][SPLIT]]
    except (MolreError, KeyError, TypeError):
        return names
