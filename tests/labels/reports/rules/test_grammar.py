"""Every rule's example is true of it, and a mistake in the grammar is not silent."""

from __future__ import annotations

from importlib import resources

import pytest
import yaml

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.labels.reports.rules.grammar import Compiler
from molre.labels.reports.rules.labeler import RulesLabeler

LABELER = RulesLabeler(findings())
GIVEN = yaml.safe_load(
    (resources.files("molre.labels.reports.rules") / "grammar.yaml").read_text("utf-8")
)
KINDS = [kind for family in GIVEN["families"] for kind in family.get("kinds", ())]
# phrases of the findings table that name more than their finding
FALSE_AS_STATED = {
    ("intracranial_hemorrhage", "extra-axial hemorrhage"),
    ("intracranial_hemorrhage", "extraaxial hemorrhage"),
    ("ischemic_infarct", "territorial infarct"),
}


def states(text: str) -> dict[str, str]:
    return {cell.finding: cell.state for cell in LABELER.label(text)}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind["example"])
def test_the_example_of_a_kind_is_read_so(kind: dict) -> None:
    found = states(kind["example"])
    state = "absent" if kind["example"].startswith("No ") else "present"
    wanted = [kind["find"]] if isinstance(kind["find"], str) else kind["find"]
    assert {finding: found.get(finding) for finding in wanted} == dict.fromkeys(wanted, state)


@pytest.mark.parametrize("rule", GIVEN["normal"], ids=lambda rule: rule["example"])
def test_the_example_of_a_normal_statement_is_read_so(rule: dict) -> None:
    found = states(rule["example"])
    assert all(found.get(finding) == "absent" for finding in rule.get("absent", ()))
    assert all(found.get(finding) == "present" for finding in rule.get("present", ()))


@pytest.mark.parametrize("finding", findings().ids)
def test_every_phrase_of_the_findings_table_is_read(finding: str) -> None:
    for term in findings().by_id[finding].report_terms:
        assert states(f"There is {term}.").get(finding) == "present", term
        if (finding, term) not in FALSE_AS_STATED:
            assert states(f"No {term}.").get(finding) == "absent", term


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("families", [{"heads": ["mass"], "otherwhise": "x"}], "unknown key 'otherwhise'"),
        ("families", [{"heads": ["mass"], "otherwise": "no_such"}], "unknown finding 'no_such'"),
        ("families", [{"heads": ["NO_SUCH"]}], "no class NO_SUCH"),
        ("families", [{"heads": ["mass"], "kinds": [{"find": "glioma", "near": ["x"]}]}],
         "has no example"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_grammar_is_named(part: str, value: object, message: str) -> None:
    with pytest.raises(MolreError, match=message):
        Compiler(GIVEN | {part: value}, findings()).grammar()
