"""list_studies: every file is put to a study, or named, by as little of its header as will do."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molre.ct.files.entries import Entries
from molre.ct.listing import _identify, _plainly, list_studies
from molre.ct.survey import survey
from molre.errors import MolreError
from tests.helpers.ct.dicom_files import (
    IMPLICIT,
    UID,
    cube,
    one_slice,
    save,
    save_bare,
    write_series,
)
from tests.helpers.ct.mutants import make, mutants


def test_files_are_put_to_their_studies_wherever_they_lie(tmp_path):
    write_series(tmp_path / "a", uid=f"{UID}.1.1")
    write_series(tmp_path / "b", uid=f"{UID}.2.1", names=[f"x{i}" for i in range(5)])
    write_series(tmp_path / "b" / "deep", uid=f"{UID}.1.2")
    found = list_studies([tmp_path])
    assert {study.key: len(study.files) for study in found.studies} == {
        f"{UID}.1": 10,
        f"{UID}.2": 5,
    }
    first = found.studies[0]
    assert first.folder == str(tmp_path)
    assert not first.nifti
    assert not first.synthetic


@pytest.mark.parametrize(
    "syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]
)
def test_the_study_is_found_in_every_syntax(tmp_path, syntax):
    write_series(tmp_path, syntax=syntax)
    (study,) = list_studies([tmp_path]).studies
    assert study.key == f"{UID}.1"
    assert len(study.files) == 5


def test_the_study_is_found_behind_a_long_element_and_without_a_preamble(tmp_path):
    long = one_slice(cube()[0])
    long.ImageComments = "x" * 60000
    long.add_new(0x00091010, "OB", bytes(200_000))  # private, before the study's UID
    save(long, tmp_path / "long.dcm")
    save_bare(one_slice(cube()[0]), tmp_path / "bare", implicit=True)
    (study,) = list_studies([tmp_path]).studies
    assert study.key == f"{UID}.1"
    assert len(study.files) == 2


@pytest.mark.filterwarnings("ignore")  # what pydicom says of mutants
@pytest.mark.parametrize("name", ["explicit", "implicit", "jpeg-ls", "enhanced", "no preamble"])
def test_first_bytes_that_are_plain_say_what_pydicom_says(tmp_path, name):
    seed, path = make(name, tmp_path), tmp_path / "mutant"
    plain = 0
    for data in (seed.data, *mutants(seed, 300, [seed.data], (9,))):
        found = _plainly(data[:8192])
        plain += found is not None
        path.write_bytes(data)
        with Entries() as entries:
            assert found is None or found == _identify(str(path), entries)
    assert bool(plain) == (name != "no preamble")


def test_phantoms_are_known_before_they_are_read(tmp_path):
    write_series(tmp_path, Manufacturer="molre phantom (synthetic)")
    assert list_studies([tmp_path]).studies[0].synthetic


def test_a_header_that_makes_no_sense_is_never_quoted(tmp_path):
    ds = one_slice(cube()[0])
    save(ds, tmp_path / "1.dcm", IMPLICIT)
    data = (tmp_path / "1.dcm").read_bytes()
    name = ds.StudyInstanceUID.encode()
    (tmp_path / "1.dcm").write_bytes(data.replace(name, b"DOE^JANE".ljust(len(name), b"\xd8")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list_studies([tmp_path])
        survey([tmp_path])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_file_is_somewhere_whatever_its_bytes(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("any")
    whole = bytearray(save(one_slice(cube()[0]), folder / "1.dcm").read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=20)):
        whole[at] = data.draw(st.integers(0, 255))
    size = data.draw(st.integers(0, len(whole)))
    (folder / "1.dcm").write_bytes(whole[:size])
    found = list_studies([folder])
    files = [f for study in found.studies for f in study.files]
    assert sorted([*files, *(r.file for r in found.rejects), *found.ignored]) == [
        str(folder / "1.dcm")
    ]


@pytest.mark.parametrize("paths", ["", [""], ["/", ""]])
def test_an_empty_text_is_not_the_current_folder(paths):
    with pytest.raises(MolreError, match="not a path"):
        list_studies(paths)


def test_an_absent_path_is_named(tmp_path):
    with pytest.raises(MolreError, match="no such file"):
        list_studies([tmp_path / "nowhere"])


def test_a_nifti_is_a_study_of_its_own(tmp_path):
    import nibabel

    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(cube(), np.eye(4)), path)
    (study,) = list_studies([path]).studies
    assert study.nifti
    assert study.key == f"path:{path}"
