"""What torchrun, accelerate launch and mpirun say of a process, as they write it."""

from __future__ import annotations

import pytest

from molre.errors import MolreError
from molre.training.parallel.launcher_env import Launched, launched

MEETING = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29500"}
TORCHRUN = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "5",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
}
INTEL_MPI = {"PMI_RANK": "5", "PMI_SIZE": "8", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "4"}


@pytest.mark.parametrize("said", [TORCHRUN, OPEN_MPI, INTEL_MPI])
def test_the_place_of_a_process(said: dict[str, str]) -> None:
    assert launched(MEETING | said) == Launched(5, 8, 1, 4)


def test_torchrun_inside_an_mpi_job_is_what_counts() -> None:
    outer = {"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}
    assert launched(MEETING | TORCHRUN | outer) == Launched(5, 8, 1, 4)


def test_processes_that_have_nowhere_to_meet_do_not_belong_together() -> None:
    assert launched({}) == launched(OPEN_MPI) == launched(INTEL_MPI) == Launched()
    with pytest.raises(MolreError, match="nothing says where they meet"):
        launched({"RANK": "0", "WORLD_SIZE": "2"})


def test_accelerate_that_starts_one_process_where_two_were_meant_is_noticed() -> None:
    assert launched(MEETING | {"ACCELERATE_USE_CPU": "True"}).alone_by_mistake
    assert not launched({"ACCELERATE_USE_CPU": "True"}).alone_by_mistake
    assert not launched(MEETING | {"ACCELERATE_USE_CPU": "True"} | OPEN_MPI).alone_by_mistake
