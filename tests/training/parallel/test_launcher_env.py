"""What torchrun says of a process, as it writes it."""

from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.training.parallel.launcher_env import LauncherEnv, launcher_env

MEETING = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}


def test_the_place_of_a_process() -> None:
    assert launcher_env(MEETING | TORCHRUN) == LauncherEnv(5, 8, 1, 4)
    assert launcher_env({}) == launcher_env(MEETING) == LauncherEnv(0, 1, 0, 1)


def test_processes_that_have_nowhere_to_meet_are_refused() -> None:
    with pytest.raises(MolreError, match="nothing says where they meet"):
        launcher_env(TORCHRUN)
