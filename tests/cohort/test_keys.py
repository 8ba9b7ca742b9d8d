from __future__ import annotations

import hashlib
import hmac
import os
import stat
from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from molre.cohort.keys import date_shift, fraction, open_salt, pseudonym, shifted


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


def test_a_pseudonym_is_a_truncated_hmac_sha256_and_never_changes():
    """A changed key would part every cohort from its labels and splits."""
    digest = hmac.new(b"salt", b"patient:MRN 7", hashlib.sha256).hexdigest()
    assert pseudonym(b"salt", "patient", "MRN 7") == digest[:16]


def test_a_folder_whose_name_is_no_utf8_has_a_key_too():
    names = [os.fsdecode(raw) for raw in (b"m\xfcller", b"m\xf6ller", "müller".encode())]
    assert len({pseudonym(b"salt", "study", n) for n in names}) == 3


def test_salts_of_two_cohorts_differ(tmp_path: Path):
    a, b = open_salt(tmp_path / "a"), open_salt(tmp_path / "b")
    assert pseudonym(a, "patient", "1") != pseudonym(b, "patient", "1")
    assert open_salt(tmp_path / "c", b"given") == b"given" == (tmp_path / "c").read_bytes()


@given(st.dates(date(1950, 1, 1)), st.dates(date(1950, 1, 1)), st.text())
def test_intervals_of_a_patient_stay_when_dates_are_shifted(a: date, b: date, patient: str):
    days = date_shift(b"salt", patient)
    shown = [shifted(d.strftime("%Y%m%d"), days) for d in (a, b)]
    if None not in shown:  # beyond the year 9999
        assert date.fromisoformat(shown[1]) - date.fromisoformat(shown[0]) == b - a


def test_patients_are_shifted_differently():
    shifts = [date_shift(b"salt", str(i)) for i in range(500)]
    assert len(set(shifts)) > 300
    assert min(shifts) < -300
    assert max(shifts) > 300
    assert shifts != [date_shift(b"other", str(i)) for i in range(500)]


@given(st.text())
def test_a_patient_has_one_split_fraction_and_one_date_shift(patient: str):
    assert 0 <= fraction(b"salt", patient) < 1
    assert -365 <= date_shift(b"salt", patient) <= 365
    assert date_shift(b"salt", patient) == date_shift(b"salt", patient)
