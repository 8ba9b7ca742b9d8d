"""The most expensive check, run on request: the whole run is trained again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from molre.audit.check import FAIL, FLAG, NUMBERS, Check, compared
from molre.audit.differences import cells, table_differences
from molre.audit.run_under_audit import RunUnderAudit
from molre.model import folder
from molre.model.folder import TrainedModel
from molre.runs.folder import RunFolder

WEIGHTS = 1e-4  # absolute and relative


def retrained(opened: RunUnderAudit) -> Iterator[Check]:
    """The run trained again from its settings: history and weights come out the same.

    On a CPU, with the same versions, they do to the bit; other versions, processors or devices
    round otherwise, and training makes that larger, so there a difference is only a flag.
    """
    from molre.training.train import train

    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        out = Path(place) / "run"
        train(
            opened.cohort.path,
            out,
            opened.config,
            weights_dir=opened.weights_dir,
            device=opened.device,
            unverified=True,  # whoever trained the run took the backbone as it is
        )
        history = RunFolder(out).read("history")
        found = table_differences(opened.history, history, ("learning_rate", "epoch"), WEIGHTS)
        name = "history and weights, trained again"
        model = folder.load(RunFolder(out).model)
        found += _weights(opened.model, model)
        seen = cells(history) + sum(t.numel() for t in model.classifier.state_dict().values())
        check = compared(NUMBERS, name, seen, found)
        if check.outcome == FAIL and not _same_versions(opened, out):
            why = f"{check.found}; but the versions of the packages are not those of the run"
            check = Check(NUMBERS, name, FLAG, why)
        yield check


def _weights(stored: TrainedModel, again: TrainedModel) -> list[str]:
    old, new = stored.classifier.state_dict(), again.classifier.state_dict()
    if old.keys() != new.keys():
        return ["the model has other tensors"]
    return [
        f"weights {name} differ by up to {float((old[name] - new[name]).abs().max()):.3g}"
        for name in old
        if old[name].shape != new[name].shape
        or not torch.allclose(old[name], new[name], rtol=WEIGHTS, atol=WEIGHTS)
    ]


def _same_versions(opened: RunUnderAudit, out: Path) -> bool:
    again = RunUnderAudit(out).manifest["versions"]
    return bool(np.all([opened.manifest.get("versions", {}).get(k) == again[k] for k in again]))
