"""When slices along one normal are one set and when several, on heights and marks alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from molre.ct.grouping.packing import lie_apart
from molre.ct.grouping.sets import Mark, sets
from molre.ct.grouping.steps import Slices, alternate, in_pairs, irregular, odd_steps

STEPS = st.sampled_from([0.5, 0.625, 1.0, 1.25, 2.5, 3.0, 5.0, 7.0, 10.0])


def grouped(heights, values, *, thickness=None, ordered=False, certain=False, counted=False):
    """Sets of slices, as indices into ``heights``, which need no order; the largest first."""
    order = np.argsort(np.array(heights), kind="stable")
    count = len(order)
    thick = np.full(count, np.nan if thickness is None else thickness, dtype=float)[order]
    instances = np.arange(1, count + 1) if counted else np.zeros(count, dtype=int)
    slices = Slices(np.array(heights, dtype=float)[order], thick, instances)
    mark = Mark("acquisition", tuple(values[i] for i in order), ordered, certain)
    found = [sorted(int(order[i]) for i in part.slices) for part in sets(slices, [mark])]
    assert sorted(index for part in found for index in part) == list(range(count))
    return sorted(found, key=lambda part: (-len(part), part))


def labeled(kind: str, count: int) -> tuple[list[int], bool]:
    """Values of two sets of so many slices, and whether they count up."""
    one = list(range(count))
    if kind == "one value a set":
        return [0] * count + [1] * count, False
    if kind == "one a slice":
        return [*one, *(count + i for i in one)], True
    if kind == "one a slice, the second set on the way back":
        return [*one, *(2 * count - i for i in one)], True
    return [i // 4 for i in one] + [count + i // 4 for i in one], True  # one a rotation


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(
        [
            "one value a set",
            "one a slice",
            "one a slice, the second set on the way back",
            "one a rotation",
        ]
    ),
    step=STEPS,
    count=st.integers(6, 40),
    offset=st.floats(0, 1),
    below=st.booleans(),
    thickness=st.sampled_from([None, 0.8, 1.0, 2.0]),
)
@example("one a slice", 5.0, 28, 1.0, True, None)
@example("one value a set", 5.0, 28, 0.0, False, 1.0)
def test_two_sets_are_two_however_their_positions_fall(kind, step, count, offset, below, thickness):
    """From the same places over 0.05 mm to half a step."""
    apart = 0.0 if offset == 0 else 0.05 + offset * (step / 2 - 0.05)
    heights = [i * step for i in range(count)]
    other = [height + (-apart if below else apart) for height in heights]
    values, ordered = labeled(kind, count)
    thick = thickness and thickness * step
    found = grouped([*heights, *other], values, thickness=thick, ordered=ordered)
    assert found == [list(range(count)), list(range(count, 2 * count))]


@settings(max_examples=100, deadline=None)
@given(
    step=STEPS, count=st.integers(12, 30), again=st.integers(3, 8), at=st.integers(1, 3),
    offset=st.floats(0, 0.5), ordered=st.booleans(),
)  # fmt: skip
def test_a_part_that_is_there_again_stands_apart(step, count, again, at, offset, ordered):
    heights = [i * step for i in range(count)]
    other = [(at + i + offset) * step for i in range(again)]
    found = grouped([*heights, *other], [0] * count + [1] * again, ordered=ordered, thickness=step)
    assert found == [list(range(count)), list(range(count, count + again))]


@settings(max_examples=300, deadline=None)
@given(
    step=STEPS,
    values=st.lists(st.integers(0, 3), min_size=12, max_size=50),
    thick=st.sampled_from([0.8, 1.0, 1.2]),
    wider=st.sampled_from([1.0, 2.0]),
    ordered=st.booleans(),
)
@example(5.0, [i % 2 for i in range(28)], 1.0, 1.0, False)
@example(5.0, [i % 3 for i in range(28)], 1.0, 1.0, True)
@example(5.0, [int(i % 4 == 0) for i in range(28)], 1.0, 1.0, False)
def test_a_value_that_varies_leaves_a_head_whole(step, values, thick, wider, ordered):
    """For any assignment of values to slices about as thick as their step, thicker above or not."""
    half = len(values) // 2
    steps = [step] * half + [wider * step] * (len(values) - half - 1)
    heights, thickness = [0.0, *np.cumsum(steps)], thick * np.array([step, *steps])
    found = grouped(heights, values, thickness=thickness, ordered=ordered)
    assert found == [list(range(len(values)))]


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.integers(0, 2), min_size=12, max_size=50), missing=st.integers(2, 9))
def test_without_a_thickness_chance_leaves_a_head_whole(values, missing):
    """And with a slice missing; instance numbers count on, as where one scan was taken."""
    heights = [5.0 * i for i in range(len(values) + 1) if i != missing]
    assert len(grouped(heights, values, counted=True)) == 1


@pytest.mark.parametrize("wider", [1.0, 2.0])
def test_every_third_slice_is_no_set_also_where_one_is_missing(wider):
    """Whether thickness and numbers are stated or not, and with another set beside the head."""
    whole = [0.0, *np.cumsum([5.0] * 8 + [5.0 * wider] * 7)]
    head = [height for i, height in enumerate(whole) if i != 5]
    values = [i % 3 for i in range(len(head))]
    assert len(grouped(head, values)) == 1
    other = [height + 0.5 for height in head]
    found = grouped([*head, *other], [*values, *[9] * len(other)])
    assert found == [list(range(15)), list(range(15, 30))]


def test_values_that_come_in_turn_are_two_sets_only_if_each_is_complete():
    heights, values = [2.5 * i for i in range(28)], [i % 2 for i in range(28)]
    each = [list(range(0, 28, 2)), list(range(1, 28, 2))]
    assert grouped(heights, values, thickness=5.0) == each  # overlap, as two sets do
    assert len(grouped(heights, values, thickness=2.5)) == 1  # touch, as one does
    assert grouped(heights, values) == each
    assert len(grouped(heights, values, counted=True)) == 1
    assert grouped(heights, values, thickness=2.5, certain=True) == each


@pytest.mark.parametrize(
    ("heights", "values", "count"),
    [
        ([0, 5, 10, 15, 20, 25], [1, 1, 1, 2, 2, 2], [6]),
        ([0, 5, 10, 12, 14, 16, 18], [1, 1, 1, 2, 2, 2, 2], [7]),  # thick base, thin above
        ([0, 5, 10, 15, 13, 18, 23, 28], [1, 1, 1, 1, 2, 2, 2, 2], [8]),  # overlap below a step
        ([0, 5, 10, 15, 15, 20, 25], [1, 1, 1, 1, 2, 2, 2], [6, 1]),  # share a slice
        ([0, 5, 10, 15, 20, 10, 15, 20, 25, 30, 35], [1] * 5 + [2] * 6, [6, 5]),
        ([0, 5, 10, 15, 40, 45, 50], [1, 1, 1, 1, 2, 2, 2], [7]),  # a gap between
    ],
)
def test_ranges_that_touch_or_share_a_border_are_one(heights, values, count):
    assert [len(part) for part in grouped(heights, values, thickness=5.0)] == count


def test_repeated_rotation_is_left_out_of_a_whole_head():
    rotations = [0, 1, 2, 1, 3, 4]  # the fourth is the second again
    heights = [5.0 * (4 * r + i) for r in rotations for i in range(4)]
    values = [1 + number for number in range(6) for _ in range(4)]
    again = list(range(12, 16))
    whole = [i for i in range(24) if i not in again]
    assert grouped(heights, values, ordered=True, thickness=5.0) == [whole, again]


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True),
)
def test_lying_apart_is_mutual_and_the_same_upside_down(one, other):
    one, other = sorted(map(float, one)), sorted(map(float, other))
    apart = lie_apart(one, other)
    assert lie_apart(other, one) == apart
    assert lie_apart([-h for h in reversed(one)], [-h for h in reversed(other)]) == apart


def slow_irregular(heights) -> int:
    steps = [b - a for a, b in pairwise(heights)]
    uneven = sum(max(a, b) > 1.25 * min(a, b) + 0.01 for a, b in pairwise(steps))
    return uneven + sum(step <= 0.02 for step in steps)


def beside(marks, other_from, instances):
    """A head of 14 slices 5 mm apart, and a second set 0.5 mm above its upper half, as parts."""
    heights = [5.0 * i for i in range(14)] + [5.0 * i + 0.5 for i in range(other_from, 14)]
    order = np.argsort(heights)
    placed = Slices(np.array(heights)[order], np.full(len(heights), 5.0), instances[order])
    made = [Mark(name, tuple(values[i] for i in order), ordered) for name, values, ordered in marks]
    return {tuple(sorted(order[part.slices].tolist())): part for part in sets(placed, made)}


HEAD, OTHER = tuple(range(14)), tuple(range(14, 21))


def test_no_set_takes_over_where_the_other_has_the_same_numbers():
    """The lower half of a head goes on evenly in either set; its numbers go on in one."""
    passes = [*range(1, 15), *[1] * 7]  # one a slice, and one for all of the second set
    kernel = ["H31s"] * 14 + [None] * 7
    numbers = np.array([*range(1, 15), *range(1, 8)])
    found = beside([("pass", passes, True), ("kernel", kernel, False)], 7, numbers)
    assert set(found) == {HEAD, OTHER}
    assert {part.told_by for part in found.values()} == {("kernel",)}


def test_an_element_tells_sets_apart_before_numbers_do():
    contrast = [False] * 14 + [True] * 7
    passes = [*range(1, 15), *[2] * 7]
    numbers = np.zeros(21, dtype=int)
    found = beside([("pass", passes, True), ("contrast", contrast, False)], 7, numbers)
    assert set(found) == {HEAD, OTHER}
    assert not any(part.counted for part in found.values())


@pytest.mark.parametrize(
    ("steps", "odd"),
    [
        ([5.0, 5.0, 5.5, 5.0, 5.0], [5.5]),
        ([0.71, 0.63, 0.63, 0.63], [0.71]),
        ([5.0, 5.0, 10.0, 5.0, 15.0, 5.0], []),  # lost slices
        ([3.0, 3.0, 4.1, 5.0, 5.0], []),  # from one thickness to another
        ([4.9, 5.1] * 6, []),  # rounded
    ],
)
def test_steps_where_two_sets_changed_places(steps, odd):
    assert odd_steps(np.array(steps)) == odd
    assert odd_steps(np.array(steps[::-1])) == odd


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 1, 2, 2, 3, 3, 4, 4, 5, 5], True),
        ([9, 8, 9, 8, 7, 6, 7, 6, 5, 5], True),
        ([1, 2, 3, 4, 5, 1, 2, 3, 4, 5], False),  # one after the other
        ([1] * 10, False),
        ([0] * 10, False),
        ([1, 2, 3, 4, 5, 6, 6, 7, 8, 9], False),
    ],
)
def test_numbers_in_pairs_are_of_two_sets(numbers, expected):
    assert in_pairs(np.array(numbers)) is expected


def test_an_element_that_comes_in_turn_tells_no_sets_beside_another():
    """Three kernels in turn in a head, a fourth in a second set."""
    kernels = [f"H31s {i % 3}" for i in range(14)] + ["H60s"] * 14
    found = beside([("kernel", kernels, False)], 0, np.zeros(28, dtype=int))
    assert set(found) == {HEAD, tuple(range(14, 28))}


@given(st.lists(st.floats(0, 100), min_size=1, max_size=30))
def test_irregular_slices_are_counted(heights):
    heights = sorted(heights)
    assert irregular(np.array(heights)) == slow_irregular(heights)


def slices(steps, thickness=None) -> Slices:
    heights = np.concatenate([[0.0], np.cumsum(steps)])
    thick = np.full(len(heights), np.nan if thickness is None else thickness)
    return Slices(heights, thick, np.zeros(len(heights), dtype=int))


@pytest.mark.parametrize("thickness", [5.0, None])
@pytest.mark.parametrize("steps", [[0.3, 4.7], [0.05, 4.95], [1.6, 3.4], [0.3, 0.3, 4.4]])
def test_steps_that_alternate_as_those_of_two_sets_do(steps, thickness):
    assert alternate(slices((steps * 14)[:-1], thickness))
    missing = (steps * 14)[:-1]
    missing[7:9] = [sum(missing[7:9])]
    assert alternate(slices(missing, thickness))


def test_whole_millimeters_hide_no_second_set():
    assert alternate(slices(([2.0, 3.0] * 14)[:-1], 5.0))


@pytest.mark.parametrize(
    ("steps", "thickness"),
    [
        ([9.0, 8.901], 9.0),  # as a scanner of 2003 wrote them
        ([9.0, 8.901], None),
        ([5.0, 7.0], 5.0),  # two rows a rotation, the table moves on by more
        ([5.0, 5.0, 5.0, 6.5], 5.0),
        ([0.6, 0.7], 1.25),  # rounded positions
        ([2.0, 3.0], 2.5),  # to whole millimeters
        ([1.0, 1.0, 2.0], 1.25),
        ([4.0], 8.0),  # overlapping, even
    ],
)
def test_steps_that_alternate_as_those_of_a_scanner_do(steps, thickness):
    assert not alternate(slices((steps * 14)[:-1], thickness))


@pytest.mark.parametrize(
    "steps", [[4.0] * 12 + [1.08] + [7.0] * 12, [1.25] * 20 + [5.0] * 20, [5.0] * 9 + [10.0] * 2]
)
def test_steps_that_change_once_do_not_alternate(steps):
    assert not alternate(slices(steps))
    assert not alternate(slices(steps, 5.0))


def test_many_slices_take_no_longer_each():
    """Marks that count up through a thousand slices, several times over."""
    count = 1000
    heights = [0.5 * (i % 250) + 0.1 * (i // 250) for i in range(count)]
    found = grouped(heights, list(range(count)), ordered=True, thickness=0.5)
    assert [len(part) for part in found] == [250] * 4
