"""Fixtures for every room."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# a loaded machine is slow, which is no failure
settings.register_profile("molre", deadline=None)
settings.load_profile("molre")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real scans and weights that live beside the repository, where they are at hand."""
    if not SHARED.is_dir():
        pytest.skip("needs the real scans and weights in ../shared, which are absent")
    return SHARED
