"""Counts of a population point at nobody: no group below five, and none by subtraction."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from molre.cohort.population import OTHER, SMALL, UNKNOWN, population
from molre.cohort.scans import table


def scans(kernels: list[str | None]) -> pl.DataFrame:
    rows = [
        {"patient": f"p{i}", "study": f"s{i}", "series": "x", "kernel": kernel, "age": 30 + i}
        for i, kernel in enumerate(kernels)
    ]
    return table(rows)


def counted(kernels: list[str | None]) -> dict[str, int]:
    every = scans(kernels)
    return population(every, {"test": every["study"].to_list()})["test"]["kernel"]


@given(st.lists(st.sampled_from(["A", "B", "C", "D", None]), min_size=SMALL, max_size=40))
def test_no_group_is_small_and_the_sum_is_all(kernels):
    groups = counted(kernels)
    assert sum(groups.values()) == len(kernels)
    assert all(n >= SMALL for n in groups.values())


def test_small_groups_are_joined_and_pull_another_in_where_they_are_few():
    assert counted(["A"] * 9 + ["B"] * 6 + ["C"] * 2) == {"A": 9, OTHER: 8}
    assert counted(["A"] * 9 + ["B"] * 3 + ["C"] * 2) == {"A": 9, OTHER: 5}
    assert counted(["A"] * 9 + [None] * 5) == {"A": 9, UNKNOWN: 5}


def test_a_patient_of_several_studies_counts_once():
    twice = scans(["A"] * 6).with_columns(patient=pl.lit("p0"))
    found = population(twice, {"test": twice["study"].to_list()})["test"]
    assert (found["studies"], found["patients"]) == (6, 1)


def test_no_key_of_anybody_is_in_it():
    every = scans(["A"] * 12)
    told = str(population(every, {"test": every["study"].to_list()}))
    assert not any(key in told for key in every["patient"])
