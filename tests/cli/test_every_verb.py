"""Whatever a user gets wrong, in any verb: one sentence, exit code 2, nothing written.

Verbs and options are taken from the command line itself, so that one that is added is held too.
"""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

from molre.cli.main import VERBS, main
from molre.cli.verb import Verb
from tests.conftest import Once
from tests.helpers.cli.ready import write_ready
from tests.helpers.cli.untrained import write_model
from tests.helpers.cohort.dicoms import write_study
from tests.helpers.evaluation.runs import write_run

COMMANDS = {
    verb: __import__(f"molre.cli.{verb.replace('-', '_')}", fromlist=["command"]).command
    for verb in VERBS
}
OUT = "new/out"
SHORT = ("--set", "max_epochs=1", "--set", "learning_rates=[0.01]", "--workers", "1")
# what each verb needs; names of places that the fixture below makes
NEEDS: dict[str, tuple[str, ...]] = {
    "demo": ("-o", OUT),
    "ingest": ("study", "-o", OUT),
    "label": ("labels.csv", "--cohort", "cohort"),
    "label-audit": ("labels.csv", "labels.csv", "-o", OUT),
    "label-sample": ("labels.csv", "-o", OUT),
    "label-merge": ("labels.csv", "decisions.csv", "-o", f"{OUT}.csv"),
    "split": ("cohort",),
    "embed": ("cohort",),
    "train": ("cohort", "-o", OUT),
    "evaluate": ("run",),
    "compare": ("run", "run2", "-o", OUT),
    "audit": ("run", "-o", OUT),
    "consistency": ("model", "cohort", "-o", OUT),
    "benchmark": ("cohort", "--preset", "smoke", "-o", OUT),
    "control": ("-o", OUT, "--small", "--seeds", "1", "--conflict", "1", *SHORT),
    "predict": ("model", "study", "-o", OUT),
    "phantom": ("-o", OUT),
    "list": ("arms",),
    "doctor": ("--cohort", "cohort"),
}
BAD_DEVICES = ("", "gpu", "cuda:x", "cuda:", "cuda:-1", "cuda:99", "mps", "xpu", "CPU", "meta", "0")
BAD_NUMBERS = {
    int: ("-1", "-2", "1e3", "x", "9" * 30, "-" + "9" * 30, "9" * 5000),
    float: ("nan", "inf", "-inf", "x", "0x1"),
}


def options(verb: str) -> dict[str, tuple[type, int]]:
    """Name on the command line, kind of value, and how many values, of each option."""
    found: dict[str, tuple[type, int]] = {}
    hints = typing.get_type_hints(COMMANDS[verb], include_extras=True)
    for name in inspect.signature(COMMANDS[verb]).parameters:
        kind, told = hints[name].__origin__, hints[name].__metadata__[0]
        if type(told).__name__ != "OptionInfo":
            continue
        written = [told.default, *(told.param_decls or ())]
        flags = [flag for flag in written if str(flag).startswith("-")]
        values = tuple(k for k in _leaves(kind) if k is not type(None))
        if values[0] is not bool:
            flag = flags[0] if flags else f"--{name.replace('_', '-')}"
            found[flag] = values[0], len(values)
    return found


def _leaves(kind: Any) -> list[Any]:
    """The types that an annotation is made of; a choice of words is a text."""
    if typing.get_origin(kind) is typing.Literal:
        return [str]
    inside = typing.get_args(kind)
    return [leaf for part in inside for leaf in _leaves(part)] if inside else [kind]


ROWS = [(verb, flag, *told) for verb in VERBS for flag, told in options(verb).items()]


@pytest.fixture(scope="module")
def ready(once: Once) -> Path:
    """A study, a cohort, runs and a model, and places that are none of these."""

    def make(root: Path) -> None:
        write_study(root / "study", "1.2.10", slices=4)
        write_ready(root / "cohort", studies=8)
        write_run(root / "run")
        write_run(root / "run2", arm="frozen")
        write_model(root / "model")
        (root / "labels.csv").write_text("study,skull_fracture\n1.2.10,1\n")
        head = "study,finding,state,source,labeller,evidence\n"
        (root / "decisions.csv").write_text(f"{head}1.2.10,skull_fracture,absent,reader,AB,\n")
        (root / "a file").write_text("x")
        (root / "a folder").mkdir()
        (root / "a folder/notes.txt").write_text("mine")

    return once("every-verb", make)


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ready: Path):
    """Run molre beside those places; it must refuse in one sentence. Gives the sentence."""
    monkeypatch.chdir(ready)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["molre", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        assert left.value.code == 2, said
        assert "Traceback" not in said.err
        last = said.err.splitlines()[-1]
        assert last.startswith("molre: ")
        assert last.endswith((".", "?"))
        # a demo says what it begins with; warnings of libraries are not ours
        assert len([line for line in said.err.splitlines() if "molre" in line]) == 1
        assert said.out == ""
        assert not (ready / "new").exists()
        return last

    yield run
    shutil.rmtree(ready / "new", ignore_errors=True)


def without(verb: str, flag: str) -> list[str]:
    """What a verb needs, except for one option."""
    needs = list(NEEDS[verb])
    short = {"--out": "-o"}.get(flag, flag)
    if short in needs:
        at = needs.index(short)
        del needs[at : at + 2]
    return needs


def test_every_verb_is_held() -> None:
    assert set(NEEDS) == set(VERBS)
    assert {flag for _, flag, *_ in ROWS} > {"--out", "--workers", "--device", "--weights-dir"}


# the one text that is empty by default
@pytest.mark.parametrize(
    ("verb", "flag", "kind", "count"), [row for row in ROWS if row[1] != "--labeller"]
)
def test_an_empty_text_is_no_value(refused, verb: str, flag: str, kind: type, count: int) -> None:
    rest = without(verb, flag)
    said = refused(verb, *rest, flag, *[""] * count)
    assert flag in said
    if flag.startswith("--") and count == 1:
        assert refused(verb, *rest, f"{flag}=") == said


@pytest.mark.parametrize("verb", [v for v in VERBS if not NEEDS[v][0].startswith("-")])
def test_an_empty_text_is_not_the_current_folder(refused, verb: str) -> None:
    assert "empty" in refused(verb, "", *NEEDS[verb][1:])


@pytest.mark.parametrize(
    ("verb", "flag", "kind", "count"), [row for row in ROWS if row[2] in BAD_NUMBERS]
)
def test_numbers_that_cannot_be(refused, verb: str, flag: str, kind: type, count: int) -> None:
    for value in BAD_NUMBERS[kind]:
        assert flag in refused(verb, *without(verb, flag), flag, *[value] * count)


@pytest.mark.parametrize("verb", [verb for verb, flag, *_ in ROWS if flag == "--device"])
def test_a_device_that_is_not_here_is_refused_before_anything_is_loaded(refused, verb: str) -> None:
    import torch

    here = ("mps", torch.backends.mps.is_available()), ("xpu", torch.xpu.is_available())
    # places that do not exist: they are not looked at before the device is
    nowhere = [part if part.startswith("-") else f"{part}/nowhere" for part in NEEDS[verb]]
    for device in BAD_DEVICES:
        if (device, True) not in here:
            said = refused(verb, *nowhere, "--device", device)
            assert "--device" in said
            assert "nowhere" not in said


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_and_one_too_many(refused, verb: str) -> None:
    assert "--no-such-option" in refused(verb, *NEEDS[verb], "--no-such-option")
    assert f"molre {verb} --help" in refused(verb, *NEEDS[verb], "--no-such-option")


@pytest.mark.parametrize(
    ("verb", "flag", "value"),
    [
        ("train", "--arm", "molrre"),
        ("train", "--placement", "nowhere"),
        ("train", "--backbone", "no_such_backbone"),
        ("train", "--set", "no_such_setting=1"),
        ("train", "--set", "seed"),
        ("train", "--set", "max_epochs=-1"),
        ("embed", "--backbone", "no_such_backbone"),
        ("consistency", "--split", "tset"),
        ("control", "--conflict", "1.5"),
        ("control", "--seeds", "0"),
        ("control", "--preset", "papers"),
        ("benchmark", "--preset", "papers"),
        ("benchmark", "--shard", "9/8"),
        ("ingest", "--missing-slices", "perhaps"),
        ("ingest", "--hu-map", "0:0"),
        ("embed", "--shard", "0/4"),
        ("ingest", "--shard", "0/0"),
        ("ingest", "--shard", "-1/2"),
        ("ingest", "--shard", "1/" + "9" * 5000),
        ("predict", "--hu-map", "nan:1"),
        ("phantom", "--findings", "no_such_finding"),
        ("phantom", "--prevalence", "2"),
        ("evaluate", "--prevalence", "-0.1"),
    ],
)
def test_a_value_that_there_is_not(refused, verb: str, flag: str, value: str) -> None:
    refused(verb, *without(verb, flag), flag, value)


PLACES = [(verb, i) for verb, needs in NEEDS.items() for i, p in enumerate(needs) if p != "arms"]
PLACES = [(verb, i) for verb, i in PLACES if not NEEDS[verb][i].startswith("-")]
PLACES = [(verb, i) for verb, i in PLACES if NEEDS[verb][i] != "smoke"]


@pytest.mark.parametrize(("verb", "at"), PLACES)
def test_places_that_cannot_be_read_or_written(refused, verb: str, at: int) -> None:
    for_output = NEEDS[verb][at] == OUT
    bad = ["a file", "a file/within", "a folder", "/proc/nowhere", "/dev/full", "x" * 300]
    if not for_output:
        bad += ["nowhere", "no\nwhere", os.fsdecode(b"caf\xe9"), "\N{SNOWMAN}"]
    for place in bad:
        needs = list(NEEDS[verb])
        needs[at] = place
        refused(verb, *needs)


OTHERS = [
    (verb, holds)
    for verb in VERBS
    for holds in ("cohort", "run", "model")
    if "-o" in NEEDS[verb] and (verb, holds) != ("ingest", "cohort")
]


@pytest.mark.parametrize(("verb", "holds"), OTHERS)
def test_another_kind_of_output_is_left_alone(refused, ready: Path, verb: str, holds: str) -> None:
    before = {p: p.stat().st_mtime_ns for p in (ready / holds).rglob("*")}
    assert holds in refused(verb, *without(verb, "-o"), "-o", holds)
    assert {p: p.stat().st_mtime_ns for p in (ready / holds).rglob("*")} == before


@pytest.mark.parametrize("verb", [v for v in VERBS if "-o" in NEEDS[v]])
def test_home_is_spelt_out(monkeypatch: pytest.MonkeyPatch, ready: Path, verb: str) -> None:
    """A shell leaves ``~`` in ``--out=~/x``."""
    seen: list[Path] = []
    monkeypatch.setattr(Verb, "invoke", lambda self, ctx: seen.append(ctx.params["out"]))
    monkeypatch.chdir(ready)
    monkeypatch.setenv("HOME", "/home/jane")
    monkeypatch.setattr(sys, "argv", ["molre", verb, *without(verb, "-o"), "--out=~/x"])
    with pytest.raises(SystemExit):
        main()
    assert seen == [Path("/home/jane/x")]


@pytest.mark.parametrize("flag", ["--cohort", "--weights-dir"])
@pytest.mark.parametrize("place", ["nowhere", "a file"])
def test_what_an_audit_is_to_be_checked_against_is_there(refused, flag: str, place: str) -> None:
    assert flag in refused("audit", "run", flag, place)
