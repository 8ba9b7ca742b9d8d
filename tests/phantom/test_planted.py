"""Planted embeddings: what is in them is what they are said to hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.phantom.planted import LEVELS, LOOK_SIZE, World


@given(conflict=st.floats(0, 1))
def test_a_look_is_equally_strong_at_every_level_and_conflict(conflict: float) -> None:
    norms = np.linalg.norm(World(conflict).looks, axis=-1)
    np.testing.assert_allclose(norms, 1)


def test_without_conflict_a_look_is_the_same_at_all_levels() -> None:
    looks = World(0.0).looks
    np.testing.assert_allclose(looks, np.broadcast_to(looks[:, :1], looks.shape))


def test_with_conflict_half_of_the_levels_mean_the_opposite() -> None:
    looks = World(1.0).looks
    agreement = np.einsum("kld,kd->kl", looks, looks[:, 0])
    np.testing.assert_allclose(np.abs(agreement), 1)
    assert ((agreement > 0).sum(axis=1) == LEVELS // 2).all()
    np.testing.assert_allclose(looks.mean(axis=1), 0, atol=1e-12)


def test_the_same_seed_draws_the_same_labels_in_every_world() -> None:
    calm, torn = World(0.0).draw(50, seed=3), World(1.0).draw(50, seed=3)
    assert (calm.present == torn.present).all()
    assert calm.keys == torn.keys
    assert not (World(0.0).draw(50, seed=4).present == calm.present).all()


@pytest.mark.parametrize("conflict", [0.0, 1.0])
def test_who_knows_the_level_reads_every_finding_and_who_does_not_reads_it_without_conflict(
    conflict: float,
) -> None:
    """A slow reference reads each slice along the look of its level, or along the mean look."""
    world = World(conflict)
    drawn = world.draw(400, seed=7)
    x = drawn.embeddings.double().numpy() - 9.0 * world.level_directions[world.levels]
    knows = np.einsum("nsd,ksd->nsk", x, world.looks[:, world.levels])
    blind = np.einsum("nsd,kd->nsk", x, world.looks.mean(axis=1))

    def share_right(read: np.ndarray) -> float:
        strongest = np.take_along_axis(read, np.abs(read).argmax(axis=1)[:, None], axis=1)[:, 0]
        return float(((strongest > 0) == drawn.present).mean())

    assert LOOK_SIZE == 4.0
    assert share_right(knows) > 0.85
    assert share_right(blind) > 0.85 if conflict == 0 else share_right(blind) < 0.7


def test_a_conflict_is_a_share() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        World(1.5)
