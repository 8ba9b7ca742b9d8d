"""A reader's decisions over a machine's labels: the reader's word counts, and says whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from molre.labels.columns import LONG_SCHEMA
from molre.labels.findings import FindingsTable
from molre.labels.hierarchy import PRESENT, UNKNOWN, close
from molre.labels.long_table import CODES, STATES

READER = "reader"
SILENT = "report-reader"  # a report's silence, as a reader found it: a blank like any report's
FOLLOWS = "follows from a reader's decision"


@dataclass(frozen=True)
class Merged:
    """Labels with decisions in them.

    Attributes:
        labels: id, finding, state, source, labeller, evidence, in the labels' order.
        decided: cells that a reader decided.
        changed: of these, those whose state is another now.
        followed: further cells that changed, because a decision above or below them implies it.
        overruled: decisions of uncertain or not mentioned that a present finding below, or an
            absent one above, contradicts: they are kept out.
        strangers: decisions of studies that the labels do not have.
    """

    labels: pl.DataFrame
    decided: int
    changed: int
    followed: int
    overruled: int
    strangers: int


def merge_decisions(
    labels: pl.DataFrame,
    decisions: pl.DataFrame,
    table: FindingsTable,
    where: str | Path | None = None,
) -> Merged:
    """Put a reader's decisions in the place of what a machine said.

    A decision of present makes the findings above it present, one of absent those below it absent,
    whatever the machine said of them. A decision of not mentioned gets the source
    ``report-reader``: a blank means what the policy says only where a report is its source, and one
    was read here.

    Args:
        labels: closed long table, K rows a study.
        decisions: id, finding, state and labeller, only the cells that were decided.
        table: the K findings.
        where: the decisions are from, for messages.

    Raises:
        MolreError: decisions contradict each other within the hierarchy.
    """
    ids = labels["id"].unique(maintain_order=True).to_list()
    row, column = ({name: n for n, name in enumerate(names)} for names in (ids, table.ids))
    here = decisions.filter(pl.col("id").is_in(ids))
    shape = len(ids), len(table)
    stated = np.full(shape, UNKNOWN, dtype=np.int8)
    words: dict[tuple[int, int], tuple[str, str]] = {}
    for study, finding, state, who in here.select("id", "finding", "state", "labeller").rows():
        stated[row[study], column[finding]] = CODES[state]
        words[row[study], column[finding]] = state, who
    follows = close(stated, table, ids, where)
    machine = _grid(labels, row, column, shape)
    rows = labels.select(*LONG_SCHEMA).rows(named=True)
    whole = _settled(follows, machine, words, table)
    counts = dict.fromkeys(("changed", "followed", "overruled"), 0)
    readers = {i: who for (i, _), (_, who) in words.items()}
    for one in rows:
        at = row[one["id"]], column[one["finding"]]
        before, implied = one["state"], int(follows[at])
        if at in words and CODES[words[at][0]] == whole[at]:
            source = SILENT if words[at][0] == "not_mentioned" else READER
            one |= {"state": words[at][0], "source": source, "labeller": words[at][1]}
            one["evidence"] = ""
            counts["changed"] += before != one["state"]
            continue
        counts["overruled"] += at in words
        if implied != UNKNOWN and before != _word(implied):
            one |= {"state": _word(implied), "source": READER, "labeller": readers[at[0]]}
            one["evidence"] = FOLLOWS
            counts["followed"] += 1
    merged = pl.DataFrame(rows, schema=LONG_SCHEMA)
    return Merged(
        merged, len(words) - counts["overruled"], strangers=len(decisions) - len(here), **counts
    )


def _grid(
    labels: pl.DataFrame, row: dict[str, int], column: dict[str, int], shape: tuple[int, int]
) -> np.ndarray:
    grid = np.full(shape, UNKNOWN, dtype=np.int8)
    for study, finding, state in labels.select("id", "finding", "state").iter_rows():
        grid[row[study], column[finding]] = CODES[state]
    return grid


def _settled(
    follows: np.ndarray,
    machine: np.ndarray,
    words: dict[tuple[int, int], tuple[str, str]],
    table: FindingsTable,
) -> np.ndarray:
    """What both together imply: the machine's states where no decision speaks, closed again."""
    both = np.where(follows != UNKNOWN, follows, machine)
    for at in words:
        both[at] = follows[at]
    return close(both, table)


def _word(code: int) -> str:
    return STATES[0] if code == PRESENT else STATES[1]
