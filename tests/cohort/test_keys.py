from __future__ import annotations

import stat
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from molre.cohort.keys import date_shift, fraction, open_salt, pseudonym


def test_the_salt_is_made_once_and_only_its_owner_reads_it(tmp_path: Path):
    first = open_salt(tmp_path / "cohort" / "salt")
    assert len(first) == 32
    assert open_salt(tmp_path / "cohort" / "salt") == first
    assert open_salt(tmp_path / "cohort" / "salt", b"another") == first
    assert stat.S_IMODE((tmp_path / "cohort" / "salt").stat().st_mode) == 0o600


@given(st.text(), st.text())
def test_a_pseudonym_depends_on_salt_kind_and_identifier_and_shows_none(a: str, b: str):
    key = pseudonym(b"salt", "patient", a)
    assert len(key) == 16
    assert set(key) <= set("0123456789abcdef")
    assert key == pseudonym(b"salt", "patient", f" {a} ")
    assert key != pseudonym(b"other", "patient", a)
    assert key != pseudonym(b"salt", "study", a)
    assert (key == pseudonym(b"salt", "patient", b)) == (a.strip() == b.strip())


@given(st.text())
def test_a_patient_has_one_split_fraction_and_one_date_shift(patient: str):
    assert 0 <= fraction(b"salt", patient) < 1
    assert -365 <= date_shift(b"salt", patient) <= 365
    assert date_shift(b"salt", patient) == date_shift(b"salt", patient)
