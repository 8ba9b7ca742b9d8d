"""Where a run answers the headings of TRIPOD+AI (2024) and CLAIM (2024), and where it does not.

Only the headings were available, not the texts of the items: this map helps to fill in the
checklists and does not prove that an item is met.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NOT_REPORTED = "not reported"
CAVEAT = (
    "A map from headings to files. The texts of the checklists' items were not available, so a row "
    "says where a run addresses a heading, not that an item is met."
)


@dataclass(frozen=True)
class Heading:
    """A heading of a checklist and where the run speaks about it.

    Attributes:
        checklist: ``TRIPOD+AI`` or ``CLAIM``.
        name: of the heading.
        file: in RUN, that must be there for the answer; empty where no file of a run answers.
        where: the place in it, for a reader.
    """

    checklist: str
    name: str
    file: str = ""
    where: str = ""

    def answer(self, run: Path) -> str:
        """Where the answer is in this run, or ``not reported``."""
        if not self.file or not (run / self.file).is_file():
            return NOT_REPORTED
        return f"{self.file}: {self.where}"


_CARD, _DATA, _MANIFEST = "model/README.md", "data.json", "manifest.json"
_METRICS, _REPORT = "metrics.parquet", "report.html"

_TRIPOD = (
    Heading("TRIPOD+AI", "Title"),
    Heading("TRIPOD+AI", "Abstract"),
    Heading("TRIPOD+AI", "Background", _CARD, "Intended use (the clinical need is the author's)"),
    Heading("TRIPOD+AI", "Objectives"),
    Heading("TRIPOD+AI", "Data", _DATA, "flow, population (dates and setting are not kept)"),
    Heading("TRIPOD+AI", "Participants", _DATA, "flow: refused and why, readable, by split"),
    Heading(
        "TRIPOD+AI", "Data preparation", "model/model.json", "backbone contract: windows, size"
    ),
    Heading("TRIPOD+AI", "Outcome", _DATA, "labels: sources, labellers, policy for blanks"),
    Heading(
        "TRIPOD+AI", "Predictors", "model/model.json", "the scan itself; contract of its pixels"
    ),
    Heading("TRIPOD+AI", "Sample size", _DATA, "counts by split and finding (no rationale)"),
    Heading(
        "TRIPOD+AI", "Missing data", _DATA, "labels: unknown by finding; manifest blank_policy"
    ),
    Heading(
        "TRIPOD+AI", "Analytical methods", "config.yaml", "all settings; audit: choice on tune"
    ),
    Heading("TRIPOD+AI", "Class imbalance", "config.yaml", "gamma; calibration in model.json"),
    Heading("TRIPOD+AI", "Fairness", "subgroups.parquet", "performance by group"),
    Heading("TRIPOD+AI", "Model output", "model/model.json", "calibrators, thresholds with origin"),
    Heading("TRIPOD+AI", "Training versus evaluation", _DATA, "population by split"),
    Heading("TRIPOD+AI", "Ethical approval"),
    Heading("TRIPOD+AI", "Open science", _MANIFEST, "versions, hashes (sharing is the author's)"),
    Heading("TRIPOD+AI", "Patient and public involvement"),
    Heading("TRIPOD+AI", "Results: participants", _DATA, "flow, population"),
    Heading("TRIPOD+AI", "Results: model development", _DATA, "labels: positives by split"),
    Heading("TRIPOD+AI", "Results: model specification", "model/model.safetensors", "the model"),
    Heading("TRIPOD+AI", "Results: model performance", _METRICS, "each number with n and interval"),
    Heading("TRIPOD+AI", "Results: model updating"),
    Heading("TRIPOD+AI", "Interpretation"),
    Heading("TRIPOD+AI", "Limitations", _CARD, "Limitations"),
    Heading("TRIPOD+AI", "Usability in the context of current care"),
)
_CLAIM = (
    Heading("CLAIM", "Title and abstract"),
    Heading("CLAIM", "Introduction"),
    Heading("CLAIM", "Study design"),
    Heading("CLAIM", "Data", _DATA, "flow, population"),
    Heading("CLAIM", "Reference standard", _DATA, "labels: sources and labellers"),
    Heading("CLAIM", "Data partitions", _DATA, "flow: splits, by patient"),
    Heading("CLAIM", "Testing data", _DATA, "population: test"),
    Heading("CLAIM", "Model", "model/model.json", "arm, placement, backbone, classifier"),
    Heading("CLAIM", "Training", "history.parquet", "every epoch; config.yaml, manifest.json"),
    Heading("CLAIM", "Evaluation", _METRICS, "AUC, intervals, calibration, operating points"),
    Heading("CLAIM", "Results: data", _DATA, "flow (drawn in the audit), population"),
    Heading("CLAIM", "Results: model performance", _REPORT, "findings, reliability, examples"),
    Heading("CLAIM", "Discussion", _CARD, "Limitations"),
    Heading("CLAIM", "Other information", _MANIFEST, "versions, seeds, hashes"),
)
HEADINGS = (*_TRIPOD, *_CLAIM)


def headings(run: Path) -> list[dict[str, str]]:
    """The map for a run: checklist, heading, where."""
    return [
        {"checklist": one.checklist, "heading": one.name, "where": one.answer(run)}
        for one in HEADINGS
    ]
