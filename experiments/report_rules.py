"""How well the rules label reports whose labels are known: pooled scores, errors, speed.

A file has a line for each report: ``id``, ``text``, ``labels`` (1 present, 0 absent, closed both
ways), ``uncertain`` (findings), as JSON.

    python experiments/report_rules.py REPORTS.jsonl [--errors]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from molre.labels.findings import findings
from molre.labels.reports.rules.labeler import RulesLabeler

STATES = ("present", "absent", "uncertain")


def truth_of(report: dict[str, Any]) -> dict[str, str]:
    """States by finding; those that are not mentioned are left out."""
    stated = {f: "present" if value else "absent" for f, value in report["labels"].items()}
    return stated | dict.fromkeys(report["uncertain"], "uncertain")


def scores(reports: Sequence[dict[str, Any]], labeler: RulesLabeler) -> dict[str, dict[str, float]]:
    """Precision, recall and F1 of each state, pooled over reports and findings."""
    counts: Counter[tuple[str, str]] = Counter()
    for report in reports:
        truth, said = truth_of(report), {c.finding: c.state for c in labeler.label(report["text"])}
        for finding in truth.keys() | said.keys():
            for state in STATES:
                is_so, says_so = truth.get(finding) == state, said.get(finding) == state
                counts[state, f"{is_so:d}{says_so:d}"] += 1
    found = {}
    for state in STATES:
        tp, fp, fn = (counts[state, key] for key in ("11", "01", "10"))
        found[state] = {
            "precision": tp / max(1, tp + fp),
            "recall": tp / max(1, tp + fn),
            "f1": 2 * tp / max(1, 2 * tp + fp + fn),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=Path)
    parser.add_argument("--errors", action="store_true", help="print each cell that differs")
    given = parser.parse_args()
    reports = [json.loads(line) for line in given.reports.read_text("utf-8").splitlines() if line]
    labeler = RulesLabeler(findings())
    labeler.label("No acute intracranial hemorrhage.")  # compiles the grammar
    started = time.perf_counter()
    for report in reports:
        labeler.label(report["text"])
    each = (time.perf_counter() - started) / len(reports)
    for state, of in scores(reports, labeler).items():
        print(state, *(f"{name} {value:.3f}" for name, value in of.items()))
    print(f"{1000 * each:.1f} ms a report")
    for report in reports if given.errors else ():
        truth = truth_of(report)
        said = {c.finding: c for c in labeler.label(report["text"])}
        for finding in findings().ids:
            is_so = truth.get(finding, "not mentioned")
            cell = said.get(finding)
            says = cell.state if cell else "not mentioned"
            if is_so != says:
                evidence = cell.evidence(report["text"]) if cell else ""
                note = f" ({cell.note})" if cell and cell.note else ""
                print(f"{report['id']} {finding}: {is_so}, said {says}{note}: {evidence}")


if __name__ == "__main__":
    main()
