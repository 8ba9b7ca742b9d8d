"""Gates as they are written, slice by slice, and read, averaged over slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from molre.embedding.volume_pixels import WHOLE
from molre.runs.folder import RunFolder
from molre.runs.gates import entropy_by_slice, gate_rows, read_gates

EVEN, SURE = [0.5, 0.5], [1.0, 0.0]


def test_what_is_written_is_read_averaged_over_slices(tmp_path: Path) -> None:
    slices, run = [np.array([2, 5]), np.array([4])], RunFolder(tmp_path)
    layers = [
        gate_rows(["a", "b"], slices, "first", [EVEN, SURE, SURE]),
        gate_rows(["a", "b"], slices, "second", [EVEN, EVEN, EVEN]),
    ]
    table = pl.concat(layers)
    run.write_table("routing", table)
    assert table["slice"].to_list() == [2, 5, 4] * 2
    gates = read_gates(run, ["a", "b"])
    assert gates is not None
    assert (gates.layers, gates.slices) == (("first", "second"), 3)
    np.testing.assert_allclose(gates.mean[:, 0], [[0.75, 0.25], [1, 0]])
    np.testing.assert_allclose(gates.entropy, [[0.5, 1], [0, 1]], atol=1e-9)


def test_gates_of_a_whole_volume_have_no_slice() -> None:
    rows = gate_rows(["a"], [np.array([WHOLE])], "slice", [SURE])
    assert rows["slice"].to_list() == [None]


def test_an_arm_without_a_router_has_none(tmp_path: Path) -> None:
    assert read_gates(RunFolder(tmp_path), ["a"]) is None


def test_entropy_is_a_share_of_its_maximum() -> None:
    rows = np.array([[0.25] * 4, [1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(entropy_by_slice(rows), [1, 0, 0.5], atol=1e-12)
    np.testing.assert_array_equal(entropy_by_slice(np.ones((2, 1))), [1, 1])
