"""The arm that a run is called by, against what its model holds.

A control that is another arm under its name decides a comparison, and every number of it follows
from its files. What tells an arm are the kind of its adapter, the ranks of it and, inside the
backbone, the layers that are adapted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from molre.arms.arms import get_arm
from molre.audit.check import FLAG, NUMBERS, PASS, SHOWN, Check, compared, not_checked
from molre.audit.differences import leaves, mapping_differences
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.backbone import Backbone
from molre.errors import MolreError
from molre.labels.findings import Finding, findings
from molre.runs.folder import MODEL
from molre.runs.reading import read_json
from molre.training.write_run import threshold_origin, trained_on

NAME = "the model matches the arm it names"
WORDS = "model.json in words: whose scans, license, thresholds"
CALLED = "findings of model.json named as in the findings table"
SITES = "adapted layers are those of the arm"
ADAPTER = Path(MODEL) / "adapter" / "adapter_config.json"


def named(opened: RunUnderAudit) -> Iterator[Check]:
    """Adapter, rank and experts of model.json and the adapter, as the arm has them."""
    config, description = opened.config, opened.description
    arm = get_arm(config.arm, config.placement)
    added = arm.blocks if config.placement == "blocks" else arm.slice
    assert added is not None
    kinds = {"adapter": "none", "blocks": "none"}
    kinds["blocks" if added is arm.blocks else "adapter"] = added.kind
    stored: dict[str, Any] = {
        "adapter": description.classifier.adapter,
        "blocks": description.blocks,
    }
    inside = arm.inside(config.placement)
    if inside is not None and inside.peft is not None:
        kinds |= inside.peft(config)
        stored |= read_json(opened.path / ADAPTER)
    found = mapping_differences(stored, kinds)
    yield compared(NUMBERS, NAME, leaves(kinds), found)


def words(opened: RunUnderAudit) -> Iterator[Check]:
    """What model.json says in words, and the card repeats: whose scans, license, thresholds."""
    said = opened.description
    counts = zip(said.calibrate_positives, said.calibrate_negatives, strict=True)
    origins = {
        entry.id: threshold_origin(*both)
        for entry, both in zip(said.findings, counts, strict=True)
        if entry.id in said.thresholds
    }
    again = {
        "trained_on": trained_on(said.synthetic),
        "license": said.backbone.weights.get("license"),
        "origins": origins,
    }
    stored = {
        "trained_on": said.trained_on,
        "license": said.license,
        "origins": {finding: one.origin for finding, one in said.thresholds.items()},
    }
    yield compared(NUMBERS, WORDS, leaves(again), mapping_differences(stored, again))
    table = findings().by_id
    odd = [
        f"{one.id} is called {one.name!r} ({one.category})"
        for one in said.findings
        if one.id in table and (one.name, one.category) != _name(table[one.id])
    ]
    outcome = FLAG if odd else PASS
    yield Check(NUMBERS, CALLED, outcome, "; ".join(odd[:SHOWN]) or f"{len(said.findings)} names")


def _name(finding: Finding) -> tuple[str, str]:
    return finding.name, finding.category


def sites(opened: RunUnderAudit, backbone: Backbone) -> Iterator[Check]:
    """Which layers the arm adapts in this backbone, found out again.

    Args:
        opened: the run.
        backbone: as it is loaded, not adapted.
    """
    from molre.model.adapted_backbone import modules_called

    config = opened.config
    arm = get_arm(config.arm, config.placement)
    inside = arm.inside(config.placement)
    if inside is None or inside.whole:
        return
    try:
        expected = arm.sites(backbone.network, config, called=modules_called(backbone))
    except MolreError as error:
        yield not_checked(NUMBERS, SITES, error.what)
        return
    told = sorted(opened.manifest.get("sites") or [])
    same = told == sorted(expected.layers)
    found = (
        [] if same else [f"{len(told)} layers; this arm has {len(expected.layers)}, or other ones"]
    )
    yield compared(NUMBERS, SITES, len(expected.layers), found)
