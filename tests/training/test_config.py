"""Configuration: default, YAML, --set, arguments, in that order; misspelt keys are answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from molre.backbones.contract import Contract
from molre.errors import MolreError
from molre.training.config import TrainConfig, resolve, with_settings


def test_later_sources_win(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 4\narm: frozen\nmax_epochs: 7\n")
    config = resolve(path, ["seed=5", "learning_rates=[0.1]"], arm="molre", backbone=None)
    assert (config.seed, config.arm, config.max_epochs) == (5, "molre", 7)
    assert config.learning_rates == (0.1,)
    assert config.backbone == TrainConfig().backbone


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["max_epoch=3"], "did you mean 'max_epochs'"),
        (["dropout"], "no '='"),
        (["dropout=2"], "setting dropout"),
        (["seed=x"], "setting seed"),
    ],
)
def test_bad_settings_get_a_sentence(settings: list[str], says: str) -> None:
    with pytest.raises(MolreError, match="(?i)" + says):
        resolve(None, settings)


@pytest.mark.parametrize("text", ["- a list\n", "a: [\n"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(MolreError, match=r"c\.yaml"):
        resolve(path)


def test_a_contract_may_stand_in_the_file_and_windows_have_names(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("contract: {size: 64, windows: [brain, [80, 200], [600, 2800]]}\n")
    config = resolve(path)
    assert config.contract == Contract(size=64, windows=((40, 80), (80, 200), (600, 2800)))
    assert TrainConfig.model_validate_json(config.model_dump_json()) == config
    given = Contract(size=32)
    assert resolve(path, contract=given).contract == given
    assert resolve().contract is None


@pytest.mark.parametrize(
    ("contract", "says"),
    [("{sise: 64}", "did you mean 'size'"), ("{windows: [brian]}", "brain"), ("7", "contract")],
)
def test_a_bad_contract_in_the_file_gets_a_sentence(
    tmp_path: Path, contract: str, says: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"contract: {contract}\n")
    with pytest.raises(MolreError, match=rf"(?is)c\.yaml.*{says}|{says}.*c\.yaml"):
        resolve(path)


def test_settings_by_name_stand_over_a_configuration() -> None:
    base = TrainConfig(arm="frozen", seed=3)
    changed = with_settings(base, {"seed": 4})
    assert (changed.arm, changed.seed) == ("frozen", 4)
    assert with_settings(None, {}) == TrainConfig()
    assert with_settings(base, {}) is base


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"arms": "molre"}, "unknown setting 'arms'. Did you mean 'arm'"),
        ({"max_epoch": 3}, "Did you mean 'max_epochs'"),
        ({"seed": -1}, "setting seed: "),
    ],
)
def test_a_setting_that_there_is_not_is_one_sentence(settings, said: str) -> None:
    with pytest.raises(MolreError, match=said):
        with_settings(None, settings)


def test_a_preset_comes_after_the_defaults_and_before_all_else() -> None:
    paper = resolve(preset="paper")
    assert (paper.num_experts, paper.r, paper.alpha, paper.scaling) == (6, 8, 8, 1)
    assert resolve(None, ["r=4"], "paper").r == 4
    with pytest.raises(MolreError, match="Did you mean 'paper'"):
        resolve(preset="papr")


def test_even_gates_add_the_experts_up_unless_alpha_is_given() -> None:
    config = TrainConfig()
    assert (config.num_experts, config.r, config.scaling) == (48, 1, 48)
    assert with_settings(config, {"num_experts": 6, "r": 8}).scaling == 6
    assert with_settings(config, {"r": 8, "alpha": 8}).scaling == 1
