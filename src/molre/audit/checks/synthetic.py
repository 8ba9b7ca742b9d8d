"""Real or synthetic: what the run says, against what its scans and labels say.

``molre phantom`` names itself as the manufacturer in every header, and labels of phantoms have
the source ``phantom``. Flags follow from these, never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from molre.audit.check import FLAG, LEAKAGE, Check, compared
from molre.audit.run_under_audit import RunUnderAudit
from molre.ct.dicom.acquisition import SYNTHETIC_MANUFACTURER
from molre.runs.folder import COUNTS

SOURCE = "phantom"  # of labels, see molre.cohort.match
WORDS = "synthetic or real, as the scans and labels say"


def synthetic(opened: RunUnderAudit) -> Iterator[Check]:
    """Phantoms are called phantoms everywhere, and patients are called patients."""
    flags, signs = _flags(opened), _signs(opened)
    truth = bool(signs) or bool(flags.get("cohort.json", flags["manifest.json"]))
    expected = dict.fromkeys(flags, truth)
    if opened.external and opened.has("description"):  # so are scores of a synthetic model
        expected["manifest.json"] = truth or opened.description.synthetic
    found = [
        f"{place} says synthetic {value}"
        for place, value in flags.items()
        if value != expected[place]
    ]
    if found and signs:
        found[0] += f", but {'; '.join(signs)}"
    check = compared(LEAKAGE, WORDS, len(flags) + len(signs), found)
    if truth and not signs and not found:
        why = "called synthetic, but no manufacturer and no source of labels says so"
        check = Check(LEAKAGE, WORDS, FLAG, why)
    yield check


def _flags(opened: RunUnderAudit) -> dict[str, Any]:
    told: dict[str, Any] = {"manifest.json": opened.manifest.get("synthetic")}
    if opened.has("description") and not opened.external:
        told["model.json"] = opened.description.synthetic
        told["model.json, trained_on"] = "synthetic" in opened.description.trained_on
    if opened.folder.data.is_file():
        told[COUNTS] = opened.folder.counts().get("synthetic")
    if opened.has("cohort"):
        told["cohort.json"] = opened.cohort.synthetic
        flags = opened.cohort.chosen()["synthetic"].fill_null(False).unique().to_list()
        told["scans.parquet"] = flags[0] if len(flags) == 1 else "True and False"
    return told


def _signs(opened: RunUnderAudit) -> list[str]:
    """What says phantom, and is no flag."""
    found = []
    if opened.has("cohort"):
        scans, labels = opened.cohort.scans(), opened.cohort.labels()
        makers = scans["manufacturer"].drop_nulls().unique().sort().to_list()
        found += [f"a manufacturer in scans.parquet is {one!r}" for one in makers if _made(one)]
        if (labels["source"] == SOURCE).any():
            found.append(f"labels.parquet has labels of the source {SOURCE!r}")
    if opened.folder.data.is_file():
        kept = opened.folder.counts()
        makers = sorted(_keys(kept.get("population"), "manufacturer"))
        found += [f"a manufacturer in {COUNTS} is {one!r}" for one in makers if _made(one)]
        sources = kept.get("labels", {}).get("sources", {})
        if any(by.split(" ")[0] == SOURCE for split in sources.values() for by in split):
            found.append(f"{COUNTS} has labels of the source {SOURCE!r}")
    return found


def _made(manufacturer: str) -> bool:
    return manufacturer.lower().startswith(SYNTHETIC_MANUFACTURER)


def _keys(population: Any, heading: str) -> set[str]:
    splits = population.values() if isinstance(population, dict) else ()
    return {str(key) for split in splits for key in (split.get(heading) or {})}
