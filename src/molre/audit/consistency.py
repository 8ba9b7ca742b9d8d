"""What ``molre consistency`` wrote: tables from the pairs again, and some pairs from the scans."""

from __future__ import annotations

import random
import secrets
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.audit.audit import AuditOptions, made
from molre.audit.bench_tables import read_csv
from molre.audit.benchmark import BenchAudit
from molre.audit.check import (
    DATA,
    FAIL,
    FILES,
    FLAG,
    NUMBERS,
    PASS,
    Check,
    NotAvailableError,
    compared,
)
from molre.audit.checks.reread import PROBABILITY, STUDIES
from molre.audit.differences import cells, table_differences
from molre.audit.report_differences import report
from molre.audit.run_under_audit import STRANGERS, strangers
from molre.cohort.cohort import Cohort
from molre.cohort.rejects import Rejected, read_rejects
from molre.errors import MolreError
from molre.evaluation.consistency import Consistency, Pairs, consistency_table, contrast_of
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.model.folder import TrainedModel
from molre.model.folder import load as load_model
from molre.output.synthetic_banner import scans_banner
from molre.pipeline import load
from molre.runs.folder import REPORT as PAGE
from molre.runs.folder import VALUES
from molre.runs.reading import read_table
from molre.runs.sources import CONSISTENCY, read_sources
from molre.workflows.consistency import Pair, read_pairs, series_sha256, several, write_consistency

TABLES = "tables from pairs.parquet"
TABULAR, REJECTS = ("consistency.csv", "pairs.parquet"), "rejects.csv"
WRITTEN = {*TABULAR, REJECTS, PAGE, VALUES, CONSISTENCY}
SCANS = "pairs from the scans"
OWN = "patients and contrasts of the pairs from the cohort"
USUAL = "settings of the bootstrap"


@dataclass(frozen=True)
class _Folder:
    """OUT, and what it was made from."""

    out: Path
    told: dict[str, Any]
    moved: Path | None

    @cached_property
    def settings(self) -> dict[str, Any]:
        return dict(self.told["settings"])

    @property
    def model_path(self) -> Path:
        return self.out / str(self.told["model"]["path"])

    @cached_property
    def model(self) -> TrainedModel:
        if not self.model_path.is_dir():
            raise NotAvailableError(f"its model is not available ({self.told['model']['path']})")
        return load_model(self.model_path)

    @cached_property
    def cohort(self) -> Cohort:
        place = self.moved or self.out / str(self.told["cohort"]["path"])
        if not (place / "cohort.json").is_file():
            raise NotAvailableError("its cohort is not available (--cohort says where it is)")
        return Cohort(place)

    @property
    def failed(self) -> tuple[Rejected, ...]:
        """Series that could not be read; once told by their study and the reason alone."""
        return tuple(
            Rejected(**one) if isinstance(one, dict) else Rejected("", str(one[0]), str(one[1]), "")
            for one in self.told["failed"]
        )

    @cached_property
    def pairs(self) -> pl.DataFrame:
        return read_table(self.out / "pairs.parquet")


def audit_consistency(out: Path, asked: AuditOptions) -> BenchAudit:
    """Audit the folder of a consistency check.

    Args:
        out: its folder.
        asked: what an audit of a run is asked.

    Raises:
        MolreError: consistency.json is damaged or newer.
    """
    folder = _Folder(out, read_sources(out / CONSISTENCY), asked.get("cohort"))
    checks: list[Check] = []
    looks: tuple[tuple[str, str, Callable[[_Folder], Iterator[Check]]], ...] = (
        (FILES, "the model is the one that read them", _same_model),
        (DATA, "the series are those of the cohort", _same_series),
        (NUMBERS, TABLES, _tables),
        (DATA, "pairs per study", _complete),
        (DATA, OWN, _own),
        (NUMBERS, USUAL, _usual),
        (FILES, STRANGERS, lambda here: strangers(here.out, WRITTEN)),
        (NUMBERS, SCANS, partial(_from_scans, asked=asked)),
    )
    for group, name, checker in looks:
        checks += made(group, name, partial(checker, folder))
    return BenchAudit(out, tuple(checks), (), "consistency check")


def _same_model(folder: _Folder) -> Iterator[Check]:
    told, again = folder.told["model"]["sha256"], folder.model.sha256
    found = [] if told == again else [f"its checksum is {again[:12]}, then {told[:12]}"]
    yield compared(FILES, "the model is the one that read them", 1, found)


def _same_series(folder: _Folder) -> Iterator[Check]:
    same = folder.told["cohort"]["series_sha256"] == series_sha256(folder.cohort)
    found = [] if same else ["the cohort's series have changed since"]
    yield compared(DATA, "the series are those of the cohort", 1, found)


def _tables(folder: _Folder) -> Iterator[Check]:
    """consistency.csv, report.html and rejects.csv, written again from the pairs."""
    description, told = folder.model.description, folder.told
    pairs = _wide(folder.pairs, description.calibration.thresholds)
    draws = int(folder.settings.get("draws", DRAWS))
    phantoms = _synthetic(folder)
    again = Consistency(
        pairs=pairs,
        table=consistency_table(pairs, draws=draws),
        withheld=int(told["withheld"]),
        failed=folder.failed,
        synthetic=description.synthetic or phantoms,
        name=f"{description.arm} on {description.backbone.name}",
        unwithheld=int(told["compared_though_withheld"]),
    )
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        banner = scans_banner(scans=phantoms, model=description.synthetic)
        write_consistency(again, Path(place), banner)
        for name in (*TABULAR, REJECTS):
            yield from _written(folder.out / name, Path(place) / name)
        yield from report(folder.out, Path(place), "from the pairs", "molre consistency")


def _synthetic(folder: _Folder) -> bool:
    try:
        return folder.cohort.synthetic
    except NotAvailableError:
        return False


def _written(stored: Path, again: Path) -> Iterator[Check]:
    words = f"{stored.name} from the pairs"
    if stored.name == REJECTS:
        yield compared(NUMBERS, words, *_rejects(stored, again))
    elif not stored.is_file():
        yield Check(NUMBERS, words, FAIL, "the file is missing")
    else:
        read = read_csv if stored.suffix == ".csv" else read_table
        old_table, new_table = read(stored), read(again)
        keys = [key for key in ("study", "contrast", "finding") if key in new_table.columns]
        found = table_differences(old_table, new_table, keys)
        yield compared(NUMBERS, words, cells(new_table), found)


def _rejects(stored: Path, again: Path) -> tuple[int, list[str]]:
    """Rows, and what differs; the table once had no file and remedy, and was not there if empty."""
    new = read_rejects(again)
    old = read_rejects(stored) if stored.is_file() else []
    kept = list(old[0]) if old else list(new[0]) if new else []
    told, wanted = (sorted([row.get(key) or "" for key in kept] for row in t) for t in (old, new))
    return len(new), [] if told == wanted else ["it differs from consistency.json"]


def _wide(table: pl.DataFrame, thresholds: np.ndarray) -> Pairs:
    """The pairs of a long table, in its order."""
    findings = tuple(table["finding"].unique(maintain_order=True))
    if not len(findings) or table.height % len(findings) or len(findings) != len(thresholds):
        raise MolreError("pairs.parquet does not hold each finding of the model once per pair")
    first = table.gather_every(len(findings))
    shape = (-1, len(findings))
    return Pairs(
        findings=findings,
        patients=tuple(first["patient"]),
        studies=tuple(first["study"]),
        first=table["chosen"].to_numpy().reshape(shape),
        second=table["other"].to_numpy().reshape(shape),
        contrast=tuple(first["contrast"]),
        thresholds=thresholds,
    )


def _complete(folder: _Folder) -> Iterator[Check]:
    """As many pairs as the cohort has, less those that were withheld or could not be read."""
    expected = {
        rows[0]["study"]: len(rows) - 1
        for rows in several(folder.cohort, folder.settings.get("split"))
    }
    findings = folder.pairs["finding"].n_unique()
    here = folder.pairs.group_by("study").len()
    have = {study: number // findings for study, number in here.iter_rows()}
    lost = {one.study for one in folder.failed}
    found = [
        f"{study} has no pair in the cohort" for study in sorted(have.keys() - expected.keys())
    ]
    found += [
        f"{study} has {have[study]} pairs, in the cohort {number}"
        for study, number in expected.items()
        if have.get(study, 0) > number
    ]
    missing = sum(n - have.get(study, 0) for study, n in expected.items() if study not in lost)
    if missing != int(folder.told["withheld"]):
        found.append(f"{missing} pairs are missing, and {folder.told['withheld']} were withheld")
    yield compared(DATA, "pairs per study", len(expected), found)


def _own(folder: _Folder) -> Iterator[Check]:
    """Patients of the pairs, and in what their series differ, as the cohort has them."""
    expected: dict[str, tuple[str, list[str]]] = {}
    for chosen, *others in several(folder.cohort, folder.settings.get("split")):
        kinds = [contrast_of(chosen, other) for other in others]
        expected[chosen["study"]] = chosen["patient"], kinds
    found, seen = [], 0
    per_pair = folder.pairs.gather_every(max(1, folder.pairs["finding"].n_unique()))
    for (study,), rows in per_pair.partition_by("study", as_dict=True).items():
        patient, kinds = expected.get(str(study), ("", []))
        seen += rows.height
        if set(rows["patient"]) != {patient}:
            found.append(f"{study} is not of patient {rows['patient'][0]}")
        if Counter(rows["contrast"]) - Counter(kinds):
            told = ", ".join(sorted(set(rows["contrast"])))
            found.append(f"{study} differs in {told}, in the cohort in {', '.join(kinds)}")
    yield compared(DATA, OWN, 2 * seen, found)


def _usual(folder: _Folder) -> Iterator[Check]:
    """Another number of draws than the default may have been chosen for what it shows."""
    draws = folder.settings.get("draws", DRAWS)
    if draws == DRAWS:
        yield Check(NUMBERS, USUAL, PASS, "as by default")
    else:
        yield Check(NUMBERS, USUAL, FLAG, f"draws is {draws}, by default {DRAWS}")


def _from_scans(folder: _Folder, asked: AuditOptions) -> Iterator[Check]:
    """Some studies read again by each of their series, drawn anew each time."""
    number = asked.get("reread", STUDIES)
    if not number:
        raise NotAvailableError("the pairs were not compared with the scans: --reread 0")
    seed = asked.get("reread_seed")
    seed = secrets.randbelow(2**31) if seed is None else seed
    try:
        reader = load(
            folder.model_path,
            weights_dir=asked.get("weights_dir"),
            device=asked.get("device", "cpu"),
        )
    except MolreError as error:
        raise NotAvailableError(
            f"the pairs were not compared with the scans: {error.what}"
        ) from None
    studies = several(folder.cohort, folder.settings.get("split"))
    random.Random(seed).shuffle(studies)
    pairs, failed = read_pairs(reader, folder.cohort, studies[:number])
    if failed and not pairs:
        raise NotAvailableError(f"the pairs were not compared with the scans: {failed[0].reason}")
    keep_all = bool(folder.settings.get("even_if_withheld"))
    kept = [pair for pair in pairs if keep_all or not pair.withheld]
    drawn = {rows[0]["study"] for rows in studies[:number]} - {one.study for one in failed}
    found = _compare(folder.pairs.filter(pl.col("study").is_in(list(drawn))), kept)
    words = f"{SCANS} ({len(drawn)} of {len(studies)} studies, drawn by seed {seed})"
    yield compared(NUMBERS, words, 2 * sum(len(pair.first) for pair in kept), found)


def _compare(stored: pl.DataFrame, again: list[Pair]) -> list[str]:
    """Pairs of the same studies, in the order of the cohort's series within each."""
    found = []
    for study in sorted({*stored["study"], *(pair.study for pair in again)}):
        rows = stored.filter(pl.col("study") == study)
        mine = [pair for pair in again if pair.study == study]
        told = rows.select("chosen", "other").to_numpy()
        new = np.array(
            [(a, b) for pair in mine for a, b in zip(pair.first, pair.second, strict=True)]
        )
        if len(told) != len(new):
            found.append(
                f"{study} has {len(told)} values in pairs.parquet, {len(new)} when read again"
            )
        elif len(new) and not (gap := float(np.abs(told - new).max())) <= PROBABILITY:
            found.append(f"probabilities of {study} are off by up to {gap:.4f}")
    return found
