"""Charts that are drawn once: for rooms that render a run's page dozens of times.

That equal data are drawn to equal bytes is what tests/output shows.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

import pytest

from molre.output import charts
from molre.output.run import sections

DRAWERS = (
    (charts, ("forest", "reliability_plot", "training_curve", "heatmap", "bars")),
    (sections, ("decision_curves", "risk_coverage")),
)
_DRAWN: dict[bytes, str] = {}


@contextmanager
def drawn_once() -> Iterator[None]:
    """A chart of the same data is the one that was drawn before."""
    with pytest.MonkeyPatch.context() as patch:
        for module, names in DRAWERS:
            for name in names:
                patch.setattr(module, name, _remembered(getattr(module, name)))
        yield


def forget() -> None:
    """All charts are to be drawn again: for a test of just that."""
    _DRAWN.clear()


def _remembered(draw: Callable[..., str]) -> Callable[..., str]:
    @wraps(draw)
    def remembered(*data: object, **more: object) -> str:
        key = pickle.dumps((draw.__name__, data, more))
        if key not in _DRAWN:
            _DRAWN[key] = draw(*data, **more)
        return _DRAWN[key]

    return remembered
