"""Plain bytes of elements give what pydicom's parser gives."""

from __future__ import annotations

import io
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from molre.ct.elements import floats, has, number, text, value

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
