"""walk: links, loops, special files, names; nothing hangs and nothing is lost without a word."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest

from molre.ct.files.entries import Entries
from molre.ct.files.walk import walk
from molre.ct.read import read
from molre.ct.survey import survey
from molre.errors import MolreError
from tests.helpers.ct.dicom_files import cube, write_series


def test_loop_of_links_ends(tmp_path):
    write_series(tmp_path / "a" / "b")
    (tmp_path / "a" / "b" / "back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(read(tmp_path)) == 5


def test_link_to_itself_is_no_scan(tmp_path):
    write_series(tmp_path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    found = survey([tmp_path])
    assert [r.file for r in found.rejects] == [str(tmp_path / "loop")]
    with pytest.raises(MolreError):
        read(tmp_path / "loop")


def test_study_behind_a_link_is_read_once(tmp_path):
    write_series(tmp_path / "store")
    (tmp_path / "study").symlink_to(tmp_path / "store", target_is_directory=True)
    volume = read(tmp_path / "study")
    np.testing.assert_array_equal(volume.hu, cube())
    assert survey([tmp_path]).studies[0].series[0].slices == 5
    assert not survey([tmp_path]).rejects


@pytest.mark.parametrize("given", list(itertools.permutations(("", "m/b/1", "m/b", "a"))))
def test_every_file_is_seen_once_whatever_leads_to_it(tmp_path, given):
    """Links before and after what they lead to, in its folder and in others; paths given twice."""
    for name in ("m/1", "m/b/1", "m/b/2", "m/b/3"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "a").mkdir()
    for name, to in (("a/x", "m/b/1"), ("m/b/0", "m/b/2"), ("m/b/9", "m/b/1"), ("z", "m/b/3")):
        (tmp_path / name).symlink_to(tmp_path / to)
    (tmp_path / "a" / "folder").symlink_to(tmp_path / "m", target_is_directory=True)
    with Entries() as entries:
        found = list(walk([str(tmp_path / name) for name in given], entries))
    real = sorted(os.path.relpath(os.path.realpath(one.entry), tmp_path) for one in found)
    assert real == ["m/1", "m/b/1", "m/b/2", "m/b/3"]


def test_pipe_does_not_hang(tmp_path):
    write_series(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    found = survey([tmp_path])
    assert len(found.studies) == 1
    assert [r.file for r in found.rejects] == [str(tmp_path / "pipe")]


def test_files_beside_scans_are_no_rejects(tmp_path):
    write_series(tmp_path)
    for name in ("README.md", "LICENSE", "DICOMDIR", "LOCKFILE", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"beside\x00")
    found = survey([tmp_path])
    assert not found.rejects
    assert len(found.ignored) == 6


@pytest.mark.parametrize(
    "name", ["scan.jpg", "IM 0001", "readme", "1.2.840.113", "ünï.DCM", "a!b.zip"]
)
def test_content_counts_and_names_do_not(tmp_path, name):
    path = write_series(tmp_path, cube(1), names=[name])[0]
    assert len(read(path)) == 1
    assert len(read(tmp_path)) == 1


def test_nifti_by_content(tmp_path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(cube(), np.eye(4)), tmp_path / "scan.nii.gz")
    (tmp_path / "scan.nii.gz").rename(tmp_path / "scan")
    assert read(tmp_path / "scan").hu.size == cube().size
