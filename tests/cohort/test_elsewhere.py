"""What a cohort holds does not depend on the runs that files were given in."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from molre.cohort.ingest import Ingested, ingest
from molre.cohort.match import match_labels
from molre.cohort.rejects import read_rejects
from molre.cohort.split import split
from molre.errors import MolreError
from tests.helpers.cohort.dicoms import write_study

SALT, UID = b"a salt for tests", "1.2.10"


def taken(*paths: Path, out: Path) -> Ingested:
    return ingest(list(paths), out, salt=SALT, workers=1)


def halves(folder: Path, **header: object) -> tuple[Path, Path]:
    whole = sorted(write_study(folder / "w", UID, slices=8, **header).iterdir())
    for name, part in (("a", whole[:4]), ("b", whole[4:])):
        (folder / name).mkdir()
        for path in part:
            path.rename(folder / name / path.name)
    return folder / "a", folder / "b"


@pytest.mark.parametrize("packed", [False, True])
def test_halves_of_a_study_given_one_after_the_other_are_the_whole(tmp_path: Path, packed: bool):
    first, second = halves(tmp_path)
    if packed:
        write_study(tmp_path / "x", "1.2.77", "PID-9", slices=2)
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for path in [*first.iterdir(), *(tmp_path / "x").iterdir()]:
                archive.write(path, f"{path.parent.name}/{path.name}")
        shutil.rmtree(first)
        first = tmp_path / "a.zip"
    out = tmp_path / "c"
    assert max(taken(first, out=out).cohort.chosen()["slices"]) == 4
    both = taken(second, out=out).cohort.chosen()
    assert sorted(both["slices"]) == ([2, 8] if packed else [8])
    for paths in ([first], [second], [first, second]):
        again = taken(*paths, out=out)
        assert again.read == 0
        assert again.cohort.chosen().equals(both)
    second.rename(tmp_path / "moved")
    assert 4 in taken(first, out=out).cohort.chosen()["slices"]


def test_a_series_that_comes_later_from_elsewhere_takes_no_place(tmp_path: Path):
    soft = write_study(tmp_path / "soft", UID, slices=8)
    other = {"SeriesInstanceUID": "1.2.10.7", "ConvolutionKernel": "H60s"}
    bone = write_study(tmp_path / "bone", UID, seed=1, slices=6, **other)
    taken(soft, out=tmp_path / "c")
    later = taken(bone, out=tmp_path / "c").cohort.scans()
    assert sorted(later.select("slices", "chosen").rows()) == [(6, False), (8, True)]
    assert later.equals(taken(bone, soft, out=tmp_path / "d").cohort.scans())


def test_people_without_an_id_who_share_a_uid_stay_apart_in_any_runs(tmp_path: Path):
    folders = [
        write_study(
            tmp_path / name,
            UID,
            "",
            seed,
            slices=4,
            PatientName=name,
            SeriesInstanceUID=f"{UID}.{seed}",
        )
        for seed, name in enumerate(["DOE^ANNA", "ROE^BOB"], 1)
    ]
    out = tmp_path / "c"
    first = taken(folders[0], out=out).cohort.scans()["study"].to_list()
    both = taken(folders[1], out=out).cohort.scans()["study"].to_list()
    assert (len(set(both)), set(first) < set(both)) == (2, True)
    for paths in (folders[:1], folders[1:], folders):
        again = taken(*paths, out=out)
        assert (again.read, again.cohort.scans()["study"].to_list()) == (0, both)
    assert read_rejects(out / "rejects.csv") == []


def test_a_file_exchanged_with_its_size_and_time_kept_is_read_again(tmp_path: Path):
    scans, other = (write_study(tmp_path / str(n), UID, seed=n, slices=2) for n in (1, 2))
    for path in [*scans.iterdir(), *other.iterdir()]:
        os.utime(path, (1e9, 1e9))
    before = taken(scans, out=tmp_path / "c").cohort.chosen()["pixel_hash"]
    for path in other.iterdir():
        shutil.copy2(path, scans / path.name)
    again = taken(scans, out=tmp_path / "c")
    assert again.read == 1
    assert again.cohort.chosen()["pixel_hash"].to_list() != before.to_list()


def test_a_study_whose_files_contradict_each_other_does_so_in_any_order_of_runs(tmp_path: Path):
    one, two = (write_study(tmp_path / str(n), UID, seed=n, slices=3) for n in (1, 2))
    copy = Path(shutil.copytree(one, tmp_path / "copy"))
    assert taken(one, out=tmp_path / "c").studies == 1
    for paths in ([two], [copy], [one]):
        done = taken(*paths, out=tmp_path / "c")
        (row,) = read_rejects(tmp_path / "c" / "rejects.csv")
        assert (done.studies, done.exit_code) == (0, 1)
        assert row["reason"] == "two slices are at one position but differ in their pixels"
        assert all(f"{tmp_path}/{name}/00.dcm" in row["remedy"] for name in ("1", "2"))
    shutil.rmtree(two)
    assert taken(copy, out=tmp_path / "c").studies == 1


def test_files_that_hold_another_study_now_leave_none_of_the_old_one(tmp_path: Path):
    scans, other = tmp_path / "s", write_study(tmp_path / "t", "1.2.77", "PID-9", slices=2)
    write_study(scans, UID, slices=2)
    before = taken(scans, other, out=tmp_path / "c").cohort.scans()["study"].to_list()
    write_study(scans, "1.2.99", "PID-2", seed=1, slices=2)
    after = taken(scans, out=tmp_path / "c").cohort.scans()["study"].to_list()
    assert (len(before), len(after), len({*before, *after})) == (2, 2, 3)
    for path in scans.iterdir():
        path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    assert taken(scans, other, out=tmp_path / "c").studies == 1


@pytest.mark.parametrize("salt", [None, b"another salt"])
def test_a_cohort_is_never_read_under_another_salt(tmp_path: Path, salt: bytes | None):
    scans, out = write_study(tmp_path / "s", UID, slices=2), tmp_path / "c"
    taken(scans, out=out)
    (out / "salt").unlink()
    if salt:
        (out / "salt").write_bytes(salt)
    (tmp_path / "t.csv").write_text(f"study,skull_fracture\n{UID},1\n")
    held = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for run in (
        lambda: taken(scans, out=out),
        lambda: split(out),
        lambda: match_labels(out, tmp_path / "t.csv"),
    ):
        with pytest.raises(MolreError, match="salt.*opy the file salt from where"):
            run()
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == held
    (out / "salt").unlink(missing_ok=True)
    (out / "salt").write_bytes(SALT)
    assert taken(scans, out=out).read == 0
