"""``molre evaluate --external``: a frozen model on another cohort, as a run folder of its own.

Nothing is fitted: weights, calibration and thresholds are the model's, operating points are chosen
on the calibrate split of the run it came from. OUT holds the predictions of the external cohort as
split ``test`` and is evaluated, reported and audited like any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre import files
from molre.cohort.cohort import Cohort
from molre.cohort.rejects import Rejected, write_rejects
from molre.ct.cache.volume_cache import scan, volumes_of
from molre.ct.survey import nothing_found
from molre.device import usable
from molre.embedding.embed import embed
from molre.errors import MolreError
from molre.evaluation.evaluate import Evaluation
from molre.evaluation.external import Overlap, mapped_findings, overlap, refuse_overlap
from molre.labels.findings import findings
from molre.labels.policy import POLICIES, targets
from molre.model.eligibility import is_far
from molre.model.folder import ModelDescription, TrainedModel
from molre.pipeline import Reader, load
from molre.progress import track
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.folder import RunFolder
from molre.runs.manifest import backbone_facts, now, write_manifest
from molre.runs.model_of_run import ModelSource
from molre.runs.predictions import prediction_table
from molre.runs.run import SPLIT
from molre.runs.studies import Studies
from molre.training.load_splits import data_hashes
from molre.workflows.evaluate_run import evaluate_and_report

INGEST_AGAIN = "check that its files are there and unchanged, or run molre ingest again"


@dataclass(frozen=True)
class Scored:
    """Logits (N, K of the model) and distances (N,) of the studies that could be read."""

    rows: pl.DataFrame
    logits: np.ndarray
    familiarity: np.ndarray
    failed: int

    @property
    def far(self) -> int:
        """Scans that are unlike the training ones."""
        return sum(map(is_far, self.familiarity.tolist()))


def evaluate_external(
    cohort: Path | str,
    model: Path | str,
    out: Path | str,
    *,
    weights_dir: Path | str | None = None,
    device: str = "cpu",
    workers: int | None = None,
    prevalences: Sequence[float] | None = None,
    leave_out_overlap: bool = False,
    overwrite: bool = False,
) -> Evaluation:
    """Score a frozen model on an external cohort and write OUT as a run folder with its report.

    OUT/rejects.csv has the scans that could not be read again.

    Args:
        cohort: ingested and labeled; it needs no splits.
        model: RUN, or a model folder alone (then nothing is known of what it was trained on, and
            there are no operating points beside the model's own thresholds).
        out: folder to write.
        weights_dir: folder with the backbone's weights.
        device: torch device the backbone embeds on.
        workers: processes that embed.
        prevalences: at which predictive values are stated.
        leave_out_overlap: leave out what was in the model's making instead of refusing.
        overwrite: write into a folder that holds something.

    Raises:
        MolreError: no model, a cohort without scans or labels, labels that state none of the
            model's findings, studies that were in the model's making, or a folder in the way.
    """
    opened, source, out = Cohort(Path(cohort)), ModelSource.at(Path(model)), Path(out)
    device = usable(device)
    if out.exists() and any(out.iterdir()) and not overwrite:
        raise MolreError("is not empty", where=out, fix="choose another folder, or --overwrite")
    scans, found = selected(opened, source)
    if not leave_out_overlap:
        refuse_overlap(found, opened.path)
    if scans.is_empty():
        raise MolreError(
            "no labeled study is left to score",
            where=opened.path,
            fix="molre label, or more scans",
        )
    reader = load(source.model, weights_dir=weights_dir, device=device)
    kept = stated(opened, reader.model.description, scans)
    scored, unread = _score(opened, reader, scans, device, workers)
    write_rejects(RunFolder(out).rejects, unread)
    write_scored(out, opened, source, reader.model, scored, kept, found)
    return evaluate_and_report(out, prevalences)


def selected(cohort: Cohort, source: ModelSource) -> tuple[pl.DataFrame, Overlap]:
    """The labeled scans that the model was not made from, by study, and what the others are."""
    scans = cohort.chosen().sort("study")
    found = _overlap(cohort, scans, source)
    labeled = cohort.labels()["study_id"].unique().to_list()
    left = pl.col("study").is_in(labeled) & ~pl.col("study").is_in(list(found.studies))
    return scans.filter(left), found


def stated(cohort: Cohort, d: ModelDescription, scans: pl.DataFrame) -> tuple[str, ...]:
    """The model's findings that the cohort's labels state for one of these scans."""
    wanted = [entry.id for entry in d.findings]
    return mapped_findings(cohort.labels(), wanted, scans["study"].to_list())


def _overlap(cohort: Cohort, scans: pl.DataFrame, source: ModelSource) -> Overlap:
    trained, same_salt = None, False
    try:
        own = CohortOfRun(source.manifest).opened
        trained, same_salt = own.chosen(), own.salt == cohort.salt
    except MolreError:
        pass  # the run's cohort is not available; its studies.parquet is enough for the scans
    return overlap(scans, source.table("studies"), trained, same_salt)


def _score(
    cohort: Cohort, reader: Reader, scans: pl.DataFrame, device: str, workers: int | None
) -> tuple[Scored, list[Rejected]]:
    """Each study through the frozen model; a series that cannot be read again is left out."""
    cache, problems = None, dict[str, str]()
    if reader.adapted is None:
        done = embed(cohort.path, reader.backbone, device=device, workers=workers)
        cache, problems = done.cache, dict(done.failed)
    volumes = volumes_of(cohort.path)
    logits, distances, kept = [], [], []
    unread: list[Rejected] = []
    rows = scans.select("study", "content_hash", "files", "hu_map").iter_rows()
    for study, content_hash, paths, hu_map in track(rows, "scoring", len(scans)):
        if cache is not None:
            if content_hash not in cache:
                why = problems.get(study, "it has no embedding")
                unread.append(Rejected(paths[0], study, why, INGEST_AGAIN))
                continue
            embeddings = cache.get(content_hash)
        else:
            try:
                volume = scan(content_hash, paths, volumes, hu_map)
            except MolreError as error:
                fix = error.fix or INGEST_AGAIN
                unread.append(Rejected(paths[0], study, error.what, fix))
                continue
            embeddings = reader.embed(volume)[0]
        scores, distance = reader.score(embeddings, content_hash)
        logits.append(scores.logits[0].double().numpy())
        distances.append(distance)
        kept.append(study)
    if not kept:
        raise nothing_found(unread, str(cohort.path))
    read = scans.filter(pl.col("study").is_in(kept))
    return Scored(read, np.stack(logits), np.array(distances), len(unread)), unread


def write_scored(
    out: Path,
    cohort: Cohort,
    source: ModelSource,
    model: TrainedModel,
    scored: Scored,
    kept: tuple[str, ...],
    found: Overlap,
) -> None:
    """OUT as a run folder; the manifest comes last."""
    manifest, description = source.manifest, model.description
    policy = str(manifest.get("blank_policy") or POLICIES[0])
    table = findings()
    known = targets(cohort.labels(), scored.rows["study"].to_list(), table, policy)
    ids = [entry.id for entry in description.findings]
    studies = Studies(
        tuple(scored.rows["study"]),
        tuple(scored.rows["patient"]),
        tuple(scored.rows["content_hash"]),
        known[:, [table.ids.index(finding) for finding in ids]],
    )
    rows = prediction_table(SPLIT, studies, tuple(ids), scored.logits, model.calibration)
    own = source.table("predictions")
    if own is not None:
        rows = pl.concat([own.filter(pl.col("split") == "calibrate").select(rows.columns), rows])
    folder = RunFolder(out)
    folder.manifest.unlink(missing_ok=True)
    folder.write_table("predictions", rows.filter(pl.col("finding").is_in(list(kept))))
    folder.write_table("studies", studies.rows(SPLIT, scored.familiarity))
    text = source.description.read_text(encoding="utf-8")
    files.write_text(folder.description, text)
    facts = {
        "cohort": str(cohort.path.resolve()),
        "run": None if source.run is None else str(source.run.path.resolve()),
        "model_sha256": model.sha256,
        "overlap": found.to_dict(),
        "not_mapped": [finding for finding in ids if finding not in kept],
        "not_read": scored.failed,
        "scans_synthetic": cohort.synthetic,
        "unfamiliar": scored.far,
        "said": _said(cohort, scored, kept, ids, found),
    }
    content = _manifest(manifest, description, cohort, scored, kept, policy) | {"external": facts}
    write_manifest(folder, content)


def _manifest(
    manifest: dict[str, Any],
    d: ModelDescription,
    cohort: Cohort,
    scored: Scored,
    kept: tuple[str, ...],
    policy: str,
) -> dict[str, Any]:
    """What the run said of the model, and of the data what is true here."""
    return {
        "arm": d.arm,
        "placement": d.placement,
        "seed": d.seed,
        "backbone": backbone_facts(d.backbone),
        "added_parameters": 0,
        # labels of the other cohort all count, whatever their source
        **{name: told for name, told in manifest.items() if name != "label_sources"},
        "cohort": str(cohort.path.resolve()),
        "synthetic": cohort.synthetic or d.synthetic,
        "findings": list(kept),
        "n": {**d.studies, SPLIT: len(scored.rows)},
        **hashes_of(cohort),
        "blank_policy": policy,
        "created": now(),
    }


def hashes_of(cohort: Cohort) -> dict[str, str | None]:
    """Of the data; an external cohort may have no splits."""
    try:
        return {**data_hashes(cohort)}
    except MolreError:
        return {
            "scans_sha256": None,
            "splits_sha256": None,
            "labels_sha256": files.sha256(cohort.path / "labels.parquet"),
        }


def _said(
    cohort: Cohort, scored: Scored, kept: tuple[str, ...], ids: list[str], found: Overlap
) -> str:
    """What a reader of the report must know of how this was made."""
    studies, far = len(scored.rows), scored.far
    parts = [
        f"External evaluation: {studies} studies of cohort {cohort.path.name}; nothing was fitted "
        "or chosen on them.",
        f"{len(kept)} of the model's {len(ids)} findings are stated by its labels under the same id"
        + ("." if len(kept) == len(ids) else "; the others are not scored."),
        f"Checked against what the model was made from: {found.compared}; "
        f"{len(found.studies)} studies were left out for that reason.",
    ]
    if far:
        parts.append(
            f"{far} scans are far from the training scans and would be withheld by `molre "
            "predict`; they are scored here."
        )
    if scored.failed:
        parts.append(f"{scored.failed} scans could not be read again and are left out.")
    return " ".join(parts)
