"""Ages as headers state them: nobody under 18 passes for an adult, and no adult is refused."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.dicom.age import ADULT_YEARS, age_of

YEARS = {"Y": 1.0, "M": 12.0, "W": 365.25 / 7, "D": 365.25}


def stated(text):
    return age_of(text, None, [None])[0]


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("052Y", 52), ("52Y", 52), (" 52 Y", 52), ("052y", 52), ("52 years", 52), ("52 Jahre", 52),
        ("45 ans", 45), ("45 años", 45), ("17.5Y", 17.5), ("17,5 Y", 17.5), ("018M", 1.5),
        ("3 M", 0.25), ("3 Monate", 0.25), ("6 mois", 0.5), ("26W", 0.5), ("030D", 0.08),
        ("2Y6M", 2.5), ("2 y 6 m", 2.5), (">89Y", 89), ("90Y+", 90), ("999M", 83.25),
        ("52A", 52), ("5 a", 5), ("52 y.o.", 52), ("5Y/F", 5), ("05Y M", 5), ("Y005", 5),
        ("12Ｙ", 12), ("5 года", 5), ("5 lat", 5), ("5세", 5), ("18개월", 1.5), ("89+Y", 89),
        ("5-10Y", 5), ("00-05Y", 5), ("50-59Y", 50),
        # dummies and nonsense
        ("000Y", None), ("0Y", None), ("000D", None), ("0", None), ("999Y", None), ("Y", None),
        ("n/a", None), ("-5Y", None), ("1/2", None), ("1.5.2Y", None), ("", None), (None, None),
        # a child in every unit, or not
        ("7", 7), ("007", 7), ("17", 17), ("7J", 7), ("18", None), ("52", None), ("0052", None),
    ],
)  # fmt: skip
def test_patient_age(text, years):
    assert stated(text) == (None if years is None else pytest.approx(years, abs=0.01))


@pytest.mark.parametrize(
    ("text", "born", "seen", "years"),
    [
        ("000Y", "20200101", "20200401", 0.25),  # a dummy age takes the date
        ("999Y", "20100101", "20200101", 10),
        ("n/a", "19500101", "20200101", 70),
        ("52", "20190601", "20200601", 1),
        ("52", "19680101", "20200101", 52),
        (None, "20060101", "20060101", 0),  # a newborn, or a dummy: not scored
        ("000Y", "20060101", "20060101", 0),
        ("052Y", "20060101", "20060101", 52),  # a dummy date beside an age
        ("052Y", "19000101", "20060101", 52),
        (None, "19000101", "20060101", None),
        ("052Y", "20000101", "20061219", 6.97),  # they contradict each other: the child is believed
        ("007Y", "19500101", "20200101", 7),
        ("7", "19500101", "20200101", 7),
        ("052Y", "19500704", "20061219", 52),  # adult by both
        ("018Y", "20020501", "20200101", 18),  # within a year
        (None, "20020102", "20200101", 17.99),  # 18 tomorrow
        (None, "20020101", "20200101", 18),
        (None, "20040229", "20220228", 17.99),
        (None, "1950", "20200101", 69.5),
        (None, "19500000", "20200101", 69.5),
        (None, "2010", "20200101", 9.5),
        (None, "2002", "20200701", None),  # 17 or 18
        (None, "1950-01-01", "2020.01.01", 70),
        (None, "01.02.2010", "20200201", 10),
        (None, "03/04/2010", "20200101", 9.5),  # a day and a month, or a month and a day
        (None, "20300101", "20200101", None),
        (None, "Unknown", "20000101", None),
        ("052Y", "0001", "20200101", 52),
    ],
)
def test_age_and_birth_date(text, born, seen, years):
    found, _ = age_of(text, born, [seen])
    assert found == (None if years is None else pytest.approx(years, abs=0.011))


def test_any_date_of_the_scan_will_do():
    assert age_of(None, "19500101", [None, "", "junk", "20200101"])[0] == 70


def test_contradictions_and_missing_units_are_noted():
    assert "contradict" in age_of("052Y", "20000101", ["20061219"])[1]
    assert "no unit" in age_of("52", None, [None])[1]
    assert age_of("052Y", "19680101", ["20200101"])[1] is None


@given(
    st.integers(0, 99_999).map(lambda n: n / 100),
    st.sampled_from("YMWD"),
    st.sampled_from(["{v}{u}", "{v} {u}", " {v}{u} ", "0{v}{u}", "{v}{l}", "{v}{u}\0"]),
)
def test_an_age_under_18_in_any_unit_is_a_child_and_no_other_is(number, unit, form):
    text = form.format(v=f"{number:g}", u=unit, l=unit.lower()).strip("\0")
    years, found = number / YEARS[unit], stated(text)
    if 0.01 <= years < ADULT_YEARS:
        assert found < ADULT_YEARS
    elif ADULT_YEARS + 0.01 <= years < 130:
        assert found >= ADULT_YEARS
    elif years == 0 or years >= 130:
        assert found is None


@given(st.integers(1, 17), st.sampled_from(["{}", "0{}", "00{}", " {} ", "{}.0"]))
def test_a_number_that_is_a_childs_in_every_unit_is_a_child(number, form):
    assert stated(form.format(number)) < ADULT_YEARS


@given(st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.integers(1, 36_000))
def test_birth_dates_count_birthdays(born, days):
    seen = born + timedelta(days=days)
    birthdays = sum(
        (seen.month, seen.day) >= (born.month, born.day) if year == seen.year else True
        for year in range(born.year + 1, seen.year + 1)
    )
    found, _ = age_of(None, f"{born:%Y%m%d}", [f"{seen:%Y%m%d}"])
    assert int(found) == birthdays


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_an_age_or_unknown(text, born, seen):
    years, _ = age_of(text, born, [seen])
    assert years is None or 0 <= years < 130
