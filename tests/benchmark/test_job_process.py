"""What a job came to: an arm that does not apply is told apart from a failure by its kind."""

from __future__ import annotations

from pathlib import Path

from molre.backbones.request import BackboneRequest
from molre.benchmark.job_process import PROGRAM, do
from molre.workers.job import Job
from tests.helpers.cohort.cohorts import write_cohort


def embedding(tmp_path: Path, backbone: str) -> Job:
    cohort = write_cohort(tmp_path / "cohort", {"1.1": "p"})
    facts = {"cohort": str(cohort), "backbone": BackboneRequest(backbone).to_dict()}
    return Job(PROGRAM, "embed", "embed", str(tmp_path), {**facts, "workers": 1})


def test_a_network_without_weights_is_not_applicable_and_says_why(tmp_path: Path) -> None:
    outcome = do(embedding(tmp_path, "small3d"))
    assert outcome.state == "not applicable"
    assert outcome.reason.startswith("small3d has no weights")


def test_a_user_s_mistake_is_a_failure_in_its_own_sentence(tmp_path: Path) -> None:
    outcome = do(embedding(tmp_path, "small4d"))
    assert outcome.state == "failed"
    assert "did you mean" in outcome.reason.lower()
    assert "Traceback" not in outcome.reason
