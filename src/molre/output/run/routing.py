"""What the router does, as the report of a run shows it: layers, experts, findings."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from molre.evaluation.comparison.verdict import ArmFacts
from molre.evaluation.routing import RoutingSummary
from molre.output import charts
from molre.output.many_experts import (
    are_many,
    association_map,
    digits,
    load_strip,
    load_words,
)
from molre.output.numbers import number, p_value

STRONGEST = 10  # findings that are listed where experts are many


def routing_context(
    summary: RoutingSummary | None, names: dict[str, str], manifest: dict[str, Any]
) -> dict[str, Any] | None:
    """What the page shows of the routers, as plain data; None without one.

    Args:
        summary: of the test studies.
        names: of findings.
        manifest: of the run: how alike its experts are, and whether they collapsed in training.
    """
    if summary is None:
        return None
    single, experts = len(summary.layers) == 1, summary.load.shape[1]
    routers = manifest.get("routers") or {}
    return {
        "entropy": number(summary.entropy.mean().item(), digits(experts)),
        "even": number(1 / experts, digits(experts)),
        "slices": summary.slices,
        "patients": summary.patients,
        "permutations": summary.permutations,
        "cells": int(summary.q.size),
        "found": int(summary.found.sum()),
        "single": single,
        "experts": experts,
        "layers": [_layer(summary, i, names, routers) for i in range(len(summary.layers))],
        "similarity": bool(routers),
        "heatmap": _heatmap(summary, names) if summary.findings else "",
        "load": _load(summary) if single else "",
        "collapse": manifest.get("collapse") or [],
        **_of_many(summary, names),
    }


def _of_many(summary: RoutingSummary, names: dict[str, str]) -> dict[str, Any]:
    """What is said in words where experts or cells are many, and only there."""
    said: dict[str, Any] = {}
    if summary.further:
        said["further"] = summary.further
    if summary.further and not summary.lone:
        said["not_alone"] = True
    experts = summary.load.shape[1]
    if are_many(experts):
        said["even_above"] = number(ArmFacts(experts=experts).even_above)
    if len(summary.layers) > 1 or not are_many(experts):
        return said
    said["load_words"] = load_words(list(summary.load[0]))
    if summary.findings:
        rows = [_finding(summary, f, names) for f in _strongest_first(summary)]
        said |= {"by_finding": rows[:STRONGEST], "other_findings": len(rows[STRONGEST:])}
    return said


def _strongest_first(summary: RoutingSummary) -> list[int]:
    """Findings of the only layer by their largest |association|."""
    largest = np.abs(summary.association[0]).max(axis=1)
    return [int(f) for f in np.argsort(-largest, kind="stable")]


def _finding(summary: RoutingSummary, finding: int, names: dict[str, str]) -> dict[str, Any]:
    """Cells of the table of findings, as text."""
    values = summary.association[0, finding]
    expert = int(np.abs(values).argmax())
    return {
        "name": names[summary.findings[finding]],
        "expert": expert + 1,
        "association": number(float(values[expert]), 1, sign=True),
        "p": p_value(float(summary.p[0, finding, expert])),
        "q": p_value(float(summary.q[0, finding, expert])),
        "found": int(summary.found[0, finding].sum()),
    }


def _load(summary: RoutingSummary) -> str:
    """How much each expert of the only layer is used."""
    shares, label = list(summary.load[0]), "mean gate (dashed: even)"
    if are_many(len(shares)):
        return load_strip(shares)
    bars = [f"expert {e + 1}" for e in range(len(shares))]
    return charts.bars(bars, shares, label=label, limit=None, reference=1 / len(shares))


def _layer(
    summary: RoutingSummary, i: int, names: dict[str, str], routers: dict[str, Any]
) -> dict[str, Any]:
    """Cells of the table of layers, as text."""
    name = summary.layers[i]
    row = {
        "name": name,
        "short": _short(name, summary.layers),
        "entropy": number(float(summary.entropy[i]), digits(summary.load.shape[1])),
        "load": number(float(summary.load[i].max()), digits(summary.load.shape[1])),
        "similarity": number(routers.get(name, {}).get("expert_similarity"), 2),
    }
    if not summary.findings:
        return row
    finding, expert = summary.strongest(i)
    return row | {
        "strongest": f"expert {expert + 1}, {names[summary.findings[finding]]}",
        "association": number(float(summary.association[i, finding, expert]), 1, sign=True),
        "critical": number(float(summary.critical[i]), 1),
        "p": p_value(float(summary.p[i, finding, expert])),
        "q": p_value(float(summary.q[i, finding, expert])),
        "found": int(summary.found[i].sum()),
    }


def _short(name: str, layers: Sequence[str]) -> str:
    """A layer's name without the parts that all layers begin with."""
    columns = zip(*(one.split(".")[:-1] for one in layers), strict=False)
    shared = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))
    return ".".join(name.split(".")[shared:])


def _heatmap(summary: RoutingSummary, names: dict[str, str]) -> str:
    """One layer: findings by experts. Several: findings by layers, of each the strongest expert."""
    rows = [names[finding] for finding in summary.findings]
    label = "gate with minus without,\nin standard errors"
    if len(summary.layers) > 1:
        largest = np.abs(summary.association).argmax(axis=2)[..., None]
        values = np.take_along_axis(summary.association, largest, axis=2)[..., 0].T
        framed, across = np.asarray(summary.found.any(axis=2)).T, "adapted layer, as in the table"
    else:
        values, framed, across = summary.association[0], summary.found[0], "expert"
        if are_many(values.shape[1]):
            return association_map(values, rows, label=label, dotted=framed)
    columns = [str(c + 1) for c in range(values.shape[1])]
    return charts.heatmap(values, rows, columns, across=across, label=label, framed=framed)
