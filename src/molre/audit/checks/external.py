"""An external evaluation: the frozen model's scores on another cohort, made again from both.

It keeps no model of its own. What it was made from is the run of its model, where that is
available, and the external cohort with its embeddings.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from molre.audit.check import DATA, LEAKAGE, NUMBERS, Check, NotAvailableError, compared
from molre.audit.checks import leakage
from molre.audit.checks.predictions import LOGITS
from molre.audit.differences import (
    cells,
    leaves,
    mapping_differences,
    table_differences,
    values_differ,
)
from molre.audit.run_under_audit import RunUnderAudit
from molre.cohort.rejects import read_rejects
from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.policy import targets
from molre.model.folder import TrainedModel
from molre.model.folder import load as load_model
from molre.runs.cohort_of_run import CohortOfRun
from molre.runs.folder import RunFolder
from molre.runs.manifest import read_manifest
from molre.runs.model_of_run import ModelSource, run_of_model
from molre.runs.reading import read_json, read_table
from molre.runs.run import SPLIT
from molre.runs.studies import Studies
from molre.training.data import Loader
from molre.training.inference import predict
from molre.training.studies_table import distances
from molre.workflows.evaluate_external import (
    Scored,
    hashes_of,
    selected,
    stated,
    write_scored,
)

BATCH = 16  # scans at a time
# words of manifest.json as they were once written, and as they are now
BEFORE = (
    (
        "Compared with what the model learned from: ",
        "Checked against what the model was made from: ",
    ),
    (" studies were left out for it.", " studies were left out for that reason."),
)
MADE = "predictions, studies and manifest from the model and the cohort"


def test_rows(opened: RunUnderAudit) -> Iterator[Check]:
    """Patients and labels of the scored studies are those of the external cohort."""
    rows = opened.predictions.filter(pl.col("split") == SPLIT)
    ids, table = sorted(set(rows["finding"])), findings()
    studies = rows["study"].unique(maintain_order=True).to_list()
    owner = dict(opened.cohort.chosen().select("study", "patient").iter_rows())
    policy = str(opened.manifest.get("blank_policy"))
    known = targets(opened.cohort.labels(), studies, table, policy)
    place = {study: i for i, study in enumerate(studies)}
    column = {finding: table.ids.index(finding) for finding in ids}
    found = []
    for row in rows.iter_rows(named=True):
        study, finding = row["study"], row["finding"]
        target = float(known[place[study], column[finding]])
        again = None if np.isnan(target) else int(target)
        if owner.get(study) != row["patient"]:
            found.append(f"{study} is of {row['patient']}, in the cohort of {owner.get(study)}")
        elif values_differ(row["label"], again):
            found.append(f"{study} {finding} is {row['label']}, in the cohort {again}")
    yield compared(DATA, "patients and labels of the external cohort", 2 * rows.height, found)


def hashes(opened: RunUnderAudit) -> Iterator[Check]:
    """Scans, splits and labels are those that were scored; splits are not needed."""
    again = hashes_of(opened.cohort)
    found = [
        f"{name.removesuffix('_sha256')} has changed since the model was tested on them"
        for name, value in again.items()
        if opened.manifest.get(name) not in (value, None)
    ]
    yield compared(DATA, "hashes of the external cohort", len(again), found)


def left_out(opened: RunUnderAudit) -> Iterator[Check]:
    """No scored study was in the model's making."""
    _, found = selected(opened.cohort, _source(opened))
    scored = set(opened.predictions.filter(pl.col("split") == SPLIT)["study"])
    both = sorted(scored & set(found.studies))
    said = [f"{study} was" for study in both]
    name = "no study of the external cohort was in the model's making"
    yield compared(LEAKAGE, name, len(scored), said)


def struck(opened: RunUnderAudit) -> Iterator[Check]:
    """Studies of the external cohort that were there once; hard ones may have been dropped."""
    scans, labels = opened.cohort.scans(), opened.cohort.labels()
    left = {"in labels.parquet without a scan": set(labels["study_id"]) - set(scans["study"])}
    if opened.has("embeddings"):
        embedded = set(read_table(opened.cache.folder / "index.parquet")["content_hash"])
        left |= leakage.unscored(scans, embedded)
    yield leakage.flagged_left(left, scans["study"].n_unique())


def same_model(opened: RunUnderAudit) -> Iterator[Check]:
    """The model and its calibrate rows are those of the run that it comes from."""
    source = _source(opened)
    model = load_model(source.model)
    described = read_json(opened.folder.description)
    again = read_json(source.description)
    found = [f"model.json {one}" for one in mapping_differences(described, again)]
    told = (opened.manifest["external"] or {}).get("model_sha256")
    if told != model.sha256:
        found.append(f"model_sha256 is {told}, of the run's model {model.sha256}")
    own = source.table("predictions")
    stored = opened.predictions.filter(pl.col("split") == "calibrate")
    kept = pl.col("finding").is_in(sorted(set(opened.predictions["finding"])))
    if own is not None:
        wanted = own.filter((pl.col("split") == "calibrate") & kept).select(stored.columns)
        found += table_differences(stored, wanted, ("study", "finding"))
    name = "model, calibration and calibrate rows from the run of the model"
    yield compared(NUMBERS, name, leaves(again) + cells(stored), found)


def made_again(opened: RunUnderAudit) -> Iterator[Check]:
    """The whole folder written again, from the model's run and the cohort, and compared.

    Logits come from the model and the cohort's embeddings. An adapted backbone keeps none: there
    the stored ones stand for them, and ``--reread`` looks at those.
    """
    source, cohort = _source(opened), opened.cohort
    if not CohortOfRun(source.manifest).is_there:
        raise NotAvailableError("the cohort of the model's run is not available")
    model = load_model(source.model)
    scans, overlap = selected(cohort, source)
    kept = stated(cohort, model.description, scans)
    adapted = model.description.blocks != "none"
    scored = _stored(opened, scans, model) if adapted else _scored(opened, scans, model)
    with tempfile.TemporaryDirectory(prefix="molre-audit-") as place:
        out = Path(place)
        write_scored(out, cohort, source, model, scored, kept, overlap)
        name = "logits and labels" + (", but for the logits" if adapted else "")
        yield _same_table(opened, out, "predictions", ("study", "finding"), name)
        name = "scans" + ("" if adapted else " and familiarity")
        yield _same_table(opened, out, "studies", ("study",), name)
        yield _same_manifest(opened, read_manifest(RunFolder(out)))
    yield from _same_rejects(opened, scans, scored)


def _same_table(
    opened: RunUnderAudit, out: Path, name: str, keys: tuple[str, ...], what: str
) -> Check:
    stored, again = (folder.read(name) for folder in (opened.folder, RunFolder(out)))
    found = table_differences(stored, again, keys, LOGITS)
    words = f"{name}.parquet from the model and the external cohort: {what}"
    return compared(NUMBERS, words, cells(again), found)


def _same_manifest(opened: RunUnderAudit, again: dict[str, Any]) -> Check:
    stored = dict(opened.manifest)
    again.pop("created")
    if opened.moved is not None:  # where it is now is no fault
        here, there = opened.cohort.path.name, opened.cohort_told.name
        facts = again["external"]
        facts["said"] = facts["said"].replace(f"cohort {here};", f"cohort {there};")
        again["cohort"] = facts["cohort"] = stored.get("cohort")
    told = stored.get("external")
    if isinstance(told, dict) and isinstance(told.get("said"), str):
        said = told["said"]
        for old, new in BEFORE:
            said = said.replace(old, new)
        stored["external"] = told | {"said": said}
    found = mapping_differences(stored, again)
    found += [f"{key} is not expected" for key in stored.keys() - again.keys() - {"created"}]
    words = "manifest.json from the run of the model and the external cohort"
    return compared(NUMBERS, words, leaves(again), found)


def _same_rejects(opened: RunUnderAudit, scans: pl.DataFrame, scored: Scored) -> Iterator[Check]:
    """Each study that was not scored is a row of rejects.csv; there was none of that name once."""
    path = opened.folder.rejects
    if not path.is_file():
        return
    told = {row["study"] for row in read_rejects(path)}
    unread = set(scans["study"]) - set(scored.rows["study"])
    found = [f"{study} is not scored and no row" for study in sorted(unread - told)]
    found += [f"{study} is a row, and scored" for study in sorted(told - unread)]
    yield compared(NUMBERS, "rejects.csv from the external cohort", len(unread), found)


def _scored(opened: RunUnderAudit, scans: pl.DataFrame, model: TrainedModel) -> Scored:
    cache, ids = opened.cache, [entry.id for entry in model.description.findings]
    rows = scans.filter(pl.col("content_hash").map_elements(cache.__contains__, pl.Boolean))
    nothing = np.full((len(rows), len(ids)), np.nan, dtype=np.float32)
    studies = Studies(
        tuple(rows["study"]), tuple(rows["patient"]), tuple(rows["content_hash"]), nothing
    )
    loader = Loader(cache, studies, BATCH, model.description.seed)
    logits = predict(model.classifier, loader).logits.astype(np.float64)
    far = distances(studies, cache, model.classifier, model.familiarity)
    return Scored(rows, logits, far, len(scans) - len(rows))


def _stored(opened: RunUnderAudit, scans: pl.DataFrame, model: TrainedModel) -> Scored:
    test = opened.predictions.filter(pl.col("split") == SPLIT)
    rows = scans.filter(pl.col("study").is_in(test["study"].unique().to_list()))
    logit = {(s, f): v for s, f, v in test.select("study", "finding", "logit").iter_rows()}
    ids = [entry.id for entry in model.description.findings]
    logits = np.array(
        [[logit.get((s, f), np.nan) for f in ids] for s in rows["study"]], dtype=np.float64
    )
    table = opened.folder.read("studies")
    far = dict(table.select("study", "familiarity").iter_rows())
    distance = np.array([far.get(s, np.nan) for s in rows["study"]], dtype=np.float64)
    return Scored(rows, logits, distance, len(scans) - len(rows))


def _source(opened: RunUnderAudit) -> ModelSource:
    """The run that the model comes from."""
    run = run_of_model(opened.manifest)
    if run is None:
        raise NotAvailableError("the model was given without its run")
    try:
        return ModelSource(RunFolder(run).model, RunFolder(run), read_manifest(RunFolder(run)))
    except MolreError as error:
        raise NotAvailableError(
            f"the run of its model is not available ({error.message})"
        ) from None
