"""CQ500: ``reads.csv``, in which three radiologists read each scan.

Columns ``name`` and ``Category``, then 14 of each reader: ``R1:ICH``, ``R1:IPH`` ... Those that
mean exactly a finding of ours are in the column ``cq500`` of the findings table. The label of a
scan is that of at least two readers, as in the paper.

Source: Chilamkurthy et al., Lancet 392 (2018) 2388-2396.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from molre.errors import MolreError
from molre.labels.datasets.labels_of_set import LabelsOfSet
from molre.labels.datasets.recognize import CQ500, check_column, check_set, zero_or_one
from molre.labels.findings import FindingsTable
from molre.labels.rows import read_rows

READERS = (1, 2, 3)
MAJORITY = 2
NAMED = "patient_id"  # the scans' Patient ID is the name in reads.csv


@dataclass(frozen=True)
class Reads:
    """What each reader said.

    Attributes:
        names: the N scans, as ``CQ500-CT-427``.
        findings: K, those that CQ500 labels.
        said: bool (3, N, K).
    """

    names: tuple[str, ...]
    findings: tuple[str, ...]
    said: np.ndarray


def read_reads(path: Path, table: FindingsTable) -> Reads:
    """Read ``reads.csv``.

    Args:
        path: of the file.
        table: names the columns that mean a finding, by :attr:`Finding.cq500`.

    Raises:
        MolreError: it cannot be read, is another data set's, lacks a column, names a scan twice or
            not at all, or a cell is neither 0 nor 1.
    """
    header, rows = read_rows(path)
    check_set(header, CQ500, path)
    name = check_column(header, "name", path)
    findings = tuple(finding for finding in table if finding.cq500)
    said = np.zeros((len(READERS), len(rows), len(findings)), dtype=bool)
    for r, reader in enumerate(READERS):
        for k, finding in enumerate(findings):
            for column in (f"R{reader}:{own}" for own in finding.cq500):
                at = check_column(header, column, path)
                for n, (line, row) in enumerate(rows):
                    place = f"line {line}, column {column}"
                    said[r, n, k] |= zero_or_one(row[at], place, path)
    names = _names([(line, row[name]) for line, row in rows], path)
    return Reads(names, tuple(finding.id for finding in findings), said)


def majority(reads: Reads, table: FindingsTable) -> LabelsOfSet:
    """Labels that at least two of three readers gave; who disagreed is in the evidence.

    Where the readers' votes contradict the hierarchy (two see a midline shift, two see no mass
    effect), the narrower finding decides, and a note counts such cases.
    """
    votes = reads.said.sum(axis=0)
    states, said = _consistent(votes >= MAJORITY, reads.findings, table)
    rows = (
        (reads.names[n], finding, state, f"readers {votes[n, k]} of 3{_why(said, n, k)}")
        for n, k, finding, state in _cells(states, reads)
    )
    split = int(((votes == 1) | (votes == MAJORITY)).sum())
    notes = [f"readers disagreed in {split} of {votes.size} labels; the majority decided"]
    labeller = "CQ500 majority of 3 readers"
    return LabelsOfSet.of(rows, NAMED, "CQ500", labeller, notes + _said_of(said))


def one_reader(reads: Reads, reader: int, table: FindingsTable) -> LabelsOfSet:
    """Labels of one reader.

    Args:
        reads: of all.
        reader: 1, 2 or 3.
        table: closes the hierarchy.

    Raises:
        MolreError: there is no such reader.
    """
    if reader not in READERS:
        raise MolreError(f"CQ500 has no reader {reader}", fix="choose 1, 2 or 3")
    states, said = _consistent(reads.said[reader - 1], reads.findings, table)
    rows = (
        (reads.names[n], finding, state, f"reader {reader}{_why(said, n, k)}")
        for n, k, finding, state in _cells(states, reads)
    )
    return LabelsOfSet.of(rows, NAMED, "CQ500", f"CQ500 reader {reader}", _said_of(said))


Overruled = dict[tuple[int, int], str]


def _consistent(
    states: np.ndarray, findings: tuple[str, ...], table: FindingsTable
) -> tuple[np.ndarray, Overruled]:
    """States with present ancestors of what is present, and by which finding each became so."""
    states, overruled = states.copy(), Overruled()
    column = {finding: k for k, finding in enumerate(findings)}
    for k, finding in enumerate(findings):
        for broader in table.ancestors(finding):
            if broader not in column:
                continue
            a = column[broader]
            for n in map(int, np.flatnonzero(states[:, k] & ~states[:, a])):
                states[n, a] = True
                overruled[n, a] = finding
    return states, overruled


def _cells(states: np.ndarray, reads: Reads) -> Iterator[tuple[int, int, str, str]]:
    for n, row in enumerate(states):
        for k, finding in enumerate(reads.findings):
            yield n, k, finding, "present" if row[k] else "absent"


def _why(overruled: Overruled, n: int, k: int) -> str:
    return f"; present by {overruled[n, k]}" if (n, k) in overruled else ""


def _said_of(overruled: Overruled) -> list[str]:
    if not overruled:
        return []
    return [f"labels that are present because a narrower finding is: {len(overruled)}"]


def _names(cells: list[tuple[int, str]], path: Path) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for line, name in cells:
        if not name:
            raise MolreError(f"line {line} has no name", where=path, fix="fill it in or remove it")
        if name in seen:
            raise MolreError(
                f"scan {name!r} is on line {seen[name]} and again on line {line}",
                where=path,
                fix="keep one line per scan",
            )
        seen[name] = line
    return tuple(seen)


def spellings(name: str) -> tuple[str, ...]:
    """A scan as ``reads.csv`` names it, and as the folders and archives of the release do.

    >>> spellings("CQ500-CT-427")
    ('CQ500-CT-427', 'CQ500CT427 CQ500CT427', 'CQ500CT427')
    """
    bare = name.replace("-", "")
    return name, f"{bare} {bare}", bare
