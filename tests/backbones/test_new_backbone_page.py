"""The code of docs/how-to/new-backbone.md makes a backbone, word for word."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import torch

from molre.backbones.preset_weights import load_preset
from tests.helpers.backbones.checkpoints import embed, pixels, save

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "new-backbone.md"


class MyNetwork(torch.nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.patches = torch.nn.Conv2d(1, 8, 16, 16)
        self.head = torch.nn.Linear(width, 8)
        self.head.weight = torch.nn.Parameter(torch.randn(8, width))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.patches(images).flatten(2).transpose(1, 2) @ self.head.weight


def test_the_module_on_the_page(tmp_path: Path, monkeypatch):
    package = ModuleType("my_package")
    package.MyNetwork = MyNetwork
    monkeypatch.setitem(sys.modules, "my_package", package)
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(\"\"\"My network.*?)```", text, re.DOTALL)
    module: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), module)
    network = MyNetwork(32)
    save(network.state_dict(), tmp_path / "my_network.safetensors")
    counted = sum(p.numel() for p in network.parameters())
    preset = replace(module["PRESETS"]["my_network"], parameters=counted)
    backbone = load_preset(preset, tmp_path)
    with torch.inference_mode():
        wanted = network(pixels(backbone)).mean(1)
    torch.testing.assert_close(embed(backbone, pixels(backbone)).pooled, wanted)
    assert backbone.dim == 32
