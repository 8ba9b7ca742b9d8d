"""What a run at placement ``blocks`` says of its adapters, against their tensors and the gates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl
import torch
from safetensors.torch import load_file

from molre.adapter.collapse import update_similarity
from molre.adapter.core import gate_entropy
from molre.adapter.reading import summary
from molre.arms.arms import blocks_adapters, routed_kinds
from molre.audit.check import FAIL, NUMBERS, PASS, Check, compared
from molre.audit.differences import leaves, mapping_differences, table_differences
from molre.audit.run_under_audit import RunUnderAudit

LAST = re.compile(r"\.(?:molre|lora)_B\.weight$")
PREFIX = "base_model.model."  # of tensor names, as PEFT writes them
CLOSE = 1e-5  # means of float32 in another order


def routed(opened: RunUnderAudit) -> Iterator[Check]:
    """A routed arm that ran has gates; one that has none was never executed."""
    described = opened.description
    if not {described.classifier.adapter, described.blocks} & routed_kinds():
        return
    missing = []
    if not opened.folder.table("routing").is_file():
        missing.append("routing.parquet is missing")
    if opened.manifest.get("gate_entropy") is None:
        missing.append("manifest.json has no gate_entropy")
    name = "gates of a routed arm are there"
    if missing:
        why = f"{' and '.join(missing)}: its router may never have run"
        yield Check(NUMBERS, name, FAIL, why)
    else:
        yield Check(NUMBERS, name, PASS, "routing.parquet and gate_entropy")


def inside(opened: RunUnderAudit) -> Iterator[Check]:
    """Sites, sizes and routers of manifest.json from the adapter's tensors and routing.parquet."""
    kind, manifest = opened.description.blocks, opened.manifest
    if kind == "none":
        return
    again: dict[str, Any] = {"added_parameters": opened.description.backbone.parameters}
    tensors: dict[str, torch.Tensor] = {}
    if not blocks_adapters()[kind].whole:
        tensors = load_file(opened.folder.model / "adapter" / "adapter_model.safetensors")
        again["added_parameters"] = sum(tensor.numel() for tensor in tensors.values())
    found = mapping_differences(manifest, again)
    told, seen = sorted(manifest.get("sites") or []), leaves(again) + len(tensors)
    sites = sorted({name.removeprefix(PREFIX).rsplit(".", 2)[0] for name in tensors})
    if told != sites:
        found.append(f"it names {len(told)} sites, its tensors {len(sites)} or other ones")
    name = "adapter of manifest.json from its tensors"
    yield compared(NUMBERS, name, seen, found)
    yield from _ran(tensors)
    if opened.folder.table("routing").is_file():
        yield _routers(opened, tensors, sites)


def _ran(tensors: dict[str, torch.Tensor]) -> Iterator[Check]:
    """Adapters end in a matrix that starts at zero and stays there where nothing runs them."""
    last = {name: tensor for name, tensor in tensors.items() if LAST.search(name)}
    if not last:
        return
    still = sorted(name for name, tensor in last.items() if not tensor.any())
    found = [f"{name} is zero as it started: the layer may never have run" for name in still]
    yield compared(NUMBERS, "every adapted layer was trained", len(last), found)


def _routers(opened: RunUnderAudit, tensors: dict[str, torch.Tensor], sites: list[str]) -> Check:
    table, experts = opened.folder.read("routing"), opened.config.num_experts
    layers = table.partition_by("layer", maintain_order=True, as_dict=True)
    gates = {str(name): torch.tensor(rows["gates"].to_list()) for (name,), rows in layers.items()}
    routers = summary(gates)
    off_diagonal = ~torch.eye(experts, dtype=torch.bool)
    for name in gates:
        a, b = (tensors[f"{PREFIX}{name}.molre_{x}.weight"].flatten(1) for x in "AB")
        similar = update_similarity(a, b, experts)
        routers[name]["expert_similarity"] = float(similar[off_diagonal].mean())
    entropy = float(gate_entropy(torch.stack(list(gates.values()))))
    again = {"gate_entropy": entropy, "routers": routers}
    found = mapping_differences(opened.manifest, again, CLOSE)
    if sorted(gates) != sites:
        found.append("routing.parquet has other layers than the adapter")
    found += [f"routing.parquet {one}" for one in _rows(opened, gates)]
    words = "routers of manifest.json from routing.parquet and the adapter"
    return compared(NUMBERS, words, leaves(again) + table.height, found)


def _rows(opened: RunUnderAudit, gates: dict[str, torch.Tensor]) -> list[str]:
    """Which slices are in the table: those of the test scans, once a layer; gates sum to one."""
    from molre.training.write_run import routing_of

    if not opened.has("splits"):
        return []
    stored = opened.folder.read("routing")
    test, parts = opened.splits["test"], []
    for name, seen in gates.items():
        parts.append(routing_of(test, opened.cache, name, seen))
    sums = stored["gates"].list.sum()
    odd = [f"row {i} sums to {s:.4f}" for i, s in enumerate(sums) if not abs(s - 1) <= 1e-4]
    return odd + table_differences(stored, pl.concat(parts), ("study", "slice"), CLOSE)
