"""Plain bytes of elements give what pydicom's parser gives."""

from __future__ import annotations

import io
import struct
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from molre.ct.dicom.elements import doubt, floats, has, number, text, value

TEXTS = {"SeriesDescription": "LO", "AccessionNumber": "SH", "Modality": "CS", "ImageType": "CS"}
TEXTS |= {"StudyInstanceUID": "UI", "PatientAge": "AS", "StudyDate": "DA"}


def _dataset(keyword, kind, data, implicit=False, little=True):
    """As a parser leaves it: the element's bytes, not looked at."""
    ds = Dataset()
    ds.set_original_encoding(implicit, little)
    tag = Tag(keyword)
    raw = RawDataElement(tag, None if implicit else kind, len(data), data, 0, implicit, little)
    ds._dict[tag] = raw
    return ds


def _parsed(ds, keyword):
    """The same dataset after pydicom has parsed the element; None where it cannot."""
    try:
        ds[keyword]
    except Exception:  # the parser raises many kinds
        return None
    return ds


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


LETTERS = st.sampled_from(b"aZ09 .\\^\0\x1b$B-+\n\xe4\xc3")
NUMBERS = st.sampled_from(b"0123456789 .\\\0+-eE_na\xe4")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(TEXTS)), st.lists(LETTERS, max_size=12), st.booleans())
def test_text(keyword, letters, implicit):
    data = bytes(letters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parsed(_dataset(keyword, TEXTS[keyword], data, implicit), keyword)
        wanted = text(parsed, keyword) if parsed is not None else None
        assert text(_dataset(keyword, TEXTS[keyword], data, implicit), keyword) == wanted


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([("PixelSpacing", "DS"), ("AcquisitionNumber", "IS")]),
    st.lists(NUMBERS, max_size=10),
    st.booleans(),
)
def test_numbers(element, letters, implicit):
    keyword, kind = element
    data = bytes(letters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parsed(_dataset(keyword, kind, data, implicit), keyword)
        wanted = floats(parsed, keyword) if parsed is not None else None
        assert floats(_dataset(keyword, kind, data, implicit), keyword) == wanted


@given(st.binary(max_size=5), st.booleans(), st.booleans())
def test_short_integers(data, implicit, little):
    if implicit:
        little = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parsed(_dataset("Rows", "US", data, implicit, little), "Rows")
        wanted = value(parsed, "Rows") if parsed is not None else None
        assert value(_dataset("Rows", "US", data, implicit, little), "Rows") == wanted


def test_absent_elements_are_none():
    empty = Dataset()
    assert not has(empty, "Rows")
    assert value(empty, "Rows") is None
    assert text(empty, "Modality") is None
    assert floats(empty, "PixelSpacing") is None
    assert number(empty, "KVP") is None


def test_other_character_sets_are_decoded():
    buffer = io.BytesIO()
    ds = Dataset()
    ds.SpecificCharacterSet, ds.SeriesDescription = "ISO_IR 192", "Schädel"
    ds.save_as(buffer, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    assert text(dcmread(buffer, force=True), "SeriesDescription") == "Schädel"


def test_items_under_a_tag_that_has_none_are_no_text():
    """A damaged VR: the items hold an element of a kind that nobody knows."""
    inner = b"\x08\0\x60\0AD\x02\0CT"
    item = b"\xfe\xff\x00\xe0" + len(inner).to_bytes(4, "little") + inner
    for keyword in ("Modality", "StudyInstanceUID", "Manufacturer"):
        ds = _dataset(keyword, "SQ", item)
        assert text(ds, keyword) is None
        assert floats(ds, keyword) is None


FORMS = {
    "plain": ("DS", "{:.3f}"), "point": ("DS", "{:.1f}0"), "exponent": ("DS", "{:.6E}"),
    "text": ("UT", "{:.3f}"), "long text": ("LT", "{:.3f}"), "bytes": ("OB", "{:.3f}"),
    "unknown": ("UN", "{:.3f}"), "short": ("SH", "{:.3f}"), "unit": ("LO", "{:.3f} mm"),
}  # fmt: skip
PLACES = {"PixelSpacing": 2, "ImagePositionPatient": 3, "ImageOrientationPatient": 6}


@given(st.sampled_from(sorted(PLACES)), st.sampled_from(sorted(FORMS)), st.booleans(), st.data())
def test_numbers_are_read_in_any_vr_and_with_a_decimal_comma(keyword, form, comma, data):
    most = {"PixelSpacing": 4, "ImageOrientationPatient": 1}.get(keyword, 400)
    tenths = st.integers(1, most * 10).map(lambda n: n / 10)
    numbers = data.draw(st.lists(tenths, min_size=PLACES[keyword], max_size=PLACES[keyword]))
    if keyword == "ImagePositionPatient":
        numbers[0] += 5.0  # the first is the corner of the image
    kind, way = FORMS[form]
    words = "\\".join(way.format(n) for n in numbers)
    written = words.replace(".", ",") if comma else words
    ds = _dataset(keyword, kind, written.encode())
    assert floats(ds, keyword) == pytest.approx(numbers)
    told = doubt(ds, keyword, PLACES[keyword])
    assert told is None or told[0]
    assert not comma or "decimal comma" in told[1]


@pytest.mark.parametrize("kind", ["FL", "FD"])
def test_binary_numbers_are_read(kind):
    data = struct.pack({"FL": "<2f", "FD": "<2d"}[kind], 0.5, 0.25)
    assert floats(_dataset("PixelSpacing", kind, data), "PixelSpacing") == (0.5, 0.25)


@pytest.mark.parametrize(
    ("keyword", "words", "numbers", "said"),
    [
        ("RescaleIntercept", "-1,024", None, "with a comma"),  # thousands, or not
        ("RescaleIntercept", "-1024,000", (-1024.0,), "a decimal comma"),
        ("RescaleIntercept", "-1,024.5", None, "with a comma"),
        ("PixelSpacing", "1,250\\1,250", (1.25, 1.25), "a decimal comma"),
        ("ImagePositionPatient", "-125,500\\-1,000\\2,250", (-125.5, -1.0, 2.25), "decimal comma"),
        ("ImagePositionPatient", "-2,500\\-1,000\\2,250", None, "with a comma"),
        ("PixelSpacing", "0.5", (0.5,), "not 2 numbers"),
        ("PixelSpacing", "0.5\\0.5\\0.5", (0.5, 0.5, 0.5), "not 2 numbers"),
        ("PixelSpacing", "abc", None, "not 2 numbers"),
        ("PixelSpacing", "0.5\\nan", None, "not 2 numbers"),
    ],
)
def test_what_cannot_be_read_is_said_as_such(keyword, words, numbers, said):
    ds = _dataset(keyword, "DS", words.encode())
    assert floats(ds, keyword) == (None if numbers is None else pytest.approx(numbers))
    count = {"RescaleIntercept": 1, "ImagePositionPatient": 3, "PixelSpacing": 2}[keyword]
    assert said in doubt(ds, keyword, count)[1]


@pytest.mark.parametrize("kind", ["OB", "OW", "UN", "US"])
def test_short_integers_under_another_vr(kind):
    assert value(_dataset("Rows", kind, struct.pack("<H", 512)), "Rows") == 512


@pytest.mark.parametrize("kind", ["UI", "LO", "OB", "UT", "UN"])
def test_identifiers_under_another_vr(kind):
    assert (
        text(_dataset("StudyInstanceUID", kind, b"1.2.840.1\0"), "StudyInstanceUID") == "1.2.840.1"
    )
