"""What a launcher (torchrun, or accelerate launch as torchrun) says about a process."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from molre.errors import MolreError

MEETING = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class LauncherEnv:
    """The place of a process among those of its run.

    Attributes:
        rank: which one it is, from 0.
        world: how many there are.
        local_rank: which one on its machine.
        local_world: how many on its machine.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1


def launcher_env(environment: Mapping[str, str] = os.environ) -> LauncherEnv:
    """Read torchrun's names.

    Args:
        environment: of the process.

    Raises:
        MolreError: several processes and no place to meet.
    """
    found = LauncherEnv(
        int(environment.get("RANK", 0)),
        int(environment.get("WORLD_SIZE", 1)),
        int(environment.get("LOCAL_RANK", 0)),
        int(environment.get("LOCAL_WORLD_SIZE", 1)),
    )
    if found.world > 1 and not all(name in environment for name in MEETING):
        raise MolreError(
            f"{found.world} processes, but nothing says where they meet ({' and '.join(MEETING)})",
            where="WORLD_SIZE",
            fix="start them with torchrun, or set both",
        )
    return found
