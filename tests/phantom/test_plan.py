import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.errors import MolreError
from molre.labels.findings import findings
from molre.phantom.generators import CATEGORIES, GENERATORS
from molre.phantom.plan import Recipe, draw_plan, excluded, label


def test_at_least_36_findings_of_all_six_categories_have_a_generator_of_their_own():
    assert len(GENERATORS) >= 36
    assert set(GENERATORS) <= set(findings().ids)
    homes = {g.paint.__module__ for g in GENERATORS.values()}
    assert homes == {module.__name__ for module in CATEGORIES}
    assert len({g.paint for g in GENERATORS.values()}) == len(GENERATORS)


def test_everything_a_generator_names_is_a_finding():
    for generator in GENERATORS.values():
        for finding in (*generator.also, *generator.unsure, *generator.excludes):
            assert finding in findings().by_id


@given(st.integers(0, 10**6), st.integers(0, 10**4))
def test_a_plan_holds_no_two_findings_that_exclude_each_other(seed, index):
    plan = draw_plan(Recipe(seed, prevalence=0.4), index)
    assert not any(excluded(a, b) for a in plan for b in plan if a != b)


def test_a_plan_plants_only_what_is_asked_for_near_the_prevalence():
    recipe = Recipe(findings=("lobar_hemorrhage", "pneumocephalus"), prevalence=0.4)
    plans = [draw_plan(recipe, index) for index in range(500)]
    assert {f for plan in plans for f in plan} == {"lobar_hemorrhage", "pneumocephalus"}
    assert 0.33 < sum("pneumocephalus" in plan for plan in plans) / 500 < 0.47


def test_a_child_makes_its_ancestors_present_and_leaves_doubtful_findings_empty():
    states = label(["hemorrhagic_contusion"])
    assert states["hemorrhagic_contusion"] == states["intraparenchymal_hemorrhage"] == "1"
    assert states["intracranial_hemorrhage"] == "1"
    assert states["mass_effect"] == ""
    assert states["lobar_hemorrhage"] == "0"


def test_a_finding_that_no_slice_shows_is_unknown_and_so_are_its_ancestors():
    states = label([], ["meningioma"])
    assert states["meningioma"] == states["extra_axial_mass"] == states["intracranial_mass"] == ""


@given(st.lists(st.sampled_from(sorted(GENERATORS)), unique=True))
def test_no_absent_parent_has_a_present_child(planted):
    states = label(planted)
    for finding in findings():
        if finding.parent and states[finding.id] == "1":
            assert states[finding.parent] == "1"
        if finding.parent and states[finding.id] == "":
            assert states[finding.parent] != "0"


@pytest.mark.parametrize(
    "wrong",
    [{"findings": ("lobar_hemorhage",)}, {"prevalence": 1.5}, {"severity": 0.0}, {"max_slices": 2}],
)
def test_what_cannot_be_planted_is_refused(wrong):
    with pytest.raises(MolreError):
        Recipe(**wrong)


def test_a_misspelt_finding_is_answered_with_the_right_one():
    with pytest.raises(MolreError, match="Did you mean 'lobar_hemorrhage'"):
        Recipe(findings=("lobar_hemorhage",))
