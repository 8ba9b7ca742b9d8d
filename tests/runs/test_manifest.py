"""manifest.json: what makes a folder a run, and one writer of what it says of the backbone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from molre.backbones.catalogue import load as load_backbone
from molre.errors import MolreError
from molre.runs.folder import RunFolder
from molre.runs.manifest import (
    PACKAGES,
    backbone_facts,
    read_manifest,
    scans_are_synthetic,
    stamp,
    write_manifest,
)
from molre.training.write_run import backbone_entry


def test_what_is_written_is_read_again_with_the_version_first(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    write_manifest(run, {"arm": "molre", "format_version": 0} | stamp())
    content = read_manifest(run)
    assert [*content] == ["format_version", "arm", "versions", "created"]
    assert content["format_version"] == 1
    assert {*content["versions"]} == {"molre", "python", *PACKAGES}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not readable as a JSON object"),
        ("[]", "not readable as a JSON object"),
        ("{}", "has no format_version"),
        ('{"format_version": "1"}', "has no format_version"),
        (None, "missing"),
    ],
)
def test_what_is_not_a_manifest_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    run = RunFolder(tmp_path)
    if text is not None:
        run.manifest.write_text(text)
    with pytest.raises(MolreError, match=rf"manifest\.json: {words}"):
        read_manifest(run)


def test_the_backbone_is_what_the_model_folder_says_of_it() -> None:
    backbone = load_backbone("efficientnet_lite0")
    backbone.precision = "bfloat16"
    entry = backbone_entry(backbone)
    facts = json.loads(json.dumps(backbone_facts(entry)))
    told = entry.model_dump()
    assert facts.pop("weights_sha256") == told["weights"]["sha256"]
    assert facts == {key: told[key] for key in facts}
    assert facts["precision"] == "bfloat16"


@pytest.mark.parametrize(
    ("manifest", "synthetic"),
    [
        ({"synthetic": True}, True),
        ({"synthetic": False}, False),
        ({"synthetic": True, "external": {"scans_synthetic": False}}, False),
        ({"synthetic": True, "external": {"run": None}}, True),
    ],
)
def test_a_model_of_phantoms_may_be_tested_on_patients(manifest: dict, synthetic: bool) -> None:
    assert scans_are_synthetic(manifest) is synthetic
