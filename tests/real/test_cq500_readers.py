"""How far the three readers of CQ500 agree, by label-audit and by hand."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import pytest

from molre.workflows.label_audit import Tables, audit_labels

COLUMNS = {"ICH": "intracranial_hemorrhage", "SDH": "subdural_hemorrhage"}
COLUMNS |= {"CalvarialFracture": "calvarial_fracture", "MidlineShift": "midline_shift"}


@pytest.fixture(scope="module")
def rows(shared: Path) -> list[dict[str, str]]:
    with open(shared / "data/reports/cq500_reads.csv", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def by_hand(pairs: list[tuple[int, int]]) -> float:
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    first, second = (sum(side) / n for side in zip(*pairs, strict=True))
    chance = first * second + (1 - first) * (1 - second)
    return (observed - chance) / (1 - chance)


@pytest.mark.parametrize(("first", "second"), itertools.combinations((1, 2, 3), 2))
@pytest.mark.parametrize("name", COLUMNS)
def test_two_readers_agree_as_far_as_counting_says(rows, tmp_path, name, first, second):
    tables = []
    for reader in (first, second):
        cells = "".join(f"{row['name']},{row[f'R{reader}:{name}']}\n" for row in rows)
        tables.append(tmp_path / f"r{reader}.csv")
        tables[-1].write_text(f"name,{COLUMNS[name]}\n{cells}")
    audit_labels(Tables(*tables, two_labelers=True), tmp_path / "out")
    (found,) = json.loads((tmp_path / "out/agreement.json").read_text())["findings"]
    pairs = [(int(row[f"R{first}:{name}"]), int(row[f"R{second}:{name}"])) for row in rows]
    assert found["n"] == len(rows) == 491
    assert found["kappa"]["value"] == pytest.approx(by_hand(pairs))
    assert found["kappa"]["low"] < found["kappa"]["value"] < found["kappa"]["high"]
