"""``consistency(model, cohort, out)``: each study's other series read as well, and compared."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.cohort.cohort import Cohort, write_table
from molre.cohort.rejects import Rejected, write_rejects
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.ct.nifti.hu_map import HuMap
from molre.ct.read import read_series
from molre.ct.volume import Volume
from molre.device import usable
from molre.errors import MolreError
from molre.evaluation.consistency import Consistency, Pairs, consistency_table, contrast_of
from molre.evaluation.statistics.bootstrap import DRAWS
from molre.output.comparison.consistency import write_consistency_report
from molre.output.synthetic_banner import scans_banner
from molre.pipeline import Reader, load
from molre.progress import track
from molre.runs.sources import CONSISTENCY, relative, write_sources
from molre.table_files import write_csv


@dataclass(frozen=True)
class Pair:
    """Probabilities of a study's chosen series and of another one."""

    study: str
    patient: str
    contrast: str
    first: np.ndarray
    second: np.ndarray
    withheld: bool


def consistency(
    model: str | Path,
    cohort: str | Path,
    out: str | Path,
    *,
    split: str | None = None,
    even_if_withheld: bool = False,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    draws: int = DRAWS,
) -> Consistency:
    """Read every study that has several eligible series by each of them.

    Writes ``OUT/consistency.csv``, ``OUT/pairs.parquet``, ``OUT/report.html``, ``OUT/rejects.csv``
    of the series that could not be read, and for ``molre audit`` ``OUT/consistency.json``. No label
    is looked at.

    Args:
        model: RUN/model.
        cohort: with several series in some studies.
        out: folder to write to.
        split: only studies of that split; all by default.
        even_if_withheld: compare pairs as well of which one would be withheld.
        weights_dir: folder with the backbone's weights.
        device: torch device.
        draws: of the patient bootstrap.

    Raises:
        MolreError: no study has two eligible series, or none of them could be compared.
    """
    opened, out, device = Cohort(Path(cohort)), Path(out), usable(device)
    studies = several(opened, split)
    reader = load(model, weights_dir=weights_dir, device=device)
    found, failed = read_pairs(reader, opened, studies)
    kept = [pair for pair in found if even_if_withheld or not pair.withheld]
    write_rejects(out / "rejects.csv", failed)
    if not kept:
        raise MolreError(
            f"no pair of series could be compared: {len(found)} are withheld, {len(failed)} series "
            "could not be read",
            where=opened.path,
            fix="add --even-if-withheld" if not failed else f"see {out / 'rejects.csv'}",
        )
    description = reader.model.description
    pairs = Pairs(
        findings=tuple(f.id for f in description.findings),
        patients=tuple(pair.patient for pair in kept),
        studies=tuple(pair.study for pair in kept),
        first=np.stack([pair.first for pair in kept]),
        second=np.stack([pair.second for pair in kept]),
        contrast=tuple(pair.contrast for pair in kept),
        thresholds=description.calibration.thresholds,
    )
    result = Consistency(
        pairs=pairs,
        table=consistency_table(pairs, draws=draws),
        withheld=len(found) - len(kept),
        unwithheld=sum(pair.withheld for pair in kept),
        failed=tuple(failed),
        synthetic=opened.synthetic or description.synthetic,
        name=f"{description.arm} on {description.backbone.name}",
    )
    write_consistency(
        result, out, scans_banner(scans=opened.synthetic, model=description.synthetic)
    )
    sources = {
        "model": {"path": relative(Path(model), out), "sha256": reader.model.sha256},
        "cohort": {"path": relative(opened.path, out), "series_sha256": series_sha256(opened)},
        "settings": {"split": split, "even_if_withheld": even_if_withheld, "draws": draws},
        "withheld": result.withheld,
        "compared_though_withheld": result.unwithheld,
        "failed": [asdict(one) for one in failed],
    }
    write_sources(out / CONSISTENCY, sources)
    return result


def series_sha256(cohort: Cohort) -> str:
    """SHA-256 of which series a cohort holds, by their content."""
    rows = cohort.scans().select("study", "series", "content_hash", "eligible", "chosen")
    ordered = rows.sort("study", "series").write_csv()
    return hashlib.sha256(ordered.encode()).hexdigest()


def several(cohort: Cohort, split: str | None) -> list[list[dict[str, Any]]]:
    """Rows of each study with two or more eligible series, the chosen one first."""
    scans = cohort.scans()
    if split is not None:
        here = cohort.splits().filter(pl.col("split") == split)["patient"]
        scans = scans.filter(pl.col("patient").is_in(here.to_list()))
    read = scans.filter(pl.col("eligible"))
    chosen = cohort.chosen()["study"].to_list()
    kept = read.filter(pl.col("study").is_in(chosen) & pl.col("study").is_duplicated())
    if kept.is_empty():
        raise MolreError(
            "no study has two eligible series",
            where=cohort.path,
            fix="ingest folders that hold the other kernel or thickness as well",
        )
    ordered = kept.sort(["study", "chosen", "series"], descending=[False, True, False])
    groups = ordered.partition_by("study", maintain_order=True)
    return [group.to_dicts() for group in groups]


def read_pairs(
    reader: Reader,
    cohort: Cohort,
    studies: list[list[dict[str, Any]]],
) -> tuple[list[Pair], list[Rejected]]:
    """Each study read by its chosen series and every other one.

    Args:
        reader: of the model.
        cohort: of the studies.
        studies: from :func:`several`.

    Returns:
        the pairs, and the series that could not be read.
    """
    pairs: list[Pair] = []
    failed: list[Rejected] = []
    for rows in track(studies, "reading each study's series"):
        read = []
        for row in rows:
            try:
                reading = reader.reading(_volume(cohort, row), even_if_withheld=True)
            except MolreError as error:
                failed.append(Rejected(row["files"][0], row["study"], error.what, error.fix or ""))
                continue
            read.append((row, reading.probabilities, reading.prediction.status == "withheld"))
        if not read or not read[0][0]["chosen"]:
            continue
        chosen, first, aside = read[0]
        for other, second, also in read[1:]:
            contrast = contrast_of(chosen, other)
            pairs.append(
                Pair(other["study"], other["patient"], contrast, first, second, aside or also)
            )
    return pairs, failed


def _volume(cohort: Cohort, row: dict[str, Any]) -> Volume:
    if row["content_hash"] is not None:
        return scan(row["content_hash"], row["files"], volumes_of(cohort.path), row["hu_map"])
    values = HuMap.parse(row["hu_map"]) if row["hu_map"] else None
    return read_series(list(row["files"]), hu_map=values)


def write_consistency(result: Consistency, out: Path, banner: str | None) -> None:
    """Tables and report; see :func:`consistency`."""
    write_csv(out / "consistency.csv", result.table)
    write_table(out / "pairs.parquet", _long(result.pairs))
    write_rejects(out / "rejects.csv", result.failed)
    write_consistency_report(result, out / "report.html", banner)


def _long(pairs: Pairs) -> pl.DataFrame:
    n, k = pairs.first.shape
    return pl.DataFrame(
        {
            "study": np.repeat(np.array(pairs.studies, dtype=object), k).tolist(),
            "patient": np.repeat(np.array(pairs.patients, dtype=object), k).tolist(),
            "contrast": np.repeat(np.array(pairs.contrast, dtype=object), k).tolist(),
            "finding": list(pairs.findings) * n,
            "chosen": pairs.first.reshape(-1),
            "other": pairs.second.reshape(-1),
        }
    )
