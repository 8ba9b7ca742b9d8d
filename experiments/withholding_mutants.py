"""Is each rule of withholding held by a test that names it? Take it out, turn it round, and see.

    python experiments/withholding_mutants.py

Each mutant is one edit of a copy of the sources; the tests whose name has the rule's code run on it.
A mutant counts as found where one of them turns red.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RULES = "model/eligibility.py"
TESTS = ("tests/model/test_eligibility.py", "tests/test_pipeline.py")


@dataclass(frozen=True)
class Mutant:
    """One edit: ``old`` is once in the file."""

    code: str
    edit: str
    old: str
    new: str
    file: str = RULES


MUTANTS = (
    Mutant("not_a_head", "taken out", "reasons = list(scan.not_whole)",
           'reasons = [r for r in scan.not_whole if r.code != "not_a_head"]'),
    Mutant("not_a_head", "said of a whole head only", 'if check.kind != "head"',
           'if check.kind == "head"'),
    Mutant("incomplete", "taken out", "reasons = list(scan.not_whole)",
           'reasons = [r for r in scan.not_whole if r.code != "incomplete"]'),
    Mutant("incomplete", "row of the table: turned round", 'if not row["head"]', 'if row["head"]'),
    Mutant("contrast", "taken out", "if scan.contrast:", "if False:"),
    Mutant("contrast", "turned round", "if scan.contrast:", "if not scan.contrast:"),
    Mutant("contrast", "not taken from the volume", "cls(found, made.contrast,", "cls(found, None,"),
    Mutant("age", "taken out", "if is_child(scan.age):", "if False:"),
    Mutant("age", "turned round", "years < ADULT_YEARS", "years >= ADULT_YEARS", "ct/dicom/age.py"),
    Mutant("age", "18 is a child", "years < ADULT_YEARS", "years <= ADULT_YEARS", "ct/dicom/age.py"),
    Mutant("age", "adults from 17", "ADULT_YEARS = 18", "ADULT_YEARS = 17", "ct/dicom/age.py"),
    Mutant("age", "not taken from the volume", "made.age,", "None,"),
    Mutant("synthetic", "taken out", "if scan.synthetic and not trained_on_synthetic:", "if False:"),
    Mutant("synthetic", "turned round", "and not trained_on_synthetic:", "and trained_on_synthetic:"),
    Mutant("synthetic", "of every model", "if scan.synthetic and not trained_on_synthetic:",
           "if scan.synthetic:"),
    Mutant("unfamiliar", "taken out", "if distance is not None and is_far(distance):", "if False:"),
    Mutant("unfamiliar", "turned round", "return not distance <= FAR", "return distance <= FAR"),
    Mutant("unfamiliar", "a distance that is not a number is near", "return not distance <= FAR",
           "return distance > FAR"),
    Mutant("unfamiliar", "the limit is ten thresholds", "FAR = 1.0", "FAR = 10.0"),
    Mutant("synthetic", "the pipeline calls every model one of phantoms",
           "trained_on_synthetic=self.model.description.synthetic,\n            distance",
           "trained_on_synthetic=True,\n            distance", "pipeline.py"),
    Mutant("unfamiliar", "the pipeline does not pass the distance", "distance=distance,\n        )",
           "distance=None,\n        )", "pipeline.py"),
)  # fmt: skip


def failures(mutant: Mutant, copy: Path) -> list[str]:
    """Names of the tests of its rule that turn red; predictions are made where the rules' own do not."""
    path = copy / "molre" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file}: {mutant.old!r} is there {text.count(mutant.old)} times")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        return next(filter(None, (red(copy, tests, mutant.code) for tests in TESTS)), [])
    finally:
        path.write_text(text, encoding="utf-8")


def red(copy: Path, tests: str, named: str = "") -> list[str]:
    """Names of the tests of a file that fail on these sources, of those ``named`` so."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", named, tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout + done.stderr)
    return re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)


def main() -> int:
    """Print the table as Markdown; 1 where a mutant is not found by a test of its rule."""
    lost = 0
    print("# Withholding: is each rule held by a test that names it?\n")
    print(f"`python experiments/withholding_mutants.py`, Python {platform.python_version()}.\n")
    print(
        "A mutant is one edit of a copy of the sources. The tests whose name has the rule's code run"
    )
    print(f"on it: of `{TESTS[0]}`, and where these stay green, on real")
    print(f"predictions of phantoms, of `{TESTS[1]}`.\n")
    with tempfile.TemporaryDirectory(prefix="molre-mutants-") as place:
        copy = Path(place) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        print("| rule | edit | tests red | the first of them |")
        print("| --- | --- | --- | --- |")
        for mutant in MUTANTS:
            found = failures(mutant, copy)
            lost += not found
            first = f"`{found[0]}`" if found else "**none**"
            cells = (mutant.code, mutant.edit, len(found), first)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)
        unchanged = sum(len(red(copy, tests)) for tests in TESTS)
    print(f"\n{len(MUTANTS)} mutants, {len(MUTANTS) - lost} found by a test that names the rule.")
    print(f"On the sources as they are, {unchanged} of these tests are red.")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
