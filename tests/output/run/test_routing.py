"""What the report of a run says of 48 experts, and that six are shown as ever."""

from __future__ import annotations

import re

import numpy as np
import pytest

from molre.evaluation.routing import RoutingSummary
from molre.output.run.routing import STRONGEST, routing_context

EXPERTS = 48
FINDINGS = tuple(f"f{k:02d}" for k in range(20))
NAMES = {finding: f"Finding {finding}" for finding in FINDINGS}


def summary(experts: int, layers: tuple[str, ...] = ("slice",), further: int = 0) -> RoutingSummary:
    """Finding f03 is followed by expert 8 of the last layer, all else is noise."""
    rng = np.random.default_rng(0)
    shape = (len(layers), len(FINDINGS), experts)
    association = rng.normal(size=shape)
    p = np.full(shape, 0.5)
    q = np.full(shape, 0.9)
    if experts > 7:
        association[-1, 3, 7], p[-1, 3, 7], q[-1, 3, 7] = -9.0, 1e-5, 0.02
    load = rng.dirichlet(np.full(experts, 20.0), size=len(layers))
    return RoutingSummary(
        layers, np.full(len(layers), 0.9876), load, FINDINGS, association, p, q,
        np.full(len(layers), 3.5), 10_000, 80, 400, further,
    )  # fmt: skip


def test_the_strongest_findings_are_listed_and_the_rest_counted() -> None:
    said = routing_context(summary(EXPERTS), NAMES, {})
    assert said is not None
    rows = said["by_finding"]
    assert len(rows) == STRONGEST
    assert said["other_findings"] == len(FINDINGS) - STRONGEST
    assert rows[0] == {
        "name": "Finding f03", "expert": 8, "association": "\u22129.0", "p": "<0.001",
        "q": "0.020", "found": 1,
    }  # fmt: skip
    sizes = [abs(float(row["association"].replace("\u2212", "-"))) for row in rows]
    assert sizes == sorted(sizes, reverse=True)


def test_gates_of_many_are_told_with_the_digits_that_tell_them_apart() -> None:
    said = routing_context(summary(EXPERTS), NAMES, {})
    assert said is not None
    assert (said["entropy"], said["even"], said["even_above"]) == ("0.988", "0.021", "0.991")
    assert re.fullmatch(r"0\.0\d\d", said["layers"][0]["load"])


def test_charts_of_many_have_no_text_for_each_expert() -> None:
    said = routing_context(summary(EXPERTS), NAMES, {})
    assert said is not None
    for chart in (said["heatmap"], said["load"]):
        assert chart.count("<text") < EXPERTS


def test_what_is_said_of_six_is_what_older_reports_hold() -> None:
    """An audit compares report.json of an older run, key by key, with what is made of it today."""
    said = routing_context(summary(6), NAMES, {})
    assert said is not None
    assert set(said) == {
        "entropy", "even", "slices", "patients", "permutations", "cells", "found", "single",
        "experts", "layers", "similarity", "heatmap", "load", "collapse",
    }  # fmt: skip
    assert (said["entropy"], said["even"]) == ("0.99", "0.17")
    assert "expert 6" in said["load"]


@pytest.mark.parametrize(("further", "alone"), [(0, None), (38_400, None), (19_000, True)])
def test_where_a_single_cell_cannot_be_found_the_page_says_so(
    further: int, alone: bool | None
) -> None:
    said = routing_context(summary(EXPERTS, further=further), NAMES, {})
    assert said is not None
    assert said.get("further") == (further or None)
    assert said.get("not_alone") is alone


def test_several_layers_are_columns_whatever_the_number_of_experts() -> None:
    layers = ("block.10.q", "block.11.q")
    said = routing_context(summary(EXPERTS, layers), NAMES, {})
    assert said is not None
    assert "by_finding" not in said
    assert said["load"] == ""
    assert said["layers"][1]["strongest"] == "expert 8, Finding f03"
    assert "adapted layer, as in the table" in said["heatmap"]
