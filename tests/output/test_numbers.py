from __future__ import annotations

from molre.output.numbers import interval, number, p_value


def test_numbers_are_never_printed_as_nan():
    assert number(float("nan")) == number(None) == p_value(float("nan")) == "–"
    assert interval(float("nan"), 1.0) == "–"


def test_signs_and_small_p_values():
    assert number(0.1234, sign=True) == "+0.123"
    assert number(-0.5, 1) == "−0.5"
    assert interval(-0.1, 0.2, 1, sign=True) == "−0.1 to +0.2"
    assert p_value(0.0004) == "<0.001"
    assert p_value(0.0423) == "0.042"
