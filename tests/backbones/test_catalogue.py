"""The catalogue: names, and the nearest ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.backbones.catalogue import load
from molre.errors import MolreError


def test_unknown_name_has_the_nearest_one():
    with pytest.raises(MolreError, match=r"'efficientnet_lite'. Did you mean 'efficientnet_lite0'"):
        load("efficientnet_lite")


@pytest.mark.parametrize("name", ["", "timm:", "hf:", "resnet50", "TIMM:resnet10t"])
def test_what_is_no_name(name):
    with pytest.raises(MolreError, match="unknown backbone"):
        load(name)


def test_weights_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(MolreError, match="no such folder"):
        load("efficientnet_lite0", weights_dir=tmp_path / "none")
