"""The comparison report: arms, contrasts with verdicts, findings, and what all of this cannot
show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from molre.arms.arms import FROZEN, METHOD
from molre.evaluation.comparison.compare import Comparison
from molre.evaluation.comparison.contrast import Contrast
from molre.evaluation.comparison.contrasts import ArmResult
from molre.evaluation.comparison.verdict import ALPHA, MARGIN, UNROUTED
from molre.evaluation.endpoint import SCORED
from molre.evaluation.statistics.seeds import NEEDED
from molre.output import charts
from molre.output.example import Example
from molre.output.finding_names import finding_names
from molre.output.many_experts import digits
from molre.output.numbers import interval, number, p_value
from molre.output.report_json import write_report
from molre.output.synthetic_banner import page_banner


def write_comparison_report(
    comparison: Comparison, path: Path, examples: Sequence[Example] = ()
) -> None:
    """Write a self-contained page (no script, no outside request), and what it shows as JSON.

    Args:
        comparison: from ``compare(runs, out)``.
        path: e.g. ``OUT/report.html``; ``OUT/report.json`` is written beside it.
        examples: cases with their key slices, drawn as a grid.
    """
    write_report(path, "comparison.html.j2", _context(comparison, examples))


def _context(comparison: Comparison, examples: Sequence[Example]) -> dict[str, Any]:
    """What the page shows, as plain data."""
    result = comparison.result
    names = finding_names(comparison.runs[0].findings)
    groups = list(dict.fromkeys(arm.group for arm in result.arms))
    several = len(groups) > 1
    return {
        "title": f"{len(result.arms)} arms on {comparison.studies} test studies",
        **page_banner(scans=comparison.scans_synthetic, synthetic=comparison.synthetic),
        "studies": comparison.studies,
        "patients": comparison.patients,
        "endpoint": len(result.endpoint),
        "size": result.size,
        "draws": result.draws,
        "dropped": result.dropped,
        "smallest_p": f"{result.smallest_p:.2g}",
        "several": several,
        "arms": [_arm_row(comparison, arm, several) for arm in result.arms],
        "contrasts": [_contrast_row(one, names, several) for one in result.contrasts],
        "headline": _headline(result.contrasts),
        "contrast_plot": _contrast_plot(result.contrasts, several),
        "forests": [
            {"name": group, "chart": _forest(comparison, group, names)} for group in groups
        ],
        "findings": _finding_rows(comparison, names),
        "notes": list(comparison.notes),
        "entropy": _entropy(comparison, several),
        "examples": list(examples),
        "adjustments": _adjustments(result.contrasts),
        "alpha": ALPHA,
        "margin": MARGIN,
        "needed": NEEDED,
        "unrouted": _even_above(comparison),
    }


def arm_name(arm: ArmResult | Contrast, several: bool) -> str:
    """Name of an arm; with its backbone and placement where a comparison has several."""
    name = arm.name if isinstance(arm, ArmResult) else arm.arm
    return f"{name} ({arm.group})" if several else name


def _arm_row(comparison: Comparison, arm: ArmResult, several: bool) -> dict[str, Any]:
    manifest = comparison.runs_of(arm)[0].manifest
    return {
        "name": arm_name(arm, several),
        "arm": arm.name,
        "group": arm.group,
        "seeds": len(arm.seeds),
        "macro": number(arm.macro.value),
        "interval": interval(arm.macro.low, arm.macro.high),
        "spread": number(arm.spread),
        "each": ", ".join(number(value) for value in arm.seed_macros),
        "added": f"{manifest['added_parameters']:,}",
    }


def _contrast_row(contrast: Contrast, names: dict[str, str], several: bool) -> dict[str, Any]:
    macro = contrast.macro
    return {
        "name": f"{arm_name(contrast, several)} − {contrast.control}",
        "group": contrast.group,
        "arm": contrast.arm,
        "control": contrast.control,
        "difference": number(macro.value, sign=True),
        "interval": interval(macro.low, macro.high, sign=True),
        "alone": p_value(macro.p),
        "p": p_value(macro.p_adjusted),
        "detectable": number(contrast.detectable),
        "verdict": contrast.verdict,
        "differing": sum(1 for finding in contrast.findings if finding.p_adjusted < ALPHA),
        "findings": [
            {
                "name": names[finding.finding],
                "n": finding.n,
                "difference": number(finding.value, sign=True),
                "interval": interval(finding.low, finding.high, sign=True),
                "p": p_value(finding.p_adjusted),
                "method": finding.method,
            }
            for finding in contrast.findings
        ],
    }


def _adjustments(contrasts: Sequence[Contrast]) -> str:
    """Both families, e.g. ``Holm over 4 primary contrasts, Holm over 3 secondary contrasts``."""
    return ", ".join(dict.fromkeys(contrast.adjustment for contrast in contrasts))


def _headline(contrasts: Sequence[Contrast]) -> str:
    """What the page says first: the method against the frozen backbone, where both were run."""
    for contrast in contrasts:
        if (contrast.arm, contrast.control) == (METHOD, FROZEN):
            difference = number(contrast.macro.value, sign=True)
            bounds = interval(contrast.macro.low, contrast.macro.high, sign=True)
            return f"{METHOD} minus {FROZEN}: {difference} ({bounds}), {contrast.verdict}."
    return ""


def _contrast_plot(contrasts: Sequence[Contrast], several: bool) -> str:
    points = [(c.macro.value, c.macro.low, c.macro.high) for c in contrasts]
    if not np.isfinite(points).any():
        return ""
    return charts.forest(
        [f"{arm_name(c, several)} − {c.control}" for c in contrasts],
        [charts.Series("difference", points)],
        label="difference of macro AUC with 95 % interval",
        reference=0.0,
        lowest=None,
    )


def _forest(comparison: Comparison, group: str, names: dict[str, str]) -> str:
    result = comparison.result
    scored = [k for k, support in enumerate(result.supports) if support.status == SCORED]
    if not scored:
        return ""
    series = []
    for arm in result.arms:
        if arm.group == group:
            estimates = [arm.aucs[k] for k in scored]
            points = [(e.value, e.low, e.high) if e else None for e in estimates]
            series.append(charts.Series(arm.name, points))
    counts = [result.supports[k] for k in scored]
    rows = [f"{names[s.finding]}  ({s.positives}/{s.n})" for s in counts]
    return charts.forest(rows, series, label="AUC with 95 % interval")


def _finding_rows(comparison: Comparison, names: dict[str, str]) -> list[dict[str, Any]]:
    result = comparison.result
    return [
        {
            "name": names[support.finding],
            "n": support.n,
            "positives": support.positives,
            "status": support.status,
            "scored": support.status == SCORED,
            "aucs": [
                (number(e.value), interval(e.low, e.high, 2)) if e else (support.status, "")
                for e in (arm.aucs[k] for arm in result.arms)
            ],
        }
        for k, support in enumerate(result.supports)
    ]


def _even_above(comparison: Comparison) -> float | str:
    """Entropy above which gates are taken as even; for each number of experts where they differ."""
    facts = [arm.facts for arm in comparison.result.arms if arm.facts.entropy is not None]
    limits = {one.experts: round(one.even_above, 3) for one in facts}
    if len(limits) < 2:
        return next(iter(limits.values()), UNROUTED)
    return ", ".join(f"{limit:g} of {experts} experts" for experts, limit in sorted(limits.items()))


def _entropy(comparison: Comparison, several: bool) -> str:
    """Mean gate entropy of the routed arms over their seeds, as bars."""
    names, values, experts = [], [], 0
    for arm in comparison.result.arms:
        gates = [run.gates for run in comparison.runs_of(arm) if run.gates is not None]
        if gates:
            names.append(arm_name(arm, several))
            values.append(float(np.mean([one.entropy.mean() for one in gates])))
            experts = max(experts, arm.facts.experts)
    if not names:
        return ""
    label = "gate entropy / maximum (1: even)"
    return charts.bars(names, values, label=label, decimals=digits(experts))
