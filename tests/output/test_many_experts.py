"""Experts that are too many to show one by one: their pattern, and those that stand out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from molre.output.many_experts import (
    are_many,
    association_map,
    digits,
    gate_strip,
    load_strip,
    load_words,
)

LOAD = [0.02] * 48
LOAD[6], LOAD[40] = 0.05, 0.01
DRAWN = {
    "load": lambda: load_strip(LOAD),
    "map": lambda: association_map(
        np.array([[3.0, -1.0] * 24]), ["x & y"], label="z", dotted=np.array([[True, False] * 24])
    ),
    "gates": lambda: gate_strip(LOAD),
}


def test_six_are_shown_one_by_one_and_forty_eight_are_not() -> None:
    assert not are_many(6)
    assert are_many(48)
    assert f"{1 / 48:.{digits(48)}f}" == "0.021"
    assert digits(6) == 2


@pytest.mark.parametrize("name", DRAWN)
def test_a_chart_is_one_valid_labeled_svg_and_always_the_same(name: str) -> None:
    svg = DRAWN[name]()
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert root.get("aria-label")
    assert DRAWN[name]() == svg


def test_words_name_the_experts_used_most_and_least() -> None:
    said = load_words(LOAD)
    assert said.startswith("Used most: expert 7 (0.050), expert 1 (0.020),")
    assert "The other 43 share" in said
    assert "the least used, expert 41, has 0.010" in said
    assert said.endswith("An even share is 0.021.")


def test_a_strip_has_a_bar_for_each_expert_and_a_line_at_an_even_share() -> None:
    svg = gate_strip(LOAD)
    heights = [float(h) for h in re.findall(r'<rect [^>]*height="([\d.]+)"', svg)]
    assert len(heights) == 48
    assert heights[6] == max(heights) == 30
    (line,) = re.findall(r'<line [^>]*y1="([\d.]+)"', svg)
    assert 30 - float(line) == pytest.approx(30 / 48 / 0.05, abs=0.06)


@pytest.mark.parametrize("experts", [13, 48, 100, 1000])
def test_numbers_of_experts_under_a_chart_stay_apart(experts: int) -> None:
    svg = load_strip([1 / experts] * experts)
    numbers = [int(n) for n in re.findall(r">(\d+)</text>", svg)]
    assert numbers[0] == 1
    assert 3 <= len(numbers) <= 9
    assert max(numbers) <= experts
