"""A copy of a run, and of whatever else is to be tampered with; and what an audit finds in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import polars as pl
import torch
from safetensors.torch import load_file, save_file

from molre import files
from molre.audit.audit import CHECKERS, Checker, made
from molre.audit.check import Check
from molre.audit.checks.reports import against
from molre.audit.run_under_audit import RunUnderAudit
from molre.cohort.cohort import write_table
from molre.model import folder
from molre.training.load_splits import data_hashes
from tests.helpers.audit import tamper

TENSORS = "model/model.safetensors"


@dataclass(frozen=True)
class Scene:
    """What a tamperer has before them.

    Attributes:
        whole: folder with ``cohort``, ``run``, ``compared`` and ``steady``, which stay as they are.
        place: an empty folder for copies.
        scratch: the run evaluated again beside itself, as an audit does.
    """

    whole: Path
    place: Path
    scratch: Path

    @cached_property
    def run(self) -> Path:
        """A copy of the run."""
        return shutil.copytree(self.whole / "run", self.place / "run")

    @cached_property
    def cohort(self) -> Path:
        """A copy of the cohort, which the copy of the run names."""
        place = shutil.copytree(
            self.whole / "cohort", self.place / "cohort", ignore=lambda *_: ["dicom"]
        )
        self.json("manifest.json", cohort=str(place))
        return place

    def copied(self, name: str) -> Path:
        """A copy of another folder."""
        return shutil.copytree(self.whole / name, self.place / name)

    # -- tampering with one file, sealed anew

    def table(self, name: str, *columns: pl.Expr, keep: pl.Expr | None = None) -> None:
        """Change columns of a table of the run, or keep only some rows."""
        path = self.run / f"{name}.parquet"
        values = pl.read_parquet(path).with_columns(*columns)
        (values if keep is None else values.filter(keep)).write_parquet(path)

    def json(self, name: str, **changed: Any) -> None:
        """Change entries of a JSON file; ``None`` stays as null."""
        path = self.run / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changed, indent=2))
        tamper.reseal(self.run)

    def told(self, name: str) -> dict[str, Any]:
        """A JSON file of the run."""
        return json.loads((self.run / name).read_text())

    def text(self, name: str, old: str, new: str) -> None:
        """Replace a text that is there."""
        path = self.run / name
        before = path.read_text()
        assert old in before, old
        path.write_text(before.replace(old, new))
        tamper.reseal(self.run)

    def tensor(self, name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
        """Change a tensor of the model; its self-test is answered anew."""
        path = self.run / TENSORS
        tensors = load_file(path)
        tensors[name] = change(tensors[name]).contiguous()
        save_file(tensors, path)
        tamper.reseal(self.run)
        if name.startswith("classifier."):
            self.answer_again()

    def answer_again(self) -> None:
        """The self-test's answer, of the weights as they are now."""
        path = self.run / TENSORS
        tensors = load_file(path)
        described = folder.describe(self.run / "model" / "model.json")
        classifier = folder.build_classifier(described.classifier)
        classifier.load_state_dict(folder.part(tensors, "classifier."))
        answer = folder.answer(classifier.eval(), tensors["self_test.embedding"])
        save_file(tensors | {"self_test.logits": answer.clone()}, path)
        tamper.reseal(self.run)

    # -- tampering with the cohort, its hashes made anew

    def scans(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Change scans.parquet."""
        path = self.cohort / "scans.parquet"
        write_table(path, change(pl.read_parquet(path)))
        self.hashed()

    def labels(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Change labels.parquet."""
        path = self.cohort / "labels.parquet"
        write_table(path, change(pl.read_parquet(path)))
        self.hashed()

    def splits(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Change splits.csv."""
        path = self.cohort / "splits.csv"
        files.write_text(path, change(pl.read_csv(path)).write_csv())
        self.hashed()

    def hashed(self) -> None:
        """The hashes of manifest.json, of the cohort as it is now."""
        from molre.cohort.cohort import Cohort

        self.json("manifest.json", **data_hashes(Cohort(self.cohort)))

    def patients(self, split: str) -> list[str]:
        """Patients of a split, in order."""
        table = pl.read_csv(self.whole / "cohort" / "splits.csv")
        return sorted(table.filter(pl.col("split") == split)["patient"])

    # -- auditing it

    def look(self, checker: Checker) -> list[Check]:
        """Rows of one checker."""
        named = {one: (group, name) for group, name, one in CHECKERS}
        group, name = named.get(checker, ("numbers", "asked for"))
        return made(group, name, partial(checker, self.opened()))

    def compare(self) -> list[Check]:
        """What evaluating wrote, against the untouched run evaluated again."""
        return list(against(self.run, self.scratch, with_cohort=True))

    def opening(self) -> list[Check]:
        """Rows of opening every part."""
        opened = RunUnderAudit(self.run)
        return [*opened.whole(), *opened.strangers()]

    def opened(self) -> RunUnderAudit:
        """The run as it is now."""
        opened = RunUnderAudit(self.run)
        list(opened.whole())
        return opened
