from __future__ import annotations

from molre.labels.findings import findings
from molre.labels.reports.cell import Cell
from molre.labels.reports.rules.closure import closed


def states(**stated: str) -> dict[str, str]:
    cells = {name: Cell(name, state, 0, 1) for name, state in stated.items()}  # type: ignore[arg-type]
    return {c.finding: c.state for c in closed(cells, findings())}


def test_a_present_child_makes_its_parents_present_even_where_one_is_denied() -> None:
    found = states(acute_subdural_hemorrhage="present", intracranial_hemorrhage="absent")
    assert found["subdural_hemorrhage"] == found["intracranial_hemorrhage"] == "present"
    assert "epidural_hemorrhage" not in found


def test_an_absent_parent_makes_its_children_absent() -> None:
    assert states(ventriculomegaly="absent")["hydrocephalus"] == "absent"


def test_the_parent_of_an_uncertain_finding_is_uncertain() -> None:
    assert states(hydrocephalus="uncertain")["ventriculomegaly"] == "uncertain"


def test_cells_come_in_the_order_of_the_table() -> None:
    cells = {n: Cell(n, "present", 0, 1) for n in ("glioma", "epidural_hemorrhage")}
    found = [c.finding for c in closed(cells, findings())]
    assert found == sorted(found, key=findings().ids.index)
