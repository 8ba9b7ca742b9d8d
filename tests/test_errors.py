"""What molre says: one sentence of what, where and how to fix it, also from another process."""

from __future__ import annotations

import pickle

import pytest

from molre.errors import MolreError, NotApplicable, RefusedScan, did_you_mean


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MolreError("is empty"), "is empty."),
        (MolreError("is empty", where="a.csv"), "a.csv: is empty."),
        (MolreError("is empty.", fix="copy it again"), "is empty. Copy it again."),
        (MolreError("no splits", fix="molre split COHORT"), "no splits. Run: molre split COHORT"),
        (MolreError("unknown", fix="did you mean 'x'"), "unknown. Did you mean 'x'?"),
        (NotApplicable("there is no attention"), "not applicable: there is no attention."),
        (
            NotApplicable("over the budget", where="placement blocks", fix="take another arm"),
            "not applicable at placement blocks: over the budget. Take another arm.",
        ),
    ],
)
def test_an_error_is_a_sentence_or_two(error: MolreError, says: str) -> None:
    assert error.message == str(error) == says


@pytest.mark.parametrize("kind", [MolreError, RefusedScan, NotApplicable])
def test_an_error_crosses_to_another_process_whole(kind: type[MolreError]) -> None:
    error = pickle.loads(pickle.dumps(kind("is damaged", where="a/b", fix="copy it again")))
    assert type(error) is kind
    assert (error.what, error.where, error.fix) == ("is damaged", "a/b", "copy it again")


def test_a_refused_scan_leaves_the_exit_code_of_some_and_any_other_of_none() -> None:
    assert (RefusedScan("x").exit_code, MolreError("x").exit_code) == (1, 2)


def test_a_misspelt_name_is_answered_with_those_near_to_it() -> None:
    assert did_you_mean("molr", ["molre", "lora"]) == "did you mean 'molre'"
    assert did_you_mean("zzz", ["molre", "lora"]) == "choose one of molre, lora"
    assert did_you_mean("zzz", map(str, range(30))).endswith("19 ...")
