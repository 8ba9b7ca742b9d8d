"""Predictions and routing against the model and its embeddings; probabilities against logits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch

from molre.adapter.core import gate_entropy
from molre.audit.check import FAIL, NUMBERS, PASS, Check, NotAvailableError, compared, not_checked
from molre.audit.differences import cells, shown, table_differences, values_differ
from molre.audit.run_under_audit import RunUnderAudit
from molre.cohort.cohort import SPLITS
from molre.errors import MolreError
from molre.model.calibration import Calibration, fit_calibration
from molre.runs.reading import read_table
from molre.training.data import Loader
from molre.training.inference import Outputs, macro_auc, predict

SCORED = SPLITS[1:]  # tune, calibrate, test: predictions.parquet has no training studies
LOGITS = 1e-4  # absolute and relative: float32 in another order, on another machine
PROBABILITIES = 1e-6  # kept as float32


def calibrated(opened: RunUnderAudit) -> Iterator[Check]:
    """Probabilities from logits, and the calibration itself from the calibrate split's rows."""
    yield from probabilities(opened)
    ids = [f.id for f in opened.description.findings]
    yield _refitted(opened, ids, opened.description.calibration)


def probabilities(opened: RunUnderAudit) -> Iterator[Check]:
    """Probabilities from logits and the model's calibration."""
    table, fitted = opened.predictions, opened.description.calibration
    ids = [f.id for f in opened.description.findings]
    known = table.filter(pl.col("finding").is_in(ids))
    column = known["finding"].replace_strict(ids, list(range(len(ids))), return_dtype=pl.Int64)
    logits = known["logit"].cast(pl.Float64).to_numpy()
    margin = fitted.slope * logits + fitted.intercepts[column.to_numpy()]
    again = 1 / (1 + np.exp(-margin))
    far = np.flatnonzero(~(np.abs(again - known["probability"].to_numpy()) <= PROBABILITIES))
    found = [
        "{study} {finding} is {probability:.6f}".format(**known.row(int(i), named=True))
        + f", recomputed {again[i]:.6f}"
        for i in far
    ]
    found += [f"finding {one} is not the model's" for one in sorted({*table["finding"]} - {*ids})]
    name = "probabilities from logits and the model's calibration"
    yield compared(NUMBERS, name, table.height, found)


def _refitted(opened: RunUnderAudit, ids: list[str], stored: Calibration) -> Check:
    logits, labels = grid(opened.predictions, "calibrate", ids)
    rows = opened.predictions.filter(pl.col("split") == "calibrate")
    owners = rows.unique("study").sort("study")["patient"].to_list()
    again = fit_calibration(logits.astype(np.float32), labels, owners)
    found = []
    if values_differ(stored.slope, again.slope, 1e-6):
        found.append(f"slope is {shown(stored.slope)}, fitted {shown(again.slope)}")
    for what in ("intercepts", "calibrated", "thresholds", "positives", "negatives"):
        for finding, a, b in zip(
            ids, getattr(stored, what).tolist(), getattr(again, what).tolist(), strict=True
        ):
            if values_differ(a, b, 1e-6):
                found.append(f"{what} of {finding} is {shown(a)}, fitted {shown(b)}")
    name = "calibration and thresholds from the calibrate split"
    return compared(NUMBERS, name, 1 + 5 * len(ids), found)


def grid(table: pl.DataFrame, split: str, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels float64 (N, K) of one split's rows of predictions.parquet.

    Raises:
        MolreError: the rows are not one for each study and finding.
    """
    rows = table.filter(pl.col("split") == split).sort("study", maintain_order=True)
    studies = rows["study"].unique().sort()
    if rows.height != len(studies) * len(ids) or rows.is_empty():
        raise MolreError(f"predictions.parquet does not hold each finding once per {split} study")
    out = []
    for column in ("logit", "label"):
        wide = rows.pivot("finding", index="study", values=column, aggregate_function="first")
        if sorted(wide.columns) != sorted(["study", *ids]):
            raise MolreError("predictions.parquet has other findings than the model")
        out.append(wide.sort("study").select(pl.col(ids).cast(pl.Float64)).to_numpy())
    return out[0], out[1]


def recomputed(opened: RunUnderAudit) -> Iterator[Check]:
    """Every logit and gate from the model folder and the embeddings, in the batches of training."""
    try:
        outputs = _outputs(opened)
    except NotAvailableError as error:
        yield not_checked(NUMBERS, "logits from the model and its embeddings", error.what)
        yield not_checked(NUMBERS, "gates from the model and its embeddings", error.what)
        return
    except MolreError as error:  # the cache is there, and not as it was written
        yield Check(NUMBERS, "logits from the model and its embeddings", FAIL, error.what)
        return
    yield _logits(opened, outputs)
    yield from _gates(opened, outputs["test"])
    yield _chosen_epoch(opened, outputs["tune"])


def _outputs(opened: RunUnderAudit) -> dict[str, Outputs]:
    classifier = opened.model.classifier
    size, seed = opened.config.batch_size, opened.description.seed
    return {
        split: predict(classifier, Loader(opened.cache, opened.splits[split], size, seed))
        for split in SCORED
    }


def _logits(opened: RunUnderAudit, outputs: dict[str, Outputs]) -> Check:
    name = "logits from the model and its embeddings"
    stored = {
        (study, finding): float(logit)
        for study, finding, logit in opened.predictions.select(
            "study", "finding", "logit"
        ).iter_rows()
    }
    found, seen = [], 0
    for split in SCORED:
        studies = opened.splits[split].study
        for study, row in zip(studies, outputs[split].logits.tolist(), strict=True):
            for finding, again in zip(opened.splits.findings, row, strict=True):
                value = stored.get((study, finding))
                seen += 1
                if values_differ(value, again, LOGITS):
                    found.append(f"{study} {finding} is {shown(value)}, recomputed {shown(again)}")
    if len(stored) > seen:
        found.append(f"{len(stored) - seen} predictions belong to no study or finding of the run")
    return compared(NUMBERS, name, seen, found)


def _gates(opened: RunUnderAudit, output: Outputs) -> Iterator[Check]:
    from molre.training.write_run import routing_of

    name, path = "gates from the model and its embeddings", opened.folder.table("routing")
    if opened.description.blocks != "none":  # of layers that only the scans give again
        return
    if output.gates is None:
        if path.is_file():
            yield Check(NUMBERS, name, FAIL, "routing.parquet is there and the model has no router")
        return
    if not path.is_file():
        return  # told by molre.audit.checks.adapter.routed
    stored = read_table(path)
    again = routing_of(opened.splits["test"], opened.cache, "slice", output.gates)
    found = table_differences(stored, again, ("study", "slice"), LOGITS)
    yield compared(NUMBERS, name, cells(again), found)
    entropy = float(gate_entropy(output.gates))
    told = opened.manifest.get("gate_entropy")
    found = (
        []
        if not values_differ(told, entropy, LOGITS)
        else [f"gate_entropy is {shown(told)}, recomputed {shown(entropy)}"]
    )
    yield compared(NUMBERS, "gate entropy of manifest.json from the gates", 1, found)


def _chosen_epoch(opened: RunUnderAudit, output: Outputs) -> Check:
    """The best epoch's row of the history is that of the model's weights: tune AUC, entropy."""
    name = "tune AUC and gate entropy of the chosen epoch from the model"
    history = opened.history
    row = history.filter(
        (pl.col("learning_rate") == opened.manifest.get("learning_rate"))
        & (pl.col("epoch") == opened.manifest.get("best_epoch"))
    )
    if row.height != 1:
        return Check(NUMBERS, name, FAIL, "history.parquet has no such epoch")
    low, high = _auc_within(opened.splits["tune"].targets, output.logits)
    told = row["tune_auc"][0]
    again: dict[str, float | None] = {"tune_auc": (low + high) / 2}
    if told is not None and low - LOGITS <= told <= high + LOGITS:
        again = {"tune_auc": told}
    if opened.description.blocks == "none":
        again["gate_entropy"] = output.entropy
    found = [
        f"{what} is {shown(row[what][0])}, recomputed {shown(value)}"
        for what, value in again.items()
        if values_differ(row[what][0], value, LOGITS)
    ]
    return compared(NUMBERS, name, len(again), found)


def _auc_within(targets: np.ndarray, logits: np.ndarray) -> tuple[float, float]:
    """Macro AUC where each logit is off by its tolerance, against the labels and with them.

    An AUC counts orders, so that two studies that all but tie move a small split's by a lot.
    """
    shift = LOGITS * (1 + np.abs(logits)) * np.where(targets > 0.5, 1, -1)
    return macro_auc(targets, logits - shift), macro_auc(targets, logits + shift)


def self_tested(opened: RunUnderAudit) -> Iterator[Check]:
    """The model's own self-test, closer than loading asks for."""
    from molre.model.folder import answer

    embedding, expected = opened.model.self_test
    with torch.inference_mode():
        gap = float((answer(opened.model.classifier, embedding) - expected).abs().max())
    outcome = PASS if gap <= LOGITS * (1 + float(expected.abs().max())) else FAIL
    yield Check(NUMBERS, "self-test of the model", outcome, f"largest difference {gap:.2g}")
