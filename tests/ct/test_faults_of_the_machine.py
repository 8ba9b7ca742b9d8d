"""A fault of the machine is not a damaged scan: it ends the run in a sentence of its own."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager

import pytest
from pydicom.uid import RLELossless

from molre.ct.dicom.decoder_stderr import decoder_words
from molre.ct.read import read
from molre.errors import RefusedScan, is_of_machine, of_machine
from molre.workers.pool import MEMORY, Crashed, each, sentence
from tests.helpers.ct.archives import pack
from tests.helpers.ct.dicom_files import write_series
from tests.helpers.traps.scan import scan, store


@contextmanager
def no_more_files():
    """The limit of open files is where it is reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", RLELossless])
def test_too_many_open_files_are_no_fault_of_the_scan(tmp_path, syntax):
    store(tmp_path, scan(), syntax=syntax)
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        read(tmp_path)


def test_no_room_to_unpack_an_archive_is_said_with_the_folder(tmp_path, monkeypatch):
    path = pack(tmp_path / "x.tar.gz", write_series(tmp_path / "source"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="too large") as fault:
            read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    said = of_machine(fault.value).message
    assert said.startswith(f"{tmp_path}: ")
    assert "TMPDIR" in said


def test_a_decoder_that_nobody_can_listen_to_is_not_asked():
    with no_more_files(), pytest.raises(OSError, match="Too many open files"), decoder_words():
        pass


def test_listening_to_a_decoder_needs_no_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "not there"))
    with decoder_words() as said:
        os.write(2, b"Corrupt JPEG data: premature end of data segment\n")
    assert said == ["Corrupt JPEG data: premature end of data segment"]


FAULTS = {
    errno.ENOSPC: "disk is full",
    errno.EDQUOT: "disk is full",
    errno.EFBIG: "too large to be written here",
    errno.EROFS: "read-only",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ENOMEM: "out of memory",
    errno.EAGAIN: "no more processes or threads",
}


@pytest.mark.parametrize("number", FAULTS, ids=errno.errorcode.get)
def test_every_fault_has_a_sentence_with_a_remedy(number):
    said = of_machine(OSError(number, os.strerror(number), "/data/out"))
    assert FAULTS[number] in said.message
    assert said.message.startswith("/data/out: ")
    assert said.fix
    assert said.exit_code == 2
    with pytest.raises(OSError, match=r"/data/out"):
        sentence(OSError(number, os.strerror(number), "/data/out"), 1.0)


def test_semaphores_in_a_read_only_shared_memory_are_named():
    assert "/dev/shm" in of_machine(OSError(errno.EROFS, os.strerror(errno.EROFS))).message


def test_no_folder_for_temporary_files_is_said():
    words = "No usable temporary directory found in ['/tmp', '/']"
    assert "TMPDIR" in of_machine(FileNotFoundError(errno.ENOENT, words)).message


@pytest.mark.parametrize(
    "error",
    [ValueError("a"), EOFError(), OSError("it is encrypted"), OSError(errno.EINVAL, "seek"),
     FileNotFoundError(errno.ENOENT, "No such file")],
    ids=repr,
)  # fmt: skip
def test_what_a_file_is_to_blame_for_is_no_fault_of_the_machine(error):
    assert not is_of_machine(error)
    assert of_machine(error) is None


def test_a_study_beyond_its_worker_is_rejected_but_a_machine_without_memory_ends_the_run():
    assert "too much memory" in sentence(MemoryError(), 1.0).what
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY - 2**20, before[1]))
    try:
        with pytest.raises(MemoryError):
            sentence(MemoryError(), 1.0)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert "out of memory" in of_machine(MemoryError()).message


def test_a_process_that_the_system_killed_is_not_called_a_damaged_file():
    kill = "__import__('os').kill(__import__('os').getpid(), 9)"
    ((_, found),) = each(eval, [kill], (), workers=1)
    assert isinstance(found, Crashed)
    assert isinstance(found, RefusedScan)
    assert "memory" in found.what
    assert "damaged" not in found.message
