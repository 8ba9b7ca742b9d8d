"""Which runs can be compared, and how they differ besides their arm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from molre.errors import MolreError
from molre.runs.run import Run

# Settings that tell runs apart anyway, or change nothing but time and memory.
_APART = {"arm", "seed", "placement", "backbone", "contract"}
_FREE = {"prefix_cache", "slice_budget", "workers", "device"}


def group_names(runs: Sequence[Run]) -> tuple[str, ...]:
    """Backbone and placement of each run; with the contract where a backbone has several.

    Pixels prepared in another way are another input, so arms are only compared inside a contract.
    """
    plain = [f"{run.manifest['backbone']['name']}, {run.manifest['placement']}" for run in runs]
    contracts: dict[str, set[str]] = {}
    for name, run in zip(plain, runs, strict=True):
        contracts.setdefault(name, set()).add(_contract(run))
    return tuple(
        f"{name}, contract {_contract(run)[:8]}" if len(contracts[name]) > 1 else name
        for name, run in zip(plain, runs, strict=True)
    )


def setting_notes(runs: Sequence[Run], groups: Sequence[str]) -> list[str]:
    """One sentence for each thing in which runs differ and should not.

    Args:
        runs: all.
        groups: from :func:`group_names`.
    """
    notes = _contract_notes(runs)
    for group in dict.fromkeys(groups):
        members = [run for run, name in zip(runs, groups, strict=True) if name == group]
        weights = {run.manifest["backbone"].get("weights_sha256") for run in members}
        if len(weights) > 1:
            notes.append(
                f"The runs of {group} used {len(weights)} different files of backbone weights: "
                "differences between arms may come from that."
            )
        for key, values in sorted(_differing(members).items()):
            notes.append(
                f"The runs of {group} were not trained in the same way: {key} is "
                f"{' or '.join(values)}. "
                "Differences between arms may come from that."
            )
    return notes


def _contract_notes(runs: Sequence[Run]) -> list[str]:
    contracts: dict[str, set[str]] = {}
    for run in runs:
        contracts.setdefault(str(run.manifest["backbone"]["name"]), set()).add(_contract(run))
    return [
        f"{name} was given pixels by {len(found)} different contracts (windows, size or slab): "
        "those runs have different inputs, and are compared only among themselves."
        for name, found in sorted(contracts.items())
        if len(found) > 1
    ]


def _contract(run: Run) -> str:
    return str(run.manifest["backbone"].get("contract_hash") or "unknown")


def _differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Settings that are not the same in all runs, with their values."""
    settings = [one for run in runs if (one := _settings(run))]
    keys = {key for one in settings for key in one} - _APART - _FREE
    found = {}
    for key in keys:
        # A setting that an older run does not know had its default: that cannot be told here.
        values = sorted({str(one[key]) for one in settings if key in one})
        if len(values) > 1:
            found[key] = values
    return found


def _settings(run: Run) -> dict[str, Any]:
    try:
        return run.folder.settings()
    except MolreError:
        return {}
