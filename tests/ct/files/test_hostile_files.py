"""Each hostile or broken file ends as one sentence: no crash, no hang, no traceback, little memory.

Everything runs in a child process whose address space is limited: whatever believed a claim of
gigabytes would end it.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from molre.ct.read import read, read_series
from molre.ct.survey import survey
from molre.errors import MolreError, RefusedScan
from tests.helpers.ct.dicom_files import cube, write_series
from tests.helpers.ct.hostile import FILES, MIB

LIMIT = 384 * MIB  # bytes beyond what the process has already mapped


def _mapped() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def in_child(work) -> str:
    """What ``work`` returns, from a process with little memory and ten seconds."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        said = "crashed"
        try:
            resource.setrlimit(resource.RLIMIT_AS, (_mapped() + LIMIT, resource.RLIM_INFINITY))
            resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
            said = work()
        except BaseException as error:  # all of it goes to the parent
            said = f"raised {type(error).__name__}: {error}"
        finally:
            os.write(writer, said.encode()[:60_000])
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said if status == 0 else f"ended by {status}"


def _survey_and_read(path: Path) -> str:
    found = survey([path])
    files = [file for study in found.studies for one in study.series for file in one.files]
    for file in files:  # what passes by its header has to be refused by its pixels
        try:
            read_series([file])
            return "read"
        except RefusedScan as refusal:
            found = None
            words = [refusal.what, refusal.fix or ""]
            break
    if found is not None:
        words = [word for row in found.rejects for word in (row.reason, row.remedy)]
        words += ["ignored"] * len(found.ignored)
    assert words
    assert all(words)
    assert not any("MemoryError" in word or "Traceback" in word for word in words)
    return f"refused: {words[0]}"


def _survey_beside_a_study(folder: Path) -> str:
    write_series(folder / "good")
    found = survey([folder])
    good = [study for study in found.studies if len(study.series[0].files) == 5]
    np.testing.assert_array_equal(read_series(good[0].series[0].files).hu, cube())
    return "fine"


def _all_words(folder: Path) -> str:
    words = " ".join(f"{row.reason} {row.remedy}" for row in survey([folder]).rejects)
    try:
        read(folder)
    except MolreError as error:
        words += error.message
    return words.replace(":", " ")


@pytest.fixture(scope="module")
def said_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """Of a hostile file: the answer to it, all words about it, and how a study beside it fares."""

    @cache
    def said(name: str) -> list[str]:
        folder = tmp_path_factory.mktemp("hostile")
        FILES[name](folder / name)

        def work() -> str:
            answers = [_survey_and_read(folder / name), _all_words(folder)]
            return json.dumps([*answers, _survey_beside_a_study(folder)])

        answer = in_child(work)
        return json.loads(answer) if answer.startswith("[") else [answer] * 3

    return said


READ = {"fragment claims.dcm"}  # what is wrong with it does not touch its pixels


@pytest.mark.parametrize("name", FILES)
def test_one_sentence(said_of, name):
    said, _, _ = said_of(name)
    assert said.startswith("refused: ") or (said == "read" and name in READ)


@pytest.mark.parametrize("name", FILES)
def test_no_sentence_says_who_the_patient_is(said_of, name):
    """The header of every slice names P1 and A1."""
    _, words, _ = said_of(name)
    assert not {"P1", "A1"} & set(words.split())


@pytest.mark.parametrize("name", FILES)
def test_the_study_beside_it_is_read(said_of, name):
    _, _, beside = said_of(name)
    assert beside == "fine"


def test_file_that_shrinks_after_it_was_found(tmp_path):
    paths = write_series(tmp_path)
    (study,) = survey([tmp_path]).studies
    for size in (3000, 200, 0):
        os.truncate(paths[2], min(size, paths[2].stat().st_size - 10))
        with pytest.raises(RefusedScan) as refused:
            read_series(study.series[0].files)
        assert refused.value.where == str(paths[2])


def test_file_that_is_gone_or_turns_into_a_pipe(tmp_path):
    paths = write_series(tmp_path)
    (study,) = survey([tmp_path]).studies
    paths[2].unlink()
    with pytest.raises(RefusedScan, match="cannot be read"):
        read_series(study.series[0].files)
    os.mkfifo(paths[2])
    with pytest.raises(RefusedScan):
        read_series(study.series[0].files)


def test_links_out_of_the_folder_are_followed_once_and_loops_end(tmp_path):
    write_series(tmp_path / "elsewhere")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "again").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "up").symlink_to(tmp_path)
    assert [study.series[0].slices for study in survey([folder]).studies] == [5]
    np.testing.assert_array_equal(read(folder).hu, cube())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_files_without_permission_are_rows(tmp_path):
    folder = Path(tempfile.mkdtemp())
    try:
        paths = write_series(folder / "study")
        folder.chmod(0o755)
        paths[2].chmod(0)
        (folder / "closed").mkdir(mode=0)

        def work() -> str:
            os.setgid(65534)
            os.setuid(65534)
            found = survey([folder])
            files = sorted(Path(row.file).name for row in found.rejects)
            assert all("Permission denied" in row.reason for row in found.rejects)
            return f"{len(found.studies[0].series[0].files)} {files}"

        assert in_child(work) == "4 ['002.dcm', 'closed']"
    finally:
        shutil.rmtree(folder)
