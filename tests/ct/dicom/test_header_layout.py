"""A plain header holds exactly the elements that pydicom finds, where pydicom finds them."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from molre.ct.dicom.header import TAGS
from molre.ct.dicom.header_layout import TRANSFER_SYNTAX, layout
from tests.helpers.ct.mutants import SEEDS, make, mutants

DICOM = tuple(n for n in SEEDS if not n.startswith(("nii", "nifti", "zip", "tar")))
LEFT = ("big endian", "no preamble", "deflated")
MUTANTS = 10_000
NAMED = frozenset({*map(int, TAGS), 0x00080005, TRANSFER_SYNTAX})
PYDICOMS_OWN = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".json", ".pyc") and path.stat().st_size < 2e6
)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def plain(data: bytes) -> bool:
    """Whether it is plain; if so, pydicom must see the same."""
    found = layout(data, NAMED)
    if found is None:
        return False
    stream = io.BytesIO(data)
    ds = dcmread(stream, force=True, stop_before_pixels=True, specific_tags=TAGS)
    assert stream.tell() == found.stop
    assert data[found.stop : found.stop + 4] == b"\xe0\x7f\x10\0"
    raws = {int(tag): ds.get_item(tag) for tag in ds._dict}
    raws[TRANSFER_SYNTAX] = ds.file_meta.get_item(TRANSFER_SYNTAX)
    assert set(raws) == set(found.elements)
    assert ds.original_encoding == (found.implicit, True)
    for tag, raw in raws.items():
        if hasattr(raw, "value_tell"):  # else parsed already, which the character set is
            length = len(raw.value or b"")
            value = data[raw.value_tell : raw.value_tell + length]
            assert found.elements[tag].endswith(value)
            implicit = found.implicit and tag > 0x0002FFFF
            long = raw.VR in ("OB", "OW", "SQ", "UN", "UT", "UC", "UR") and not implicit
            assert len(found.elements[tag]) - length == (12 if long else 8)
    return True


@pytest.mark.parametrize("name", DICOM)
def test_mutants(name, tmp_path):
    seed = make(name, tmp_path)
    assert plain(seed.data) == (name not in LEFT)
    others = [make(other, tmp_path).data for other in ("implicit", "explicit", "enhanced")]
    count = sum(plain(data) for data in mutants(seed, MUTANTS // len(DICOM), others, (7,)))
    assert (count == 0) == (name in LEFT)


@pytest.mark.parametrize("path", PYDICOMS_OWN, ids=lambda path: path.name)
def test_files_of_pydicoms_own_tests(path):
    plain(path.read_bytes())


def test_some_of_them_are_plain():
    assert sum(plain(path.read_bytes()) for path in PYDICOMS_OWN) >= 10


def _items(depth: int) -> st.SearchStrategy[Dataset]:
    """Items with text, private elements, unknown VRs, and sequences within, of either length."""
    texts = st.text("abc \\", max_size=9)

    def build(words, private, unknown, inner, undefined) -> Dataset:
        item = Dataset()
        item.CodeMeaning = words
        if private is not None:
            item.add_new(0x00091001, "OB", private)
        if unknown is not None:
            item.add_new(0x00191002, "UN", unknown)
        if inner:
            item.ReferencedImageSequence = Sequence(inner)
            item["ReferencedImageSequence"].is_undefined_length = undefined
        item.is_undefined_length_sequence_item = undefined
        return item

    inner = st.lists(_items(depth - 1), max_size=2) if depth else st.just([])
    bytes_of = st.one_of(st.none(), st.binary(max_size=4).map(lambda b: b + bytes(len(b) % 2)))
    return st.builds(build, texts, bytes_of, bytes_of, inner, st.booleans())


@settings(max_examples=150)
@given(
    items=st.lists(_items(2), max_size=3),
    undefined=st.booleans(),
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    long=st.integers(0, 3000),
)
def test_sequences_are_walked_as_pydicom_walks_them(items, undefined, syntax, long):
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientID = CTImageStorage, "1.2.3", "p"
    ds.SourceImageSequence = Sequence(items)
    ds["SourceImageSequence"].is_undefined_length = undefined
    ds.add_new(0x00291010, "OB", bytes(2 * long))
    ds.Rows, ds.PixelData = 4, bytes(32)
    ds["PixelData"].VR = "OW"
    assert plain(_written(ds, syntax))


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_encodings_are_left_to_pydicom(syntax):
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID, ds.Rows = CTImageStorage, "1.2.3", 4
    assert not plain(_written(ds, syntax))


def test_a_header_that_is_cut_is_not_plain(tmp_path):
    data = make("explicit", tmp_path).data
    whole = data.index(b"\xe0\x7f\x10\0") + 12
    for size in range(whole + 20):
        assert plain(data[:size]) == (size >= whole)


def _written(ds: Dataset, syntax: str) -> bytes:
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    return stream.getvalue()
