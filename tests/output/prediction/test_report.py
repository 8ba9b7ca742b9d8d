"""The gates of one study on its page: six by number, 48 as bars and in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from molre.model.prediction import ModelUsed, Prediction, Routing
from molre.output.prediction.report import write_refusal_report


def page(folder: Path, gates: list[float]) -> str:
    used = ModelUsed(
        arm="molre", placement="slice", backbone="b", weights_sha256="0", model_sha256="0",
        trained_on="patients",
    )  # fmt: skip
    said = Prediction(
        molre_version="0", status="withheld", reasons=[], study="0" * 16, model=used,
        synthetic=False, routing=Routing(mean_gates=gates, entropy=0.9876),
    )  # fmt: skip
    write_refusal_report(said, folder / "report.html", trained_on_synthetic=False)
    return (folder / "report.html").read_text(encoding="utf-8")


def test_six_gates_are_numbers(tmp_path: Path) -> None:
    html = page(tmp_path, [0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    assert "Mean gate per expert: 0.50, 0.10, 0.10, 0.10, 0.10, 0.10;" in html
    assert "entropy 0.99 of its maximum" in html
    assert '<svg class="bars gates"' not in html


@pytest.mark.parametrize("experts", [13, 48])
def test_many_gates_are_bars_and_the_largest_are_named(tmp_path: Path, experts: int) -> None:
    gates = np.full(experts, 0.9 / (experts - 1))
    gates[10] = 0.1
    html = page(tmp_path, gates.tolist())
    assert html.count("<rect") == experts
    assert "Used most: expert 11 (0.100)" in html
    assert f"The other {experts - 5} share" in html
    assert "Entropy: 0.988 of its maximum" in html
    assert "Mean gate per expert" not in html
