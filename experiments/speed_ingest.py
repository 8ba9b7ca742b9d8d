"""How fast molre reads: one series against pydicom, a whole ingest against dcm2niix; and its memory.

    python experiments/speed_ingest.py series FOLDER_OF_ONE_SERIES [--rounds 15]
    python experiments/speed_ingest.py ingest --work DIR [--studies 200]
    python experiments/speed_ingest.py memory --work DIR [--studies 100 2000] [--small]

`series` is warm and in process. CPU seconds are of all processes together, which a machine that has
other work to do disturbs less than the clock. `ingest` writes synthetic phantoms, then runs `molre ingest --cache`
and dcm2niix (uncompressed NIfTI; one process, and two at once) on them. `memory` copies phantoms under
new UIDs and samples the anonymous memory of ingest and all its workers; `--small` keeps one pixel in
sixteen, as only the number of studies and files matters to what the parent keeps.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

WORKERS = 2


def floor(folder: Path) -> None:
    """What any reader must do: decode with pydicom and rescale to HU, and no check at all."""
    import pydicom
    from pydicom.pixels import apply_rescale

    for path in sorted(folder.iterdir()):
        dataset = pydicom.dcmread(path)
        apply_rescale(dataset.pixel_array, dataset)


def series(folder: Path, rounds: int) -> list[str]:
    """Rows for one series; the two take turns."""
    from molre.ct.read import read

    variants: dict[str, Callable[[Path], object]] = {"pydicom, no check": floor, "molre.read": read}
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            started = time.perf_counter()
            run(folder)
            if number:  # the first warms up
                seconds[name].append(time.perf_counter() - started)
    slices = len(list(folder.iterdir()))
    base = seconds["pydicom, no check"]
    rows = [
        f"| one series of {slices} slices | ms | to the floor | asked |",
        "| --- | --- | --- | --- |",
    ]
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, base, strict=True))
        asked = "0.80" if name == "molre.read" else ""
        rows.append(f"| {name} | {statistics.median(taken) * 1e3:.1f} | {ratio:.2f} | {asked} |")
    return rows


def phantoms(work: Path, studies: int) -> Path:
    folder = work / f"phantoms-{studies}"
    if not folder.exists():
        command = ["phantom", "--studies", str(studies), "--seed", "5", "-o", str(folder)]
        subprocess.run([sys.executable, "-m", "molre", *command], check=True)
    return folder


def ingest(work: Path, studies: int, rounds: int) -> list[str]:
    """Rows for a whole ingest; molre and dcm2niix take turns."""
    scans = phantoms(work, studies)
    folders = sorted(path.parent for path in scans.glob("*/001.dcm"))
    slices = len(list(scans.glob("*/*.dcm")))
    out = work / "out"
    runs: dict[str, Callable[[], None]] = {
        f"molre ingest --cache, {WORKERS} workers": lambda: _molre(scans, out),
        "dcm2niix, one process": lambda: _dcm2niix([folders], out),
        f"dcm2niix, {WORKERS} processes": lambda: _dcm2niix([folders[::2], folders[1::2]], out),
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            shutil.rmtree(out, ignore_errors=True)
            started, worked = time.perf_counter(), _cpu()
            run()
            seconds[name].append((time.perf_counter() - started, _cpu() - worked))
    rows = [
        f"| {studies} synthetic studies, {slices} slices | s | slices/s | CPU s |",
        "| --- | --- | --- | --- |",
    ]
    for name, taken in seconds.items():
        median, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
        rows.append(f"| {name} | {median:.1f} | {slices / median:.0f} | {cpu:.1f} |")
    return rows


def _cpu() -> float:
    """CPU seconds of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _molre(scans: Path, out: Path) -> None:
    command = ["ingest", str(scans), "-o", str(out), "--cache", "--workers", str(WORKERS)]
    subprocess.run([sys.executable, "-m", "molre", *command], check=True, capture_output=True)


def _dcm2niix(shares: list[list[Path]], out: Path) -> None:
    """Each share in a process at a time; a call for each study, as its users script it."""
    program = shutil.which("dcm2niix", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        sys.exit("dcm2niix is not installed: pip install dcm2niix")
    out.mkdir(parents=True)
    script = 'for folder in "$@"; do "$0" -b n -z n -f "$(basename "$folder")" -o ' + str(out)
    script += ' "$folder" >/dev/null || exit 1; done'
    running = [subprocess.Popen(["bash", "-c", script, program, *map(str, s)]) for s in shares]
    if any(run.wait() for run in running):
        sys.exit("dcm2niix failed")


def memory(work: Path, counts: list[int], small: bool) -> list[str]:
    """Rows for the peak of anonymous memory: all processes together, the parent, the parent while
    there are workers, and the largest worker."""
    originals = phantoms(work, 100)
    if small:
        originals = _shrunk(originals, work / "small-100")
    rows = [
        "| studies | slices | peak, all processes, MB | parent | parent beside workers | a worker |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for count in counts:
        scans = work / f"copies-{count}"
        _copy_studies(originals, scans, count)
        out = work / "out"
        shutil.rmtree(out, ignore_errors=True)
        command = ["ingest", str(scans), "-o", str(out), "--workers", str(WORKERS)]
        run = subprocess.Popen([sys.executable, "-m", "molre", *command], stdout=subprocess.DEVNULL)
        together = parent = beside = worker = 0
        while run.poll() is None:
            each = {pid: _anonymous(pid) for pid in _tree(run.pid)}
            together, own = max(together, sum(each.values())), each.pop(run.pid)
            parent, worker = max(parent, own), max(worker, *each.values(), 0)
            beside = max(beside, own) if len(each) >= WORKERS else beside
            time.sleep(0.05)
        slices = len(list(scans.glob("*/*.dcm")))
        peaks = " | ".join(f"{kB / 1024:.0f}" for kB in (together, parent, beside, worker))
        rows.append(f"| {count} | {slices} | {peaks} |")
        shutil.rmtree(scans)
    return rows


def _shrunk(originals: Path, out: Path) -> Path:
    """Phantoms of every fourth row and column."""
    import pydicom

    for path in sorted(originals.glob("*/*.dcm")):
        image = pydicom.dcmread(path)
        pixels = image.pixel_array[::4, ::4]
        image.Rows, image.Columns = pixels.shape
        image.PixelSpacing = [4 * step for step in image.PixelSpacing]
        image.PixelData = pixels.tobytes()
        (out / path.parent.name).mkdir(parents=True, exist_ok=True)
        image.save_as(out / path.parent.name / path.name)
    return out


def _copy_studies(originals: Path, out: Path, count: int) -> None:
    """Phantoms again under other study and series UIDs of the same length."""
    import pydicom

    folders = sorted(path.parent for path in originals.glob("*/001.dcm"))
    digits = random.Random(0)
    for number in range(count):
        source = folders[number % len(folders)]
        head = pydicom.dcmread(source / "001.dcm", stop_before_pixels=True)
        changes = {}
        for uid in (str(head.StudyInstanceUID), str(head.SeriesInstanceUID)):
            other = uid[:8] + "".join(digits.choice("123456789") for _ in uid[8:])
            changes[uid.encode()] = other.encode()
        folder = out / f"{number:05d}"
        folder.mkdir(parents=True)
        for path in sorted(source.glob("*.dcm")):
            data = path.read_bytes()
            for old, new in changes.items():
                data = data.replace(old, new, 1)
            (folder / path.name).write_bytes(data)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return [pid]
    return [pid, *(p for child in children for p in _tree(int(child)))]


def _anonymous(pid: int) -> int:
    """kB of anonymous memory that is resident."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("series")
    one.add_argument("folder", type=Path)
    one.add_argument("--rounds", type=int, default=15)
    many = verbs.add_parser("ingest")
    many.add_argument("--work", type=Path, required=True)
    many.add_argument("--studies", type=int, default=200)
    many.add_argument("--rounds", type=int, default=3)
    peak = verbs.add_parser("memory")
    peak.add_argument("--work", type=Path, required=True)
    peak.add_argument("--studies", type=int, nargs="+", default=[100, 2000])
    peak.add_argument("--small", action="store_true")
    given = parser.parse_args()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n"
    )
    if given.verb == "series":
        rows = series(given.folder, given.rounds)
    elif given.verb == "ingest":
        rows = ingest(given.work, given.studies, given.rounds)
    else:
        rows = memory(given.work, given.studies, given.small)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
