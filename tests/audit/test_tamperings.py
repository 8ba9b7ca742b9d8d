"""Each row of the table of tamperings is found, by the check that it names; docs hold the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scanned import CONFIG, write_twice
from scene import Scene
from tamperings import (
    TAMPERINGS,
    Look,
    Tampering,
    compare_again,
    compared,
    runs_of,
    steady,
)

from molre.audit.check import PASS
from molre.audit.evaluated import evaluated_again
from molre.audit.opened import Opened
from molre.output.consistency_folder import consistency
from molre.training.train import train

DOCS = Path(__file__).parents[2] / "docs" / "how-to" / "audit.md"


@pytest.fixture(scope="session")
def whole(once: Callable[..., Path], trained: Path) -> Path:
    """``cohort``, ``run``, ``compared`` with three runs, ``steady``; nobody changes them."""

    def make(root: Path) -> None:
        for name in ("cohort", "run"):
            (root / name).symlink_to(trained / name)
        runs = root / "compared" / "runs"
        for arm, seed in (("frozen", 0), ("molre", 0), ("molre", 1)):
            config = CONFIG.model_copy(update={"arm": arm, "seed": seed, "max_epochs": 2})
            train(trained / "cohort", runs / f"{arm}-{seed}", config)
        compare_again(root / "compared", runs_of(root / "compared"))
        twice = write_twice(root / "twice")
        consistency(root / "run" / "model", twice, root / "steady", even_if_withheld=True)

    return once("tampered", make)


@pytest.fixture(scope="session")
def scratch(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run evaluated again beside itself, as an audit does."""
    opened = Opened(trained / "run")
    list(opened.whole())
    return evaluated_again(opened, tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize("row", TAMPERINGS, ids=[row.what for row in TAMPERINGS])
def test_a_tampering_is_found_by_the_check_that_the_table_names(
    whole: Path, scratch: Path, tmp_path: Path, row: Tampering
) -> None:
    scene = Scene(whole, tmp_path, scratch)
    row.how(scene)
    found = [c for c in row.look(scene) if c.name.startswith(row.check)]
    assert row.outcome in [check.outcome for check in found], row.look(scene)


LOOKS = list({row.look: row.check for row in TAMPERINGS}.items())


@pytest.mark.parametrize("look", [look for look, _ in LOOKS], ids=[name for _, name in LOOKS])
def test_without_tampering_nothing_is_found(
    whole: Path, scratch: Path, tmp_path: Path, look: Look
) -> None:
    scene = Scene(whole, tmp_path, scratch)
    compared(lambda out: None)(scene), steady(lambda out: None)(scene)
    assert {check.outcome for check in look(scene)} == {PASS}
