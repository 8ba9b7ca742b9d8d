"""Two files of one study: of one person, or of two, by all that their headers state of whom."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.dicom.header import read_header
from molre.ct.files.entries import Entries
from molre.ct.listing import _identify, _plainly
from molre.ct.patients import Parts, same, stated_uid
from molre.ct.persons import Person, are_surely_two, are_two, person
from tests.helpers.ct.dicom_files import cube, write_series

ANNA, BOB = ("DOE^ANNA", "19500312", "F"), ("ROE^BOB", "19771231", "M")


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (ANNA, BOB, True),
        (("DOE^ANNA", None, None), ("ROE^BOB", None, None), True),
        (("DOE^ANNA", "19500312", None), ("DOE^ANNA", "19500313", None), True),
        (("DOE^ANNA", None, "F"), ("DOE^ANNA", None, "M"), True),
        (ANNA, ("ANNA^DOE", "1950-03-12", "f"), False),
        (ANNA, ("Doe, Anna Maria", "1950.03.12", "O"), False),
        (ANNA, ("DOE^ANNA=\u5c71\u7530^\u592a\u90ce", "19500101", "F"), False),
        (ANNA, ("Anonymous", "19000101", ""), False),
        (ANNA, ("PATIENT^REMOVED", "", ""), False),
        (("M\u00dcLLER^EVA", None, None), ("M\udcfcLLER^EVA", None, None), False),
        (("", "", ""), BOB, False),
    ],
)
def test_names_births_and_sexes_tell_two_people_apart(one, other, two):
    assert are_two(person(*one), person(*other)) is two


@given(*[st.builds(person, *map(st.sampled_from, zip(ANNA, BOB, ("", None, ""), strict=True)))] * 2)
def test_whoever_states_the_same_is_one_and_order_is_no_matter(one: Person, other: Person):
    assert not are_two(one, one)
    assert are_two(one, other) == are_two(other, one)
    assert are_surely_two(one, other) <= are_two(one, other)


@pytest.mark.parametrize(
    ("ids", "people", "studies"),
    [
        (("", ""), (ANNA, BOB), 2),
        (("", ""), (ANNA, ("ANNA^DOE", "", "")), 1),
        (("P1", ""), (ANNA, BOB), 2),
        (("P1", ""), (ANNA, ("", "", "")), 1),
        (("0001", "1"), (ANNA, BOB), 2),
        (("P1", "P1"), (ANNA, ("ROE^ANNA", "19500312", "F")), 1),
        (("P1", "P1"), (ANNA, ("ROE^EVE", "", "")), 1),  # a name alone may have changed
        (("P1", "P2"), (ANNA, ANNA), 2),
        (("REDACTED", "---"), (ANNA, ANNA), 1),
    ],
)
def test_a_study_uid_of_two_people_is_two_studies_in_any_order(ids, people, studies):
    files = [(f"/s/{n}.dcm", ids[n % 2], f"1.2.{n % 2}", people[n % 2]) for n in range(4)]
    found = set()
    for order in itertools.permutations(files):
        parts = Parts()
        for name, patient, series, who in order:
            parts.add("1.2", name, patient, series, False, person(*who))
        assert not list(parts.refused())
        found.add(tuple(sorted((key, tuple(sorted(part.files))) for key, part in parts.studies())))
    assert len(found) == 1
    assert len(found.pop()) == studies


def test_a_series_uid_of_two_people_is_refused():
    parts = Parts()
    for n, who in enumerate([ANNA, BOB]):
        parts.add("1.2", f"/s/{n}.dcm", "", "1.2.1", False, person(*who))
    assert not list(parts.studies())
    assert len(list(parts.refused())) == 2


@pytest.mark.parametrize("word", ["REDACTED", "No ID", "xxxx", "***", "Anonymis\u00e9", "0", "- -"])
def test_a_word_in_place_of_an_id_names_nobody(word: str):
    assert same(word) == ""


@pytest.mark.parametrize("uid", ["REMOVED", "0", "0.0", "ANON", "", None, "Not available"])
def test_a_word_or_zeros_in_place_of_a_uid_are_none(uid: str | None):
    assert stated_uid(uid) is None
    assert stated_uid("1.2.3") == "1.2.3"
    assert stated_uid("STUDY-12") == "STUDY-12"


@pytest.mark.parametrize(
    "name", ["DOE^ANNA", "DOE^ANNA=\u5c71\u7530^\u592a\u90ce", "WEI\u00df^EVA", ""]
)
def test_a_quick_look_and_a_whole_header_name_the_same_person(tmp_path: Path, name: str):
    """Otherwise one study would be two, by how its files were looked at."""
    who = {"PatientName": name, "PatientBirthDate": "19500312", "PatientSex": "F"}
    charset = {"SpecificCharacterSet": "ISO_IR 192"}
    (path,) = write_series(tmp_path, cube(1), PatientID="", **who, **charset)
    data = path.read_bytes()
    known = read_header(io.BytesIO(data), str(path), len(data)).acquisition.who
    quick = _plainly(data[:8192])
    with Entries() as entries:
        slow = _identify(str(path), entries)
    assert person(*slow[5:]) == known
    assert quick is None or person(*quick[5:]) == known
    assert bool(known.name) == bool(name)
