"""Which column names the study, and what may have been meant by a name that is not a finding."""

from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.labels.columns import check_columns, guess, id_column
from molre.labels.findings import findings


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (["skull_fracture", "Study Instance UID"], "Study Instance UID"),
        (["patient_id", "AccessionNumber"], "AccessionNumber"),
        (["Patient-ID", "age"], "Patient-ID"),
    ],
)
def test_the_usual_names_of_a_study_are_found_the_most_telling_one_first(header, found) -> None:
    assert id_column("t.csv", header, None) == found


def test_a_name_that_is_asked_for_must_be_there() -> None:
    assert id_column("t.csv", ["nr", "study"], "nr") == "nr"
    with pytest.raises(MolreError, match="t.csv: has no column 'nrr'. Did you mean 'nr'"):
        id_column("t.csv", ["nr", "study"], "nrr")


@pytest.mark.parametrize(("header", "said"), [(["a", ""], "no name"), (["a", "a"], "listed twice")])
def test_a_column_without_a_name_or_with_another_s_is_refused(header, said: str) -> None:
    with pytest.raises(MolreError, match=said):
        check_columns("t.csv", header)


def test_a_finding_is_guessed_by_its_letters() -> None:
    table = findings()
    assert guess("Skull Fracture", table) == "did you mean 'skull_fracture'"
    assert guess("remarks on quality", table) == "it resembles no finding"
