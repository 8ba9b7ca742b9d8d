"""Shards, two runs at once, and runs that are killed: the cohort comes out the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from molre.cohort.ingest import ingest
from molre.cohort.keys import open_salt
from tests.helpers.cohort.dicoms import write_study

STUDIES = 10
TABLES = ("scans.parquet", "rejects.csv", "cohort.json")
SALT = b"a salt for tests"


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten small studies, one of them damaged, and an image."""
    folder = tmp_path_factory.mktemp("scans")
    for i in range(STUDIES):
        write_study(folder / f"{i:02d}", f"1.2.{i + 100}", f"P{i // 2}", seed=i, slices=8)
    for path in (folder / "03").iterdir():
        path.write_bytes(path.read_bytes()[:-3000])
    (folder / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    return folder


@pytest.fixture(scope="module")
def whole(scans: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The tables of one undisturbed run."""
    out = tmp_path_factory.mktemp("out") / "cohort"
    assert ingest([scans], out, salt=SALT, cache=True).studies == STUDIES - 1
    return _tables(out)


def _tables(cohort: Path) -> dict[str, bytes]:
    return {name: (cohort / name).read_bytes() for name in TABLES}


def _begun(out: Path) -> Path:
    """A cohort folder with nothing but the salt of the undisturbed run."""
    open_salt(out / "salt", SALT)
    (out / "lock").touch()
    return out


def _start(scans: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "molre",
        "ingest",
        str(scans),
        "-o",
        str(out),
        "--cache",
        *more,
    ]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, start_new_session=True)


def test_shards_one_after_the_other_make_the_whole(scans, whole, tmp_path):
    out = tmp_path / "cohort"
    read = [ingest([scans], out, shard=(i, 3), salt=SALT, cache=True).read for i in (1, 2, 3)]
    assert sum(read) == STUDIES - 1
    assert max(read) < STUDIES - 1, "a hash deals the studies out"
    assert _tables(out) == whole


def test_shards_at_once_make_the_whole(scans, whole, tmp_path):
    out = _begun(tmp_path / "cohort")
    runs = [_start(scans, out, "--shard", f"{i}/2", "--workers", "1") for i in (1, 2)]
    said = [run.communicate(timeout=120) for run in runs]
    assert {run.returncode for run in runs} <= {0, 1}, said
    assert _tables(out) == whole
    assert not list(out.rglob("*.part"))


def test_the_same_run_twice_at_once_makes_one_cohort(scans, whole, tmp_path):
    out = _begun(tmp_path / "cohort")
    runs = [_start(scans, out, "--workers", "1") for _ in range(2)]
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [1, 1], said
    assert _tables(out) == whole


def test_two_first_runs_agree_on_one_salt(tmp_path):
    code = "import sys; from pathlib import Path; from molre.cohort.keys import open_salt; "
    code += "print(open_salt(Path(sys.argv[1])).hex())"
    for i in range(5):
        path = tmp_path / str(i) / "salt"
        runs = [
            subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE)
            for _ in range(3)
        ]
        assert len({run.communicate(timeout=60)[0] for run in runs}) == 1
        assert path.stat().st_mode & 0o777 == 0o600


def test_killed_at_any_moment_it_goes_on_and_ends_the_same(scans, whole, tmp_path):
    out = _begun(tmp_path / "cohort")
    moment = random.Random(7)
    killed = 0
    for kept in (1, 4, 7):  # studies: of ten
        run = _start(scans, out, "--workers", "2")
        while run.poll() is None and len(list(out.glob("state/*.json"))) < kept:
            time.sleep(0.002)
        time.sleep(moment.uniform(0, 0.02))
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            killed += 1
        run.communicate(timeout=60)
    assert killed, "no run was killed in time"
    assert ingest([scans], out, cache=True).exit_code == 1
    assert _tables(out) == whole
    assert not list(out.rglob("*.part"))


def test_a_worker_killed_from_outside_loses_nothing(scans, whole, tmp_path):
    out = _begun(tmp_path / "cohort")
    run = _start(scans, out, "--workers", "1")
    workers: list[int] = []
    while run.poll() is None and not workers:
        time.sleep(0.002)
        workers = [pid for pid in _workers(run.pid) if _seconds(pid) > 0.03]  # it has begun
    os.kill(workers[0], signal.SIGKILL)
    said = run.communicate(timeout=120)
    assert run.returncode == 1, said
    assert _tables(out) == whole


def _seconds(process: int) -> float:
    """Processor time of a process so far."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _workers(parent: int) -> list[int]:
    """Processes that work for ``parent``: children of its server, which has imported everything."""
    return [worker for server in _servers(parent) for worker in _servers(server)]


def _servers(parent: int) -> list[int]:
    """Processes below ``parent`` that are multiprocessing's server, or forked from it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
            command = (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"forkserver" in command:
            found.append(int(stat.parent.name))
    return found
