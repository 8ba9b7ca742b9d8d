"""What a study's answer is in one line: counted are the findings that have a threshold."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from molre.model.prediction import FindingScore
from molre.output.prediction.overview import above_in_words


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([(0.8, 0.5), (0.2, 0.5)], "1 of 2 findings at or above threshold"),
        ([(0.8, None), (0.7, None)], "no finding has a threshold (too few calibration studies)"),
        ([(0.8, None), (0.5, 0.5)], "1 of 1 findings at or above threshold, the others have none"),
    ],
)
def test_a_finding_without_a_threshold_is_not_below_it(scores, said: str) -> None:
    findings = [
        FindingScore(id=f"f{i}", name="", category="", probability=p, calibrated=True, threshold=t)
        for i, (p, t) in enumerate(scores)
    ]
    assert above_in_words(SimpleNamespace(findings=findings)) == said  # type: ignore[arg-type]
