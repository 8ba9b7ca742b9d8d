"""One layer under two names, one weight in two layers, and one model in two threads."""

from __future__ import annotations

import copy
import threading
from pathlib import Path

import pytest
import torch
from peft import PeftModel, get_peft_model
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from molre.adapter import MoLREConfig, gates

GATES = [0.2, 0.3, 0.5]


class Twice(nn.Module):
    """A projection under two names, and another with the same weight."""

    def __init__(self, *, one_weight: bool = False) -> None:
        super().__init__()
        self.q_proj, self.v_proj, self.other = (nn.Linear(8, 8) for _ in range(3))
        self.again = nn.ModuleList([self.q_proj])
        if one_weight:
            self.other.weight = self.q_proj.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.v_proj(self.q_proj(x)) + self.again[0](x) + self.other(x)


def adapted(base: nn.Module, **settings: object) -> PeftModel:
    config = MoLREConfig(r=2, num_experts=3, init_weights=False, **settings)  # type: ignore[arg-type]
    return get_peft_model(base, config).eval()


def test_a_layer_under_two_names_is_adapted_under_both(tmp_path: Path) -> None:
    torch.manual_seed(0)
    base, x = Twice(), torch.randn(2, 5, 8)
    before = base(x)
    model = adapted(base)
    inner = model.base_model.model
    assert inner.again[0] is inner.q_proj
    noted = gates(model, x)
    assert {name: len(g) for name, g in noted.items()} == {
        "base_model.model.q_proj": 4,  # two calls of two items
        "base_model.model.v_proj": 2,
    }
    after = model(x)
    model.save_pretrained(tmp_path)
    bare = copy.deepcopy(model).unload()
    assert torch.equal(bare(x), before)
    assert bare.again[0] is bare.q_proj
    assert torch.equal(PeftModel.from_pretrained(bare, tmp_path).eval()(x), after)


def test_a_weight_of_two_layers_is_not_merged_into() -> None:
    base, x = Twice(one_weight=True), torch.randn(2, 5, 8)
    model = adapted(base, fixed_gates=GATES)
    before = model(x)
    for merge in (model.merge_adapter, model.merge_and_unload):
        with pytest.raises(ValueError, match="q_proj is that of other as well"):
            merge()
    assert torch.equal(model(x), before)


def test_one_layer_under_two_names_is_merged_into_once() -> None:
    base, x = Twice(), torch.randn(2, 5, 8)
    model = adapted(base, fixed_gates=GATES)
    before = model(x)
    torch.testing.assert_close(model.merge_and_unload()(x), before)


class Eight(nn.Linear):
    """A layer that keeps its weight in eight bits and is a subclass of nn.Linear."""

    def __init__(self) -> None:
        super().__init__(8, 8)
        whole = (self.weight.detach() * 127).round().to(torch.int8)
        self.weight = nn.Parameter(whole, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight.to(x.dtype) / 127, self.bias)


def test_nothing_is_merged_into_whole_numbers() -> None:
    base = nn.ModuleDict({"q_proj": Eight(), "v_proj": Eight()})
    model = adapted(base, fixed_gates=GATES)
    with pytest.raises(ValueError, match="keeps its weight as int8"):
        model.merge_adapter()


def bert() -> PeftModel:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    return adapted(BertModel(BertConfig(vocab_size=30, num_hidden_layers=1, **sizes)))


def test_two_threads_do_not_take_each_others_padding() -> None:
    """As nn.DataParallel and servers call a model; held by barriers, not by luck."""
    model, ids = bert(), torch.randint(1, 30, (2, 6))
    masks = [torch.ones_like(ids), torch.tensor([[1, 1, 0, 0, 0, 0]] * 2)]
    with torch.no_grad():
        wanted = [model(ids, attention_mask=mask)[0] for mask in masks]
    told, found = threading.Barrier(2), [torch.empty(0)] * 2

    def wait(*_: object) -> None:  # until both have noted all their masks
        told.wait(20)

    query = model.base_model.model.encoder.layer[0].attention.self.query
    query.register_forward_pre_hook(wait)

    def call(i: int) -> None:
        with torch.no_grad():
            found[i] = model(ids, attention_mask=masks[i])[0]

    threads = [threading.Thread(target=call, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, want in zip(found, wanted, strict=True):
        torch.testing.assert_close(got, want)


def test_a_copy_has_masks_of_its_own() -> None:
    model, ids = bert(), torch.randint(1, 30, (2, 6))
    mask = torch.tensor([[1, 1, 0, 0, 0, 0]] * 2)
    twin = copy.deepcopy(model)
    want = model(ids, attention_mask=mask)[0]
    model(ids)
    torch.testing.assert_close(twin(ids, attention_mask=mask)[0], want)
