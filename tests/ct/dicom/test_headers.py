"""A header read beside others of its series is the one that pydicom makes of its bytes alone."""

from __future__ import annotations

import io
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from molre.ct.dicom import headers
from molre.ct.dicom.header import HEAD_BYTES, Header, read_header
from molre.ct.dicom.headers import Headers
from molre.errors import RefusedScan
from tests.ct.dicom.test_header_layout import PYDICOMS_OWN
from tests.helpers.ct.dicom_files import cube, one_slice, save, write_series
from tests.helpers.ct.mutants import SEEDS, make, mutants
from tests.helpers.traps.table import TRAPS

DICOM = tuple(n for n in SEEDS if not n.startswith(("nii", "nifti", "zip", "tar")))
MUTANTS = 2_000

pytestmark = pytest.mark.filterwarnings("ignore")  # what pydicom says of damaged files


def alone(data: bytes, name: str) -> Header | str:
    """What the file is by itself: its record, or why it is refused."""
    try:
        return read_header(io.BytesIO(data), name, len(data))
    except RefusedScan as error:
        return error.message


def beside(reader: Headers, data: bytes, name: str) -> Header | str:
    try:
        return reader.read(io.BytesIO(data), name, len(data))
    except RefusedScan as error:
        return error.message


def same(one: Header | str, other: Header | str) -> bool:
    return whole(one) == whole(other)


def whole(one: Header | str) -> str:
    """All of it in words: nan, which an unusable rescale is, equals itself there."""
    return one if isinstance(one, str) else repr(asdict(one))


def parsed(monkeypatch) -> list[str]:
    """Names of the files that pydicom parsed."""
    names: list[str] = []

    def read(data, file, size, first):
        names.append(file)
        return read_header(data, file, size, first)

    monkeypatch.setattr(headers, "read_header", read)
    return names


@pytest.mark.parametrize("name", DICOM)
def test_mutants_beside_what_they_were_made_of(name, tmp_path):
    seed = make(name, tmp_path)
    other = make("explicit", tmp_path).data
    for index, data in enumerate(mutants(seed, MUTANTS // len(DICOM), [other], (8,))):
        reader = Headers()
        beside(reader, seed.data, "seed")
        assert same(beside(reader, data, "mutant"), alone(data, "mutant")), index


def test_files_of_pydicoms_own_tests_beside_each_other():
    reader = Headers()
    for number, path in enumerate((*PYDICOMS_OWN, *PYDICOMS_OWN)):
        data, name = path.read_bytes(), f"{number}"
        assert same(beside(reader, data, name), alone(data, name)), path


@pytest.mark.parametrize("trap", TRAPS[::2], ids=lambda trap: trap.id)
def test_files_of_the_traps(trap, tmp_path):
    trap.build(tmp_path)
    reader = Headers()
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        data = path.read_bytes()
        assert same(beside(reader, data, str(path)), alone(data, str(path)))


OWN = {
    "SOPInstanceUID": ["1.2.3", "1.2.3.4", "1.2\\3", "", None],
    "ImagePositionPatient": [
        "1\\2\\3.50",
        " -1e1\\+2\\3 ",
        "1\\2",
        "1\\2\\x",
        "1e12\\0\\0",
        "",
        None,
    ],
    "AcquisitionNumber": ["1", " 7 ", "+2", "1\\2", "x", "", None],
    "RescaleSlope": ["1", "1.5", "x", "", None],
    "RescaleIntercept": ["-1024", "", None],
    "InstanceNumber": ["1", "-3", "1\\2", "x", "", None],
    "Exposure": ["120", "+7", "9999999999", "", None],
    "AcquisitionTime": ["101500.25", "10:15", "101500\\101501", "\xe4", "", None],
    "AcquisitionDateTime": ["20200131101500.5+0100", "", None],
    "IrradiationEventUID": ["1.2.3", "1.2\\3", "", None],
    "SeriesDescription": ["HEAD", "Schädel", None],
    "SpecificCharacterSet": ["ISO_IR 100", "ISO_IR 192", None],
    "SliceThickness": ["5", "5.0", None],
    "PixelRepresentation": [b"\0\0", b"\1\0", b"\2\0", b"", None],
    "ManufacturerModelName": ["x", "x" * 40_000, None],
}
CHANGE = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in OWN.items()})


@settings(max_examples=60)
@given(
    changes=st.lists(CHANGE, min_size=2, max_size=4),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
)
@example(changes=[{}, {"ImagePositionPatient": "1\\2"}], syntax=ExplicitVRLittleEndian)
def test_slices_with_elements_of_their_own(changes, syntax, tmp_path_factory):
    reader = Headers()
    path = tmp_path_factory.getbasetemp() / "own.dcm"
    for number, change in enumerate((*changes, changes[0])):
        data = _changed(path, change, syntax)
        assert same(beside(reader, data, f"{number}"), alone(data, f"{number}")), change


def _changed(path, change: dict[str, str | bytes | None], syntax: str) -> bytes:
    """A slice whose elements have these bytes as their values; None takes one out."""
    ds, implicit = one_slice(cube()[0]), syntax == ImplicitVRLittleEndian
    for keyword, value in change.items():
        tag = Tag(tag_for_keyword(keyword))
        if value is None:
            ds._dict.pop(tag, None)
            continue
        raw = value if isinstance(value, bytes) else value.encode("latin-1")
        raw += b" " * (len(raw) % 2)
        kind = dictionary_VR(tag)
        ds._dict[tag] = RawDataElement(tag, kind, len(raw), raw, 0, implicit, True)
    ds.set_original_encoding(implicit, True, "latin-1")
    try:
        return save(ds, path, syntax).read_bytes()
    except Exception:  # pydicom does not write what makes no sense to it
        return b""


def test_the_same_bytes_in_another_character_set_are_other_words(tmp_path):
    change = {"SpecificCharacterSet": "ISO_IR 100", "SeriesDescription": "Sch\xe4del"}
    latin = _changed(tmp_path / "x", change, ExplicitVRLittleEndian)
    cyrillic = latin.replace(b"ISO_IR 100", b"ISO_IR 144")
    reader = Headers()
    words = [beside(reader, data, "x").acquisition.description for data in (latin, cyrillic)]
    assert words == ["Schädel", "Schфdel"]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_pydicom_parses_the_first_slice_of_a_series(tmp_path, monkeypatch, syntax):
    paths = write_series(tmp_path / "a", cube(6), syntax=syntax)
    paths += write_series(tmp_path / "b", cube(6), syntax=syntax, uid="1.2.3.4")
    names, reader = parsed(monkeypatch), Headers()
    found = [beside(reader, path.read_bytes(), path.parent.name) for path in paths]
    assert names == ["a", "b"]
    heights = np.array([header.planes[0].position[2] for header in found])
    np.testing.assert_allclose(np.diff(heights[:6]), 5)
    assert len({header.sop_uid for header in found}) == 12


def test_slices_of_which_the_pixels_lie_elsewhere(tmp_path):
    """The offset is each file's own."""
    paths = write_series(tmp_path, edit=lambda i, ds: setattr(ds, "InstanceNumber", 10**i))
    reader = Headers()
    offsets = set()
    for path in paths:
        data = path.read_bytes()
        header = reader.read(io.BytesIO(data), "x", len(data))
        offsets.add(header.pixels[0])
        assert data[header.pixels[0] :] == data[-header.pixels[1] :]
    assert len(offsets) == 3


def test_a_record_shares_nothing_but_what_is_equal(tmp_path):
    first, second = (p.read_bytes() for p in write_series(tmp_path, cube(2)))
    reader = Headers()
    one, two = beside(reader, first, "one"), beside(reader, second, "two")
    assert one.acquisition == two.acquisition
    alike = replace(two, file=one.file, sop_uid=one.sop_uid, planes=one.planes, pixels=one.pixels)
    assert alike == one != two


def test_the_first_bytes_of_a_slice_are_enough_beside_another(tmp_path):
    first, second = (p.read_bytes() for p in write_series(tmp_path, cube(2)))
    reader = Headers()
    assert reader.known(first[:HEAD_BYTES], "a", len(first)) is None
    beside(reader, first, "a")
    assert reader.known(second[:HEAD_BYTES], "b", len(second)) == alone(second, "b")
    assert reader.known(second[:300], "b", len(second)) is None
    assert reader.known(b"", "b", 0) is None
