"""``compare(runs, out)``: arms compared on one test set, as tables in OUT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import polars as pl

from molre.arms.arms import rank
from molre.errors import MolreError
from molre.evaluation.comparison.arm_facts import arm_facts
from molre.evaluation.comparison.contrast import Contrast, Difference
from molre.evaluation.comparison.contrasts import (
    ArmResult,
    ArmsCompared,
    ArmScores,
    compare_arms,
)
from molre.evaluation.comparison.notes import comparison_notes
from molre.evaluation.comparison.run_groups import group_names, setting_notes
from molre.evaluation.comparison.twins import refuse_copies, twin_notes
from molre.evaluation.comparison.verdict import MARGIN
from molre.evaluation.endpoint import Support
from molre.paths import Paths, as_paths
from molre.runs.run import Run, read_run
from molre.runs.sources import write_comparison_sources
from molre.table_files import write_csv


@dataclass(frozen=True)
class Comparison:
    """Everything the comparison report shows.

    Attributes:
        runs: as read, ordered by group, arm and seed.
        groups: backbone, placement and, where there are several, contract of each run.
        result: arms and contrasts.
        notes: what a reader must know, one sentence each.
        synthetic: the scans are phantoms, or those that the models were trained on.
    """

    runs: tuple[Run, ...]
    groups: tuple[str, ...]
    result: ArmsCompared
    notes: tuple[str, ...]
    synthetic: bool

    @property
    def studies(self) -> int:
        """Test studies, the same for all runs."""
        return len(self.runs[0].studies)

    @property
    def scans_synthetic(self) -> bool:
        """The test scans are phantoms; a model of phantoms may be tested on patients."""
        return self.runs[0].scans_synthetic

    @property
    def patients(self) -> int:
        """Test patients."""
        return len(set(self.runs[0].patients))

    def runs_of(self, arm: ArmResult) -> list[Run]:
        """The runs that an arm's numbers are the mean of."""
        named = zip(self.runs, self.groups, strict=True)
        return [run for run, group in named if (group, run.arm) == (arm.group, arm.name)]


def compare(runs: Paths, out: Path | str, *, draws: int | None = None, seed: int = 0) -> Comparison:
    """Compare runs and write ``OUT/comparison.csv`` (per finding) and ``OUT/contrasts.csv``.

    ``OUT/comparison.json`` says which runs they are of, for ``molre audit``.

    Args:
        runs: RUN folders of the same cohort, split and labels.
        out: folder for the tables.
        draws: of the paired patient bootstrap; enough for the number of contrasts by default.
        seed: of the bootstrap.

    Raises:
        MolreError: fewer than two runs, or runs that cannot be compared: other studies, patients,
            labels, findings or splits, real scans beside synthetic ones, the same run twice, or a
            copy of one under another seed.

    Examples:
        >>> import molre
        >>> both = molre.compare(["runs/frozen-0", "runs/molre-0"], "comparison")
        >>> [run.arm for run in both.runs]
        ['frozen', 'molre']
    """
    sources = as_paths(runs)
    comparison = compare_runs([read_run(run) for run in sources], draws=draws, seed=seed)
    tables = {
        "comparison.csv": findings_table(comparison.result),
        "contrasts.csv": contrasts_table(comparison.result),
    }
    for name, table in tables.items():
        write_csv(Path(out) / name, table)
    write_comparison_sources(Path(out), sources, {"draws": draws, "seed": seed})
    return comparison


def compare_runs(
    runs: Sequence[Run], *, draws: int | None = None, seed: int = 0, fewest: int = 2
) -> Comparison:
    """The numbers of :func:`compare`, writing nothing; a benchmark's group may have one run."""
    if len(runs) < fewest:
        raise MolreError("a comparison needs at least two runs", fix="name more RUN folders")
    for run in runs[1:]:
        _check_same(runs[0], run)
    named = sorted(
        zip(runs, group_names(runs), strict=True),
        key=lambda pair: (pair[1], rank(pair[0].arm), pair[0].arm, pair[0].seed),
    )
    ordered, groups = [run for run, _ in named], tuple(group for _, group in named)
    arms = []
    for (group, name), members in groupby(named, key=lambda pair: (pair[1], pair[0].arm)):
        seeds = [run for run, _ in members]
        _check_seeds(seeds)
        refuse_copies(seeds)
        scores = np.stack([run.logits for run in seeds])
        numbers = tuple(run.seed for run in seeds)
        arms.append(ArmScores(name, group, numbers, scores, arm_facts(seeds)))
    first = ordered[0]
    result = compare_arms(
        arms, first.labels, first.patients, first.findings, draws=draws, seed=seed
    )
    notes = (*setting_notes(ordered, groups), *twin_notes(ordered), *comparison_notes(result))
    return Comparison(tuple(ordered), groups, result, notes, first.synthetic)


def findings_table(result: ArmsCompared) -> pl.DataFrame:
    """comparison.csv: one row a finding and arm, then one macro row an arm."""
    rows = [
        _finding_row(arm, k, support, result)
        for k, support in enumerate(result.supports)
        for arm in result.arms
    ]
    rows += [_macro_row(arm, result) for arm in result.arms]
    return _clean(rows)


def contrasts_table(result: ArmsCompared) -> pl.DataFrame:
    """contrasts.csv: for each contrast the macro row with its verdict, then one row a finding."""
    rows = [
        _difference_row(contrast, difference, result)
        for contrast in result.contrasts
        for difference in (contrast.macro, *contrast.findings)
    ]
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(("group", "arm", "control", "finding"), pl.String))
    return _clean(rows)


_SAME: tuple[tuple[str, Callable[[Run], object]], ...] = (
    ("scans: one is synthetic, one is real", lambda run: (run.synthetic, run.scans_synthetic)),
    ("findings", lambda run: run.findings),
    ("test studies", lambda run: run.studies),
    ("patients", lambda run: run.patients),
    ("splits", lambda run: run.manifest.get("splits_sha256")),
    ("labels", lambda run: run.manifest.get("labels_sha256")),
    ("policy for blank labels", lambda run: run.manifest.get("blank_policy")),
    ("sources of labels that count", lambda run: run.manifest.get("label_sources")),
    ("labels", lambda run: np.nan_to_num(run.labels, nan=-1).tobytes()),
)


def _check_same(first: Run, other: Run) -> None:
    for what, value in _SAME:
        if value(first) != value(other):
            raise MolreError(
                f"cannot be compared with {first.path}: they differ in {what}",
                where=other.path,
                fix="compare runs of one cohort, with the same split and labels",
            )


def _check_seeds(runs: Sequence[Run]) -> None:
    for run, following in pairwise(runs):
        if run.seed == following.seed:
            raise MolreError(
                f"arm {run.arm!r} with seed {run.seed} is given twice ({run.path} too)",
                where=following.path,
                fix="name each RUN folder once",
            )


def _finding_row(
    arm: ArmResult, k: int, support: Support, result: ArmsCompared
) -> dict[str, object]:
    estimate = arm.aucs[k]
    return {
        "group": arm.group,
        "arm": arm.name,
        "seeds": len(arm.seeds),
        "finding": support.finding,
        "status": support.status,
        "in_endpoint": support.finding in result.endpoint,
        "n": support.n,
        "positives": support.positives,
        "negatives": support.negatives,
        "positive_patients": support.positive_patients,
        "negative_patients": support.negative_patients,
        "auc": estimate.value if estimate else None,
        "auc_low": estimate.low if estimate else None,
        "auc_high": estimate.high if estimate else None,
        "method": estimate.method if estimate else None,
        "seed_spread": None,
        **_trained(arm),
    }


def _macro_row(arm: ArmResult, result: ArmsCompared) -> dict[str, object]:
    return {
        "group": arm.group,
        "arm": arm.name,
        "seeds": len(arm.seeds),
        "finding": "macro",
        "status": f"mean of {result.size}",
        "in_endpoint": False,
        "n": arm.macro.n,
        "positives": None,
        "negatives": None,
        "positive_patients": None,
        "negative_patients": None,
        "auc": arm.macro.value,
        "auc_low": arm.macro.low,
        "auc_high": arm.macro.high,
        "method": arm.macro.method,
        "seed_spread": arm.spread,
        **_trained(arm),
    }


def _trained(arm: ArmResult) -> dict[str, object]:
    """What training left open of an arm."""
    return {"converged": arm.facts.converged, "rate_at_edge": arm.facts.at_edge}


def _difference_row(
    contrast: Contrast, difference: Difference, result: ArmsCompared
) -> dict[str, object]:
    primary = difference.finding == "macro"
    return {
        "group": contrast.group,
        "arm": contrast.arm,
        "control": contrast.control,
        "finding": difference.finding,
        "n": difference.n,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "p_adjusted": difference.p_adjusted,
        "adjustment": contrast.adjustment if primary else "Benjamini-Hochberg over findings",
        "method": difference.method,
        "seeds": contrast.seeds,
        "over_seeds": contrast.over_seeds,
        "detectable": contrast.detectable if primary else contrast.least(difference),
        "margin": MARGIN if primary else None,
        "draws": result.draws,
        "dropped": result.dropped,
        "smallest_p": result.smallest_p,
        "verdict": contrast.verdict if primary else None,
    }


def _clean(rows: list[dict[str, object]]) -> pl.DataFrame:
    table = pl.DataFrame(rows, infer_schema_length=None)
    return table.with_columns(pl.selectors.float().fill_nan(None))
