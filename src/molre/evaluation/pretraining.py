"""Might the backbone's own training have seen the test scans? By its weights' provenance."""

from __future__ import annotations

import re
from collections.abc import Iterable

from molre.runs.run import Run

# Public head CT sets by the words that name them, in a pedigree, a cohort's folder or a source.
DATA_SETS = {
    "RSNA hemorrhage": ("rsna",),
    "CQ500": ("cq500", "qure"),
    "CT-ICH": ("ctich", "physionet"),
    "BHSD": ("bhsd",),
    "INSTANCE": ("instance2022", "instance22"),
    "HCP, ADNI or OASIS": ("adni", "oasis"),
    "MIMIC": ("mimic",),
    "AIBL": ("aibl",),
    "CERMEP": ("cermep",),
    "HeadCT-FM": ("fmheadct", "headctfoundation"),
}
_CT = re.compile(r"\bCT\b|tomograph|radiolog|medical", re.I)
_PHOTOGRAPHS = re.compile(r"imagenet|LVD|web (?:picture|image)|photograph|natural image", re.I)


def pretraining_caution(told: str | None, names: Iterable[str]) -> str | None:
    """A sentence where an overlap is named or cannot be excluded; None for photographs alone.

    Args:
        told: what the backbone was pretrained on, as its weights' pedigree says.
        names: of the test data: cohort folder, label sources, labellers.
    """
    told = (told or "unknown").strip()
    if told.startswith("none:"):  # a network that this run has trained from scratch
        return None
    if told.lower() == "unknown":
        return (
            "What the backbone was pretrained on is not known, so it may have seen test scans; "
            "ask its authors before trusting these numbers."
        )
    common = sorted(data_sets(told) & data_sets(" ".join(names)))
    if common:
        return (
            f"The backbone was pretrained on {told}, and the test data name {', '.join(common)} "
            "as well: test scans may have been seen in pretraining, and the numbers may be too "
            "good."
        )
    if _CT.search(told) or not _PHOTOGRAPHS.search(told):
        return (
            f"The backbone was pretrained on {told}: whether test scans were among them cannot be "
            "determined here; ask its authors."
        )
    return None


def data_sets(text: str) -> set[str]:
    """Public head CT data sets that a text names."""
    letters = re.sub(r"[^a-z0-9]", "", text.lower())
    return {name for name, words in DATA_SETS.items() if any(word in letters for word in words)}


def pedigree(run: Run) -> str | None:
    """What the run's backbone was pretrained on, if its model folder says."""
    backbone = run.model.get("backbone") or {}
    told = (backbone.get("weights") or {}).get("pretraining")
    return str(told) if told else None
