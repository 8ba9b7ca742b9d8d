from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from molre.output import charts

DRAWN = {
    "forest": lambda: charts.forest(
        ["first", "second"],
        [charts.Series("frozen", [(0.7, 0.6, 0.8), None]), charts.Series("molre", [None, None])],
        label="AUC",
        empty="not scored",
    ),
    "reliability": lambda: charts.reliability_plot([(0.2, 0.1, 0.0, 0.3, 20)], label="bins"),
    "training": lambda: charts.training_curve(
        np.arange(3.0), np.ones(3), np.array([np.nan, 0.6, 0.7]), None
    ),
    "heatmap": lambda: charts.heatmap(
        np.array([[3.0, -1.0]]),
        ["row"],
        ["a", "b"],
        label="z",
        across="expert",
        framed=np.array([[True, False]]),
    ),
    "bars": lambda: charts.bars(["molre", "x & y"], [0.9, 0.1], label="share", reference=0.5),
    "attention": lambda: charts.attention_bars([0.0, 0.0], key=0),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_one_valid_labeled_svg_and_always_the_same(name):
    svg = DRAWN[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("aria-label")
    assert DRAWN[name]() == svg


def test_labels_stay_text():
    assert "x &amp; y" in DRAWN["bars"]()
    assert "not scored" in DRAWN["forest"]()


def test_the_highest_bar_fills_the_strip():
    svg = charts.attention_bars([0.1, 0.5])
    assert 'y="0.0" width="3" height="30.0"' in svg
