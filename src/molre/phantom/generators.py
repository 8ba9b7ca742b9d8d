"""All generators, by finding id: importing this module fills the registry."""

from __future__ import annotations

from molre.phantom.findings import chronic, hemorrhage, infarction, mass, structural, trauma
from molre.phantom.registry import GENERATORS, Generator

CATEGORIES = (hemorrhage, infarction, trauma, mass, structural, chronic)

__all__ = ["CATEGORIES", "GENERATORS", "Generator"]
