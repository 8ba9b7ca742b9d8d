"""What an older config.yaml meant is what it is read as."""

from __future__ import annotations

from molre.runs.older_settings import as_written_now


def test_before_alpha_was_a_setting_gates_averaged_the_experts() -> None:
    assert as_written_now({"num_experts": 6, "r": 8})["alpha"] == 8


def test_a_run_that_says_its_alpha_keeps_it() -> None:
    assert as_written_now({"r": 8, "alpha": None})["alpha"] is None


def test_fields_of_a_contract_have_their_names_of_today() -> None:
    given = {"contract": {"grey_levels": 256}}
    assert as_written_now(given) == {"contract": {"gray_levels": 256}}
    assert given == {"contract": {"grey_levels": 256}}


def test_what_is_not_there_is_not_made_up() -> None:
    assert as_written_now({}) == {}
