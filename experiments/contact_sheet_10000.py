"""How large a cohort the contact sheet bears: 10,000 synthetic rows, opened in a real browser.

    python experiments/contact_sheet_10000.py --work DIR [--studies 10000] [--rounds 5]

Writes a scans.parquet of made-up studies that share 20 strips, then the sheet, and opens it by
file:// in Chromium: first paint, DOM ready, all listeners ready, one filter, one page, one sort.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from molre.cohort.cohort import Cohort, write_facts, write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.cohort.scans import table
from molre.output.cohort.report import write_contact_sheet

STRIPS = 20
QUIET = (
    "no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync"
)
SAID = {
    "motion": "slice {n} is shifted by {x:.1f} mm against its neighbors",
    "metal": "{n} mm3 of at least 2500 HU in one piece, 3 slices",
    "vertex_cut": "the top slice still shows {n} cm2 of the head's inside",
    "noisy": "noise in the brain is {n} HU",
    "thick_slices": "slices are {x:.1f} mm thick",
    "bone_kernel": "reconstructed for bone, kernel H60s",
    "off_center": "the head lies {n} mm from the middle of the image",
}


def study(number: int, chance: random.Random) -> list[dict[str, Any]]:
    """One to three series of a made-up study."""
    key = f"{number * 2654435761 % 2**64:016x}"
    kernel = chance.choice(["H31s", "H60s", "STANDARD", "UB", "FC26"])
    slices = chance.randint(24, 44)
    flags = [name for name in SAID if chance.random() < 0.06]
    flag_words = [SAID[f].format(n=chance.randint(11, 90), x=chance.uniform(2, 9)) for f in flags]
    head = chance.random() > 0.04
    reasons = [] if head else [f"incomplete: {chance.randint(20, 79)} mm of brain"]
    rows = []
    for part in range(chance.choice([1, 1, 2, 3])):
        rows.append(
            {
                "patient": f"{number // 2:016x}",
                "study": key,
                "series": f"{number * 4 + part:016x}",
                "path": f"/archive/2019/site{number % 7}/study_{number:06d}/S{part + 1}",
                "slices": slices,
                "manufacturer": chance.choice(["GE MEDICAL SYSTEMS", "SIEMENS", "Philips"]),
                "model": chance.choice(["Optima CT660", "Definition AS", "Ingenuity"]),
                "kernel": kernel,
                "kvp": 120.0,
                "slice_thickness": 5.0,
                "step_mm": 5.0,
                "pixel_spacing": round(chance.uniform(0.42, 0.5), 3),
                "tilt": round(chance.uniform(0, 22), 2),
                "even": True,
                "age": float(chance.randint(16, 90)),
                "sex": chance.choice("MF"),
                "contrast": chance.choice([None, False]),
                "coverage_mm": chance.uniform(90, 140),
                "score": round(chance.uniform(4, 10.25), 3),
                "eligible": True,
                "chosen": part == 0,
                "reason": f"{slices} slices, {5 * slices} mm; soft kernel {kernel}; even steps",
                "notes": ["gantry tilt kept"] if part == 0 and chance.random() < 0.3 else [],
                "flags": flags if part == 0 else [],
                "flag_words": flag_words if part == 0 else [],
                "head": head if part == 0 else None,
                "head_reasons": reasons if part == 0 else [],
                "synthetic": True,
            }
        )
    return rows


def write_cohort(folder: Path, studies: int) -> Cohort:
    """A cohort without scans: tables, and strips that are hard links to 20 pictures."""
    chance = random.Random(0)
    rows = [row for number in range(studies) for row in study(number, chance)]
    (folder / "sheet").mkdir(parents=True)
    pictures = [_picture(folder, number) for number in range(STRIPS)]
    for number, key in enumerate(sorted({row["study"] for row in rows})):
        os.link(pictures[number % STRIPS], folder / "sheet" / f"{key}.jpg")
    write_table(folder / "scans.parquet", table(rows))
    localizers = [row for row in rows if row["chosen"] and chance.random() < 0.5]
    write_rejects(
        folder / "rejects.csv",
        [
            Rejected(f"{row['path']}/scout.dcm", row["study"], "a localizer", "nothing", lost=False)
            for row in localizers
        ],
    )
    write_facts(folder, synthetic=True)
    return Cohort(folder)


def _picture(folder: Path, number: int) -> Path:
    """The strip of a phantom."""
    from molre.cohort.contact_strip import strip
    from molre.ct.read import read
    from molre.phantom.write import write_phantoms

    phantoms = folder / "phantoms"
    if number == 0:
        write_phantoms(phantoms, STRIPS, seed=3, workers=2)
    path = folder / "pictures" / f"{number}.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(strip(read(phantoms / f"study_{number:05d}")))
    return path


PAINT = """new Promise((done) => new PerformanceObserver((list) => {
  for (const one of list.getEntriesByName('first-contentful-paint')) done(one.startTime);
}).observe({ type: 'paint', buffered: true }))"""
LOADED = "performance.getEntriesByType('navigation')[0]"


def measure(page: Any, address: str) -> dict[str, float]:
    """Milliseconds of one opening and of what a user then does."""
    page.goto(address)
    page.wait_for_selector("#controls")
    took = {
        "first contentful paint": page.evaluate(PAINT),
        "DOM ready, script run": page.evaluate(f"{LOADED}.domContentLoadedEventEnd"),
    }
    took["everything that is in view loaded"] = page.evaluate(f"{LOADED}.loadEventEnd")
    for name, action in (
        ("one filter", "document.querySelector('.chips button:last-child').click()"),
        ("find by text", "(f => { f.value = 'study_0012'; f.dispatchEvent(new Event('input')); })"
         "(document.getElementById('controls').elements.find)"),
        ("find nothing, all again", "(f => { f.value = ''; f.dispatchEvent(new Event('input')); })"
         "(document.getElementById('controls').elements.find)"),
        ("next page", "document.querySelector('[data-step=\"1\"]').click()"),
        ("sort by score", "(s => { s.value = 'score'; s.dispatchEvent(new Event('change')); })"
         "(document.getElementById('controls').elements.sort)"),
    ):  # fmt: skip
        took[name] = page.evaluate(
            f"""new Promise((done) => {{
              const start = performance.now(); {action};
              document.body.offsetHeight;
              requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
            }})"""
        )
    return took


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    folder = given.work / f"sheet-{given.studies}"
    cohort = Cohort(folder) if folder.exists() else write_cohort(folder, given.studies)
    started = time.perf_counter()
    path = write_contact_sheet(cohort)
    written = time.perf_counter() - started
    rounds: list[dict[str, float]] = []
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or "chromium"
        flags = [f"--{flag}" for flag in QUIET.split(" ")]
        browser = playwright.chromium.launch(executable_path=found, args=flags)
        version = browser.version
        for _ in range(given.rounds):
            page = browser.new_page()
            rounds.append(measure(page, path.absolute().as_uri()))
            page.close()
        browser.close()
    load = os.getloadavg()[0]
    print(
        f"Python {platform.python_version()}, Chromium {version}, {os.cpu_count()} cores, load {load:.1f}\n"
    )
    print(f"| {given.studies:,} studies | |\n| --- | --- |")
    print(f"| write index.html and index.js, s | {written:.1f} |")
    for name in ("index.html", "index.js"):
        print(f"| {name}, MB | {(folder / name).stat().st_size / 1e6:.2f} |")
    for name in rounds[0]:
        took = [one[name] for one in rounds]
        print(
            f"| {name}, ms (median, worst of {given.rounds}) | {statistics.median(took):.0f}, {max(took):.0f} |"
        )


if __name__ == "__main__":
    main()
