"""Every finding can be planted at any severity, and shows more at a higher one."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.phantom.generators import GENERATORS
from molre.phantom.write import write_phantoms


@pytest.mark.parametrize("severity", [0.3, 2.5])
def test_all_findings_at_once_at_an_extreme_severity(tmp_path: Path, severity: float) -> None:
    written = write_phantoms(
        tmp_path / "p",
        studies=3,
        seed=9,
        severity=severity,
        findings=sorted(GENERATORS),
        prevalence=1.0,
        workers=1,
    )
    assert written.made == 3
