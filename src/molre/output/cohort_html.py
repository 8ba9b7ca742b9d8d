"""COHORT/index.html, the contact sheet: every study at a glance, before any model is near."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import molre.cohort.rejects as rejects_csv
from molre.cohort.cohort import Cohort
from molre.cohort.sheet import COLUMNS, shown_slices
from molre.output import page

PER_PAGE = 400  # studies; a page with more is slow to open


def write_contact_sheet(cohort: Cohort) -> Path:
    """Write the contact sheet of a cohort from its tables and strips.

    A large cohort gets further pages, index-2.html and so on. Pages open by file:// and load
    nothing but the strips beside them, when they are scrolled to.

    Args:
        cohort: ingested.

    Returns:
        Path of the first page.
    """
    rows = cohort.scans().sort("path", "study").to_dicts()
    refused = rejects_csv.read_rejects(cohort.path / "rejects.csv")
    studies = _studies(rows, refused)
    names = _page_names(len(studies))
    summary = _summary(studies, rows, refused)
    for number, name in enumerate(names):
        shown = studies[number * PER_PAGE : (number + 1) * PER_PAGE]
        page.write(
            cohort.path / name,
            "cohort.html.j2",
            title=f"{summary['studies']} studies, {summary['rejects']} refused",
            kind="contact sheet",
            synthetic=cohort.synthetic,
            summary=summary,
            studies=shown,
            rejects=_rejects(refused, rows) if name == names[-1] else [],
            pages=names,
            here=name,
        )
    for old in cohort.path.glob("index-*.html"):
        if old.name not in names:
            old.unlink()
    return cohort.path / names[0]


def _page_names(studies: int) -> list[str]:
    pages = max(1, -(-studies // PER_PAGE))
    return ["index.html", *(f"index-{n}.html" for n in range(2, pages + 1))]


def _studies(rows: list[dict[str, Any]], refused: list[dict[str, str]]) -> list[dict[str, Any]]:
    """One entry per study: the chosen series, the others, and what was refused within it."""
    by_study: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_study[row["study"]].append(row)
    within: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for reject in refused:
        within[reject["study"]][reject["reason"]].append(reject["file"])
    studies = []
    for key, series in by_study.items():
        chosen = next(row for row in series if row["chosen"])
        slices = [index + 1 for index in shown_slices(chosen["slices"])]
        studies.append(
            {
                "key": key,
                "chosen": chosen,
                "name": _short(chosen["path"]),
                "others": [row for row in series if not row["chosen"]],
                "refused": _grouped(within.get(key, {})),
                "slices": slices,
                "share": 100 * len(slices) / COLUMNS,
                "facts": _facts(chosen),
            }
        )
    return studies


def _grouped(files_by_reason: dict[str, list[str]]) -> list[dict[str, str]]:
    """Refusals of a study, one line a reason: two files named, the others counted."""
    lines = []
    for reason, names in files_by_reason.items():
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        shown = ", ".join(_short(name) for name in names[:2]) + more
        lines.append({"reason": reason, "name": shown, "file": "\n".join(names[:20])})
    return lines


def _facts(row: dict[str, Any]) -> list[tuple[str, str]]:
    """What to check about a series, in words; unknown is said, not left out."""
    scanner = " ".join(str(row[k]) for k in ("manufacturer", "model") if row[k])
    step = _number(row["step_mm"], "mm", 2)
    if row["even"] is False:
        step = f"median {step}, uneven"
    contrast = {True: "yes", False: "no", None: "unknown"}[row["contrast"]]
    return [
        ("Slices", str(row["slices"])),
        ("Thickness", _number(row["slice_thickness"], "mm", 2)),
        ("Step", step),
        ("Brain covered", _number(row["coverage_mm"], "mm", 0)),
        ("Tilt", _number(row["tilt"], "°", 1)),
        ("Pixel", _number(row["pixel_spacing"], "mm", 3)),
        ("Kernel", row["kernel"] or "unknown"),
        ("Tube", _number(row["kvp"], "kV", 0)),
        ("Contrast", contrast),
        ("Scanner", scanner or "unknown"),
        ("Age", _number(row["age"], "y", 0)),
        ("Sex", row["sex"] or "unknown"),
    ]


def _number(value: float | None, unit: str, digits: int) -> str:
    if value is None:
        return "unknown"
    space = "" if unit == "°" else "\N{NO-BREAK SPACE}"
    return f"{value:.{digits}f}{space}{unit}"


def _summary(
    studies: list[dict[str, Any]], rows: list[dict[str, Any]], refused: list[dict[str, str]]
) -> dict[str, int]:
    return {
        "studies": len(studies),
        "patients": len({row["patient"] for row in rows}),
        "series": len(rows),
        "heads": sum(bool(study["chosen"]["head"]) for study in studies),
        "repaired": sum(bool(study["chosen"]["notes"]) for study in studies),
        "rejects": len(refused),
    }


def _rejects(
    refused: list[dict[str, str]], rows: list[dict[str, Any]]
) -> list[dict[str, str | bool]]:
    """Rows for the table at the end; ``used``: its study is in the cohort all the same."""
    known = {row["study"] for row in rows}
    return [{**r, "name": _short(r["file"]), "used": r["study"] in known} for r in refused]


def _short(path: str) -> str:
    """The last two parts of a path; the whole one is in the tooltip and in the tables."""
    return "/".join(Path(path).parts[-2:])
