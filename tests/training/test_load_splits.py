"""Which scans are trained on: whole heads, unless all are asked for."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl
import pytest

from molre.cohort.cohort import SPLITS, Cohort
from molre.errors import MolreError
from molre.labels.findings import findings
from molre.training.load_splits import load_splits


class _All:
    """Embeddings of everything, but for some."""

    def __init__(self, but: tuple[str, ...] = ()) -> None:
        self.but = but

    def __contains__(self, content_hash: str) -> bool:
        return content_hash not in self.but


def _studies(folder, but=(), **how):
    splits = load_splits(Cohort(folder), _All(but), findings(), "blank_means", 1, **how)
    return {study for name in SPLITS for study in splits[name].study}


def test_a_scan_that_failed_its_head_check_is_left_out_and_counted(scans, capsys):
    whole = _studies(scans)
    assert "left out" not in capsys.readouterr().err
    train = load_splits(Cohort(scans), _All(), findings(), "blank_means", 1)["train"].study
    bad, unknown = train[:2]
    table = pl.read_parquet(scans / "scans.parquet")
    head = pl.when(pl.col("study") == bad).then(False).otherwise(pl.col("head"))
    table = table.with_columns(head.alias("head")).with_columns(
        pl.when(pl.col("study") == unknown).then(None).otherwise(pl.col("head")).alias("head")
    )
    table.write_parquet(scans / "scans.parquet")
    assert _studies(scans) == whole - {bad}
    said = capsys.readouterr().err
    assert f"1 of {len(whole)} scans left out" in said
    assert "include_not_head=true" in said
    assert _studies(scans, include_not_head=True) == whole


def test_a_scan_without_an_embedding_is_left_out_and_counted(scans, capsys):
    train = load_splits(Cohort(scans), _All(), findings(), "blank_means", 1)["train"]
    whole = _studies(scans, include_not_head=True)
    lost = train.content_hash[:1]
    assert _studies(scans, lost, include_not_head=True) == whole - {train.study[0]}
    said = " ".join(capsys.readouterr().err.split())
    assert f"1 of {len(whole)} scans left out: without an embedding" in said


def test_labels_of_other_sources_are_masked_and_what_is_no_source_is_refused(scans):
    labels = pl.read_parquet(scans / "labels.parquet")
    first = labels["study_id"].unique().sort()[0]
    source = pl.when(pl.col("study_id") == first).then(pl.lit("report-x"))
    labels.with_columns(source=source.otherwise(pl.lit("reader"))).write_parquet(
        scans / "labels.parquet"
    )
    load = partial(load_splits, Cohort(scans), _All(), findings(), "blank_means", 1)
    whole, masked = load(), load(sources=("reader",))
    for name in SPLITS:
        for study, before, after in zip(
            whole[name].study, whole[name].targets, masked[name].targets, strict=True
        ):
            assert np.isnan(after).all() == (study == first or np.isnan(before).all())
    with pytest.raises(MolreError, match="no label is of the source 'readers'"):
        load(sources=("readers",))
