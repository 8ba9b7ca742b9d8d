"""What ends a run: a sentence and an exit code that means what is documented, in any encoding."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from molre.cli import terminal
from molre.cli.failure import failure
from molre.cli.main import main
from molre.errors import MolreError, RefusedScan
from tests.helpers.evaluation.runs import write_run


def process(
    *arguments: str | bytes, code: int, stdout: object = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Molre as a user starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "molre", *arguments],
        stdout=stdout,  # type: ignore[call-overload]
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"\n") <= 1
    return done


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (MolreError("is wrong", where="x", fix="correct it"), 2, "x: is wrong. Correct it."),
        (RefusedScan("no CT"), 1, "no CT."),
        (OSError(errno.ENOSPC, "", "a/b"), 2, "a/b: the disk is full."),
        (OSError(errno.EROFS, "", "a/b"), 2, "a/b: the file system is read-only"),
        (PermissionError(errno.EACCES, "", "a/b"), 2, "a/b: permission denied."),
        (FileNotFoundError(errno.ENOENT, "", b"a/b"), 2, "a/b: no such file or folder."),
        (NotADirectoryError(errno.ENOTDIR, "", "a/b"), 2, "a/b: there is a file where a folder"),
        (OSError(errno.EIO, "Input/output error", "a/b"), 2, "a/b: Input/output error."),
        (TimeoutError(), 2, "TimeoutError."),
        (MemoryError(), 2, "out of memory."),
        (torch.OutOfMemoryError("CUDA out of memory"), 2, "the device is out of memory. Choose"),
        (ValueError("DOE^JANE"), 70, "this is a bug in molre (ValueError)"),
        (RecursionError(), 70, "this is a bug in molre (RecursionError)"),
    ],
)
def test_each_end_has_its_sentence_and_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, says: str
) -> None:
    assert failure(error) == code
    said = capsys.readouterr().err
    assert said.startswith(f"molre: {says}")
    assert said.count("\n") == 1
    assert "DOE" not in said


def test_a_bug_is_never_exit_1_and_its_traceback_is_there_for_who_asks() -> None:
    code = "import molre.cli.main as m; m.command = lambda: {}['DOE^JANE']; m.main()"
    for asked in ({}, {"MOLRE_TRACEBACK": "1"}):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **asked},
        )
        assert done.returncode == 70
        assert "bug in molre (KeyError in main.py, line " in done.stderr
        assert ("Traceback" in done.stderr) == bool(asked)
        assert ("DOE" in done.stderr) == bool(asked)


@pytest.mark.parametrize(
    ("encoding", "options"), [("iso-8859-1", ()), ("ascii", ("--json",)), ("cp437", ("--json",))]
)
def test_a_report_is_told_in_any_encoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, options: tuple[str, ...]
) -> None:
    run = write_run(tmp_path / "run", studies=6)  # too few for a number: it prints a dash
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["molre", "evaluate", str(run), *options])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    # typer writes UTF-8 where it is told ASCII, as nobody means that
    told = stream.buffer.getvalue().decode(encoding.replace("ascii", "utf-8"))  # type: ignore[attr-defined]
    assert json.loads(told) if options else "macro AUC" in told


@given(
    st.text(st.characters(exclude_categories=[])), st.sampled_from(["ascii", "latin-1", "utf-8"])
)
def test_json_stays_json_whatever_the_encoding_cannot_show(text: str, encoding: str) -> None:
    terminal.prepare()
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors=terminal.HANDLER, newline="")
    stream.write(json.dumps(text, ensure_ascii=False))
    stream.flush()
    read = json.loads(stream.buffer.getvalue().decode(encoding))  # type: ignore[attr-defined]
    for sign, twin in terminal.TWINS.items():  # dashes and the like may have become plain
        read, text = read.replace(sign, twin), text.replace(sign, twin)
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


def test_a_name_with_a_line_break_or_a_command_for_the_terminal_is_shown_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.say("a\nb\x1b[31m\x9bc: is wrong.")
    assert capsys.readouterr().err == "molre: a\\x0ab\\x1b[31m\\x9bc: is wrong.\n"


def test_a_process_in_a_c_locale_with_bytes_that_are_not_utf_8() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert b"cohort" in process("split", b"\xe9", code=2, **plain).stderr
    process("list", "findings", code=0, PYTHONIOENCODING="ascii")


def test_a_full_disk_behind_stdout_and_a_reader_that_has_gone() -> None:
    with open("/dev/full", "wb") as full:
        said = process("list", "findings", "--json", code=2, stdout=full).stderr
    assert b"the disk is full" in said
    reading, writing = os.pipe()
    os.close(reading)
    try:
        assert process("list", "findings", code=141, stdout=writing).stderr == b""
    finally:
        os.close(writing)
