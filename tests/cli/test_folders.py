"""Where each verb may write: a new or empty folder, or one of its own kind; nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from molre.cli.demo import forget
from molre.cohort.rejects import Rejected, write_rejects
from molre.errors import MolreError
from molre.folders import KINDS, claim, claim_file

# what each verb leaves, also where it was interrupted
OWN = {
    "cohort": ["cohort.json", "salt", "scans.parquet", "rejects.csv", "state/a.json"],
    "model": ["checksums.json", "model.json", "README.md"],
    "benchmark": ["config.yaml", "state/a.json", "table.csv", "report.html"],
    "demo": ["phantoms/phantom.json", "cohort/cohort.json", "contrasts.csv", "report.html"],
    "phantoms": ["phantom.json", "README.txt", "labels.csv"],
    "run": ["config.yaml", "checkpoint-0.001.safetensors"],
    "external": ["manifest.json", "predictions.parquet", "report.html"],
    "predictions": ["0123456789abcdef/prediction.json", "rejects.csv"],
    "comparison": ["comparison.csv", "contrasts.csv", "report.html"],
    "control": ["control.csv", "control_contrasts.csv", "fits/molre-0-conflict-1.json"],
    "consistency": ["consistency.csv", "pairs.parquet", "report.html"],
    "audit": ["audit.json", "audit.html"],
    "label-audit": ["agreement.csv", "agreement.json", "report.html", "report.json"],
}
TEXT = {
    ("benchmark", "config.yaml"): "backbones:\n- name: x\n",
    ("run", "config.yaml"): "seed: 0\narm: molre\n",
    ("external", "manifest.json"): json.dumps({"arm": "molre", "external": {}}, indent=2),
}


def fill(folder: Path, kind: str) -> Path:
    for name in OWN[kind]:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(TEXT.get((kind, name), "x"))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_new_empty_and_its_own(tmp_path: Path, kind: str) -> None:
    claim(tmp_path / "new/and/deep", kind)
    assert not (tmp_path / "new").exists()
    (tmp_path / ".DS_Store").write_text("hidden files are overlooked")
    claim(tmp_path, kind)
    claim(fill(tmp_path / "own", kind), kind)
    (tmp_path / "own/notes.txt").write_text("what a user adds to it stays")
    claim(tmp_path / "own", kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_of_another_kind(tmp_path: Path, kind: str, other: str) -> None:
    if kind == other:
        return
    folder = fill(tmp_path / "there", other)
    with pytest.raises(MolreError, match=r"not .*Name a new or empty folder") as refused:
        claim(folder, kind)
    assert KINDS[other][0] in refused.value.message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["notes.txt", "config.yaml", "rejects.csv", "a.html", "src/a"])
def test_of_somebody_else(tmp_path: Path, kind: str, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("paths: mine\n")
    with pytest.raises(MolreError, match=name.split("/")[0]):
        claim(tmp_path, kind)


def test_a_trained_run_is_not_written_over_by_an_external_evaluation(tmp_path: Path) -> None:
    run = fill(tmp_path, "run")
    for name in ("manifest.json", "predictions.parquet", "report.html"):
        (run / name).write_text("x")
    claim(run, "run")
    with pytest.raises(MolreError, match="holds a run, not an external evaluation"):
        claim(run, "external")


@pytest.mark.parametrize("kind", KINDS)
def test_a_verb_that_left_nothing_but_its_rejects_may_run_again(tmp_path: Path, kind: str) -> None:
    write_rejects(tmp_path / "rejects.csv", [Rejected("a.dcm", "", "is empty", "copy it again")])
    if kind in ("predictions", "consistency", "external"):
        claim(tmp_path, kind)
    else:
        with pytest.raises(MolreError, match=r"rejects\.csv"):
            claim(tmp_path, kind)


def test_a_study_begun_and_not_written_is_no_stranger(tmp_path: Path) -> None:
    (tmp_path / "0123456789abcdef").mkdir()
    claim(tmp_path, "predictions")
    with pytest.raises(MolreError):
        claim(tmp_path, "run")


def test_a_demo_that_starts_again_leaves_what_others_put_beside_it(tmp_path: Path) -> None:
    fill(tmp_path, "demo")
    (tmp_path / "thesis.txt").write_text("mine")
    forget(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/within", "file/within/it"):
        with pytest.raises(MolreError, match="is a file"):
            claim(tmp_path / place, "run")


@pytest.mark.skipif(os.access("/proc/1/ns", os.W_OK), reason="this user may write everywhere")
def test_a_place_that_cannot_be_written() -> None:
    with pytest.raises(MolreError, match="nothing can be written"):
        claim(Path("/proc/1/ns/new"), "run")


@pytest.mark.parametrize("there", [b"", b"a,b\n", b"a,b\n1,2\n"])
def test_a_table_of_before_is_replaced(tmp_path: Path, there: bytes) -> None:
    (tmp_path / "map.csv").write_bytes(there)
    claim_file(tmp_path / "map.csv", "a,b")
    claim_file(tmp_path / "new/map.csv", "a,b")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("there", [b"a,b,c\n", b"a,b", b"study,a\n", bytes(128) + b"DICM"])
def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path, there: bytes) -> None:
    (tmp_path / "scan.dcm").write_bytes(there)
    with pytest.raises(MolreError, match="holds something else"):
        claim_file(tmp_path / "scan.dcm", "a,b")
    assert (tmp_path / "scan.dcm").read_bytes() == there


def test_a_table_has_a_place_to_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for place in (tmp_path, tmp_path / "file/map.csv"):
        with pytest.raises(MolreError, match="is a f"):
            claim_file(place, "a,b")
