"""A benchmark's configuration: what it refuses, and that no arm can be given more than another."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from molre.arms.arms import ARMS
from molre.benchmark.config import FOLDER, BenchmarkConfig, resolve
from molre.benchmark.presets import PRESETS
from molre.errors import MolreError
from tests.helpers.benchmark.small_bench import config

LITE = {"backbones": [{"backbone": "efficientnet_lite0"}]}


@pytest.mark.parametrize("name", list(PRESETS))
def test_a_preset_is_a_valid_configuration(name: str) -> None:
    got = resolve(name)
    assert got.name == name
    for placement, here in got.placements.items():
        assert set(here.names(placement)) == {a for a in ARMS if placement in ARMS[a].placements}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({**LITE, "sedes": [0]}, "unknown key 'sedes'. Did you mean 'seeds'"),
        ({"backbones": [{"backbon": "x"}]}, "'backbon' under backbones.0. Did you mean 'backbone'"),
        ({**LITE, "placements": {"slice": {"arm": "all"}}}, "Did you mean 'arms'"),
        ({**LITE, "placements": {"slices": {}}}, "did you mean 'slice'"),
        ({**LITE, "placements": {"slice": {"arms": ["molr"]}}}, "did you mean 'molre'"),
        ({**LITE, "settings": {"max_epoch": 3}}, "unknown setting 'max_epoch'. Did you mean"),
        ({**LITE, "settings": {"arm": "molre"}}, "which the grid varies"),
        ({**LITE, "settings": {"dropout": 2}}, "dropout"),
        ({**LITE, "max_epochs": 0}, "max_epochs"),
        ({"backbones": []}, "backbones"),
        ({"backbones": LITE["backbones"] * 2}, "'efficientnet_lite0' is given twice"),
        ([1], "is not a mapping"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_nearest_key(
    tmp_path: Path, values: object, says: str
) -> None:
    path = tmp_path / "grid.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values))
    with pytest.raises(MolreError) as refused:
        resolve(path)
    assert says in refused.value.message
    assert "\n" not in refused.value.message


def test_a_misspelt_preset_is_named() -> None:
    with pytest.raises(MolreError, match="'papre'.*[Dd]id you mean 'paper'"):
        resolve("papre")


def test_a_saved_configuration_is_read_back_the_same(tmp_path: Path) -> None:
    saved = tmp_path / "config.yaml"
    saved.write_text(yaml.safe_dump(config().model_dump(mode="json")))
    assert resolve(saved) == config()


def test_all_arms_of_a_placement_have_the_same_budget() -> None:
    got = resolve("smoke")
    for choice in got.backbones:
        for placement, here in got.placements.items():
            varied = {"arm": "", "seed": 0}
            configs = {
                arm: got.run_config(choice, placement, arm, 0).model_copy(update=varied)
                for arm in here.names(placement)
            }
            assert len({c.model_dump_json() for c in configs.values()}) == 1


def test_a_placement_s_budget_goes_before_the_common_one() -> None:
    got = resolve("smoke")
    blocks = got.run_config(got.backbones[0], "blocks", "frozen", 0)
    slices = got.run_config(got.backbones[0], "slice", "frozen", 0)
    assert (blocks.max_epochs, blocks.learning_rates) == (3, (1e-3,))
    assert (slices.max_epochs, slices.max_steps) == (None, 1000)
    assert slices.learning_rates == (1e-3, 3e-3)
    assert (got.seeds_at("blocks"), got.seeds_at("slice")) == ((0,), (0, 1))


def test_a_folder_of_weights_takes_the_open_place_without_leaving_a_path(tmp_path: Path) -> None:
    (tmp_path / "my_vit").mkdir()
    (tmp_path / "my_vit" / "config.json").write_text("{}")
    for given in (tmp_path / "my_vit", tmp_path):
        got = resolve("smoke", given)
        assert [c.backbone for c in got.backbones][1] == "hf:my_vit"
        assert got.backbones[1].weights_dir == str(tmp_path / "my_vit")
        assert got.backbones[0].weights_dir == str(given)
    assert FOLDER in [c.backbone for c in resolve("smoke").backbones]


def test_a_checkpoint_given_by_its_folder_is_named_by_its_last_part(tmp_path: Path) -> None:
    (tmp_path / "my_vit").mkdir()
    got = resolve(config(tmp_path / "my_vit"))
    assert got.backbones[1].backbone == "hf:my_vit"
    assert got.backbones[1].weights_dir == str(tmp_path / "my_vit")


def test_a_folder_of_weights_means_the_same_in_any_folder_a_job_runs_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    monkeypatch.chdir(tmp_path)
    own = [{"backbone": "dinov3_base", "weights_dir": "weights"}]
    assert resolve(config(backbones=own)).backbones[0].weights_dir == str(tmp_path / "weights")


def test_a_missing_folder_of_weights_is_said(tmp_path: Path) -> None:
    with pytest.raises(MolreError, match="no such folder"):
        resolve("smoke", tmp_path / "nowhere")


def test_consent_is_given_for_all_backbones_or_for_one() -> None:
    assert not any(c.unverified for c in resolve("paper").backbones)
    given = resolve("paper", unverified=True, trust_remote_code=False)
    assert all(c.unverified and not c.trust_remote_code for c in given.backbones)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        config().seeds = (1,)


def test_defaults_are_both_placements_with_all_arms() -> None:
    got = BenchmarkConfig.model_validate(LITE)
    assert list(got.placements) == ["slice", "blocks"]
