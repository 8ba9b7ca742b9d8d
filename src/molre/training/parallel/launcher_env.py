"""What a launcher (torchrun, accelerate launch, mpirun) says of a process, in its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from molre.errors import MolreError

RANK = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
WORLD = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
LOCAL_RANK = ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK")
LOCAL_WORLD = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE")
MEETING = ("MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launched:
    """The place of a process among those of its run.

    Attributes:
        rank: which one it is, from 0.
        world: how many there are.
        local_rank: which one on its machine.
        local_world: how many on its machine.
        alone_by_mistake: more were asked for than the launcher has started.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    alone_by_mistake: bool = False


def launched(environment: Mapping[str, str] = os.environ) -> Launched:
    """Read torchrun's names, or those of MPI (Intel MPI, Open MPI, MVAPICH).

    MPI's count only where there is a place to meet as well, as ``accelerate launch`` and a user
    who means it give: mpirun and srun also start processes that have nothing to do with each other.

    Args:
        environment: of the process.

    Raises:
        MolreError: several processes and no place to meet.
    """
    meeting = all(name in environment for name in MEETING)

    def number(name: str, of_mpi: Sequence[str], otherwise: int) -> int:
        names = (name, *of_mpi) if meeting else (name,)
        return int(next((environment[n] for n in names if n in environment), otherwise))

    world = number("WORLD_SIZE", WORLD, 1)
    if world > 1 and not meeting:
        raise MolreError(
            f"{world} processes, and nothing says where they meet ({' and '.join(MEETING)})",
            where="WORLD_SIZE",
            fix="start them with torchrun, or set both",
        )
    # on a CPU accelerate sets a place to meet for several, and without MPI starts one
    mistake = world == 1 and meeting and "ACCELERATE_USE_CPU" in environment
    return Launched(
        number("RANK", RANK, 0),
        world,
        number("LOCAL_RANK", LOCAL_RANK, 0),
        number("LOCAL_WORLD_SIZE", LOCAL_WORLD, 1),
        mistake,
    )
