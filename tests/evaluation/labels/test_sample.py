from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.evaluation.labels.sample import Plan, cells_needed, draw_sample, read_sample
from molre.evaluation.statistics.intervals import wilson

COMMON, RARE = "midline_shift", "skull_fracture"


def labels(studies: int = 400) -> pl.DataFrame:
    rows = []
    for i in range(studies):
        rows.append((f"r{i:04d}", COMMON, "present" if i % 4 == 0 else "absent"))
        rows.append((f"r{i:04d}", RARE, "present" if i % 100 == 7 else "not_mentioned"))
    return pl.DataFrame(rows, schema=["id", "finding", "state"], orient="row")


def test_rare_findings_are_drawn_as_much_as_common_ones():
    drawn = draw_sample(labels(), Plan(present=10, others=5))
    counts = dict(drawn.group_by("stratum").len().iter_rows())
    assert counts == {
        f"{COMMON}|present": 10,
        f"{COMMON}|absent": 5,
        f"{RARE}|present": 4,  # all there are
        f"{RARE}|not_mentioned": 5,
    }


@pytest.mark.parametrize("consecutive", [0, 30])
def test_weights_of_a_stratum_add_up_to_its_size(consecutive):
    drawn = draw_sample(labels(), Plan(present=10, others=5, consecutive=consecutive))
    assert drawn["weight"].sum() == pytest.approx(800)
    assert not drawn.select("study", "finding").is_duplicated().any()
    whole = drawn.filter(pl.col("stratum").str.ends_with("consecutive"))
    assert len(whole) == 2 * consecutive
    assert set(whole["weight"]) <= {1.0}


def test_the_same_seed_draws_the_same():
    one, same, other = (draw_sample(labels(), Plan(seed=s)) for s in (1, 1, 2))
    assert one.equals(same)
    assert not one.equals(other)


def test_weighted_the_sample_counts_the_whole_without_bias():
    """Errors that follow the order of the table, which a plain mean of the sample would miss."""
    table = labels()
    wrong = (table["id"].str.slice(1).cast(pl.Int64) % 3 == 0).to_numpy()
    real = float(wrong.sum())
    key = dict(zip(zip(table["id"], table["finding"], strict=True), wrong, strict=True))
    sums = []
    for seed in range(300):
        drawn = draw_sample(table, Plan(present=8, others=8, consecutive=10, seed=seed))
        of = [key[study, finding] for study, finding in drawn.select("study", "finding").rows()]
        sums.append(float(np.array(of) @ drawn["weight"].to_numpy()))
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - real) < 3 * error


@given(st.floats(0.02, 0.3), st.floats(0.05, 1))
def test_as_many_as_the_interval_needs_and_no_more(half_width, expected):
    n = cells_needed(half_width, expected)

    def half(n):
        low, high = wilson(expected * n, n)
        return (high - low) / 2

    assert half(n) <= half_width
    assert n == 1 or half(n - 1) > half_width


def test_a_known_size_of_a_sample():
    # the textbook's 1.96² p (1 - p) / d² is 139 for 90 ± 5 %
    assert cells_needed(0.05, 0.9) == pytest.approx(139, abs=6)


@pytest.mark.parametrize("half_width", [0, 0.5, -1])
def test_a_width_that_is_none_is_refused(half_width):
    with pytest.raises(MolreError, match="half-width"):
        cells_needed(half_width)


def test_a_sample_is_read_as_it_was_written(tmp_path):
    drawn = draw_sample(labels(), Plan())
    drawn.write_csv(tmp_path / "s.csv")
    again = read_sample(tmp_path / "s.csv")
    assert again.rename({"id": "study"}).equals(drawn)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["study,finding", "r1,x"], "is not a sample"),
        (["study,finding,stratum,weight", "r1,x,s,0.5"], "line 2: the weight"),
        (["study,finding,stratum,weight", "r1,x,s,1", "r1,x,s,one"], "line 3: the weight"),
        (["study,finding,stratum,weight", "r1,x,s,1", "r1,x,s,1"], "a cell twice"),
    ],
)
def test_what_is_no_sample_is_refused(tmp_path, lines, said):
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(MolreError, match=said):
        read_sample(tmp_path / "s.csv")
