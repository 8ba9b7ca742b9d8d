"""What a reader of a run's numbers must know first, one sentence each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from molre.evaluation.endpoint import NOT_ESTIMABLE, Support
from molre.evaluation.pretraining import pedigree, pretraining_caution
from molre.evaluation.run_files import SPLIT, Run
from molre.labels.findings import FindingsTable

REPORT = "report"  # sources that begin so were read from reports


def cautions(
    run: Run, supports: Sequence[Support], labels: pl.DataFrame | None, table: FindingsTable
) -> tuple[str, ...]:
    """All that apply to a run.

    Args:
        run: the run.
        supports: of its findings in test.
        labels: long labels of its cohort, or None where they are not at hand.
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
    ]
    return tuple(sentence for sentence in found if sentence)


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


def _external(run: Run) -> str | None:
    facts = run.manifest.get("external")
    return str(facts["said"]) if isinstance(facts, dict) and facts.get("said") else None


def _from_report() -> pl.Expr:
    return pl.col("source").str.starts_with(REPORT)


def _names(run: Run, labels: pl.DataFrame | None) -> list[str]:
    """What names the test data: folder, sources, labellers."""
    names = [Path(str(run.manifest.get("cohort") or "")).name]
    if labels is not None:
        for column in ("source", "labeller"):
            names += [str(value) for value in labels[column].drop_nulls().unique().sort()]
        return names
    try:
        told = json.loads((run.path / "data.json").read_text(encoding="utf-8"))
        return [*names, *told["labels"]["sources"][SPLIT]]
    except (OSError, ValueError, KeyError, TypeError):
        return names
