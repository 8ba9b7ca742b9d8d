"""What arms add to a slice embedding."""

from __future__ import annotations

import pytest
import torch

from molre.arms.arms import slice_adapters
from molre.model.build import ClassifierSpec


@pytest.mark.parametrize("kind", slice_adapters())
def test_every_adapter_starts_as_the_identity(kind: str) -> None:
    sizes = ClassifierSpec(dim=12, findings=1, adapter=kind, r=2, router_hidden=4, bank_size=3)
    adapter = slice_adapters()[kind].build(sizes)
    x = torch.randn(2, 5, 12)
    adapted = adapter(x, torch.zeros(2, 5, dtype=torch.long))
    torch.testing.assert_close(adapted.read(torch.eye(12)), x)


def test_a_model_that_names_an_adapter_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"unknown adapter 'molr': did you mean 'molre'"):
        ClassifierSpec(dim=12, findings=1, adapter="molr")
