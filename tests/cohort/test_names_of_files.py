"""Files and folders whose names are no text: read, written down, found again; never a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.cohort.ingest import ingest
from molre.cohort.match import match_labels
from molre.cohort.rejects import read_rejects
from molre.ct.files.entries import Entries
from molre.ct.files.text_names import on_disk, one_line, written
from molre.ct.read import read_series
from molre.errors import MolreError
from molre.output.cohort.report import write_contact_sheet
from tests.helpers.cohort.dicoms import write_study

ODD = {
    "latin-1": "Müller".encode("latin-1"),
    "shift-jis": "表示".encode("shift-jis"),
    "truncated": "é".encode()[:1] + b"x",
    "surrogate": b"\xed\xa0\x80",
    "line": b"a\nb",
    "terminal": b"\x1b[31mred",
    "exclaimed": b"a!b",
    "backslash": b"a\\xe9",
}


def run_molre(*arguments: bytes | str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "molre", *arguments]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, env=environment, check=False)


@pytest.mark.parametrize("name", ODD)
def test_a_folder_of_any_name_is_ingested_beside_others(tmp_path: Path, name: str):
    odd = Path(os.fsdecode(os.fsencode(tmp_path / "scans") + b"/" + ODD[name]))
    write_study(odd / "1", "1.2.10", "P1", 1, slices=6)
    write_study(tmp_path / "scans" / "good", "1.2.11", "P2", 2, slices=6)
    (odd / "2.dcm").write_bytes(b"neither\0")
    done = ingest([tmp_path / "scans"], tmp_path / "c")
    assert (done.studies, done.exit_code) == (2, 0)
    page = write_contact_sheet(done.cohort)
    assert read_rejects(tmp_path / "c" / "rejects.csv")[0]["file"] == written(str(odd / "2.dcm"))
    for path in (page, page.with_name("index.js"), *(tmp_path / "c" / "state").glob("*.json")):
        path.read_text(encoding="utf-8")
    for row in done.cohort.chosen().iter_rows(named=True):
        assert read_series(row["files"]).content_hash == row["content_hash"]
    assert ingest([tmp_path / "scans"], tmp_path / "c").read == 0
    (tmp_path / "t.csv").write_text("study,skull_fracture\ngood,1\na,1\nxe9,0\n")
    assert match_labels(tmp_path / "c", tmp_path / "t.csv").matched == 1
    json.loads(done.as_json())
    assert "\n" not in "".join(done.why)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_of_any_name_are_read_from_archives(tmp_path: Path, kind: str):
    write_study(tmp_path / "a", "1.2.10", slices=6)
    folder = ODD["latin-1"].decode("utf-8", "surrogateescape")
    with (tarfile.open if kind == "tar" else zipfile.ZipFile)(tmp_path / f"a.{kind}", "w") as out:
        for path in sorted((tmp_path / "a").iterdir()):
            if isinstance(out, tarfile.TarFile):
                info = tarfile.TarInfo(f"{folder}/{path.name}")
                info.size = path.stat().st_size
                out.addfile(info, io.BytesIO(path.read_bytes()))
            else:
                out.writestr(f"Mueller {path.name}", path.read_bytes())
    if kind == "zip":  # no flag of UTF-8, so the bytes are of an old code page
        data = (tmp_path / "a.zip").read_bytes().replace(b"Mueller ", b"M\x81ller.\x8e")
        (tmp_path / "a.zip").write_bytes(data)
    done = ingest([tmp_path / f"a.{kind}"], tmp_path / "c")
    (row,) = done.cohort.chosen().to_dicts()
    assert (row["slices"], done.exit_code) == (6, 0)
    assert read_series(row["files"]).content_hash == row["content_hash"]


@pytest.mark.parametrize("name", ["latin-1", "shift-jis", "surrogate"])
def test_a_cohort_whose_name_is_no_text_is_one_sentence(tmp_path: Path, name: str):
    write_study(tmp_path / "scans", "1.2.10", slices=4)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + ODD[name]))
    with pytest.raises(MolreError, match="not UTF-8") as refused:
        ingest([tmp_path / "scans"], odd)
    assert not odd.exists()
    str(refused.value).encode()
    ingest([tmp_path / "scans"], tmp_path / "c")
    (tmp_path / "c").rename(odd)
    (tmp_path / "t.csv").write_text("study,skull_fracture\n1.2.10,1\n")
    with pytest.raises(MolreError, match="not UTF-8"):
        match_labels(odd, tmp_path / "t.csv")


def test_the_command_line_says_odd_names(tmp_path: Path):
    scans = os.fsencode(tmp_path / "scans")
    write_study(tmp_path / "scans" / "good", "1.2.11", "P2", 2, slices=4)
    os.makedirs(scans + b"/" + ODD["latin-1"])
    broken = write_study(tmp_path / "b", "1.2.12", "P3", 3, slices=1) / "00.dcm"
    with open(scans + b"/" + ODD["latin-1"] + b"/\x1b[31m\n.dcm", "wb") as file:
        file.write(broken.read_bytes()[:-3000])
    run = run_molre("ingest", scans, "-o", str(tmp_path / "c"))
    assert run.returncode == 1, run.stderr
    assert b"Traceback" not in run.stderr
    assert rb"M\xfcller" in run.stdout
    assert b"\x1b[31m" not in run.stdout
    run = run_molre("label", os.fsencode(tmp_path) + b"/\xff.csv", "--cohort", str(tmp_path / "c"))
    assert (run.returncode, b"Traceback" in run.stderr) == (2, False)


@given(st.binary(min_size=1, max_size=12).filter(lambda b: b"\0" not in b and b"\\x" not in b))
def test_what_is_written_is_text_and_leads_back(name: bytes):
    found = os.fsdecode(name)
    text = written(found)
    assert text.encode()
    assert on_disk(text) == found
    assert one_line(found).isprintable()


def test_a_name_that_only_looks_written_is_itself(tmp_path: Path):
    (tmp_path / r"a\xe9").write_text("itself")
    (tmp_path / os.fsdecode(b"a\xe9")).write_text("the other")
    with Entries() as entries:
        assert entries.read(str(tmp_path / r"a\xe9")) == b"itself"


def test_a_table_holds_no_lone_surrogate(tmp_path: Path):
    from molre.cohort.scans import table

    rows = [{"study": "s", "series": "t", "files": ["/a/\udcff"], "notes": ["\ud800 and"]}]
    assert pl.read_parquet(io.BytesIO(_parquet(table(rows))))["files"][0].to_list() == [r"/a/\xff"]


def _parquet(frame: pl.DataFrame) -> bytes:
    data = io.BytesIO()
    frame.write_parquet(data)
    return data.getvalue()
