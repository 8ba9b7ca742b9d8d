"""One frozen configuration of a benchmark: backbones, placements with their arms, seeds, budget.

Every arm of a placement has the same learning rates, epochs, patience and seeds; nothing in the
configuration can give one arm more than another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from molre.arms.arm import PLACEMENTS
from molre.arms.arms import ARMS, FROZEN, at_placement
from molre.backbones.request import BackboneRequest
from molre.benchmark.presets import PRESETS
from molre.errors import MolreError, did_you_mean
from molre.settings_file import read_settings
from molre.training.config import TrainConfig

if TYPE_CHECKING:
    from molre.backbones.preset import InputContract

FOLDER = "hf:WEIGHTS_DIR"  # a backbone of a preset: the checkpoint that --weights-dir holds
_SET_ELSEWHERE = ("backbone", "contract", "arm", "placement", "seed")
_TRAINING = TrainConfig()  # the one home of what a benchmark does not change


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Budget:
    """What every arm of a placement may spend, as :class:`TrainConfig` calls it."""

    learning_rates: tuple[float, ...]
    max_steps: int
    patience_steps: int
    max_epochs: int | None
    patience: int | None


class BackboneChoice(_Frozen):
    """A backbone of the grid.

    Attributes:
        backbone: as ``molre train --backbone`` takes it.
        slot: what it stands for in the table, e.g. ``2D general``; the catalogue's where absent.
        weights_dir: folder with its weights, where not the one given for all.
        contract: the pixels it is given (the keys of ``--contract FILE``), where not its own.
        unverified: take a backbone whose contract or code is not verified.
        trust_remote_code: let code run that comes with its weights.
        settings: of its runs (``molre train --set``), the same for all arms.
    """

    backbone: str
    slot: str | None = None
    weights_dir: str | None = None
    contract: dict[str, Any] | None = None
    unverified: bool = False
    trust_remote_code: bool = False
    settings: dict[str, Any] = Field(default_factory=dict)

    def own_contract(self) -> InputContract | None:
        """The contract that is configured, or None for the backbone's own."""
        if self.contract is None:
            return None
        from molre.backbones.catalogue import contract_from_dict

        return contract_from_dict(self.backbone, self.contract)

    def request(self, contract: InputContract | None = None, **more: Any) -> BackboneRequest:
        """As it is to be loaded.

        Args:
            contract: in place of the configured one.
            more: ``device`` and ``precision``, which are of a run.
        """
        return BackboneRequest(
            self.backbone,
            self.weights_dir,
            contract or self.own_contract(),
            self.unverified,
            self.trust_remote_code,
            **more,
        )


class PlacementChoice(_Frozen):
    """A placement of the grid; what is None is that of the whole benchmark.

    Attributes:
        arms: names, or ``all`` that the placement has.
        seeds, learning_rates, max_steps, patience_steps, max_epochs, patience: the budget of every
            arm.
        studies: train, tune and calibrate on this many studies only; test stays whole.
        slices: at most this many slices a scan, thicker ones averaged in HU (2D only).
        settings: of its runs, the same for all arms.
    """

    arms: Literal["all"] | tuple[str, ...] = "all"
    seeds: tuple[int, ...] | None = None
    learning_rates: tuple[float, ...] | None = None
    max_steps: int | None = Field(default=None, ge=1)
    patience_steps: int | None = Field(default=None, ge=1)
    max_epochs: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    studies: int | None = Field(default=None, ge=4)
    slices: int | None = Field(default=None, ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("arms")
    @classmethod
    def _known_arms(cls, arms: Any) -> Any:
        for arm in arms if arms != "all" else ():
            if arm not in ARMS:
                raise ValueError(f"unknown arm {arm!r}: {did_you_mean(arm, ARMS)}")
        return arms

    def names(self, placement: str) -> tuple[str, ...]:
        """The arms."""
        return tuple(at_placement(placement)) if self.arms == "all" else self.arms


class BenchmarkConfig(_Frozen):
    """Every choice of a benchmark; saved resolved as BENCH/config.yaml.

    The budget is that of :class:`molre.training.config.TrainConfig` where none is given.
    """

    name: str = "benchmark"
    backbones: tuple[BackboneChoice, ...] = Field(min_length=1)
    placements: dict[str, PlacementChoice] = Field(
        default_factory=lambda: {name: PlacementChoice() for name in PLACEMENTS}, min_length=1
    )
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    learning_rates: tuple[float, ...] = Field(default=_TRAINING.learning_rates, min_length=1)
    max_steps: int = Field(default=_TRAINING.max_steps, ge=1)
    patience_steps: int = Field(default=_TRAINING.patience_steps, ge=1)
    max_epochs: int | None = Field(default=None, ge=1)
    patience: int | None = Field(default=None, ge=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    @field_validator("placements")
    @classmethod
    def _known_placements(cls, given: dict[str, PlacementChoice]) -> dict[str, PlacementChoice]:
        for name in given:
            if name not in PLACEMENTS:
                raise ValueError(
                    f"there is no placement {name!r}: {did_you_mean(name, PLACEMENTS)}"
                )
        return given

    def seeds_at(self, placement: str) -> tuple[int, ...]:
        """Training seeds of every arm of a placement."""
        own = self.placements[placement].seeds
        return self.seeds if own is None else own

    def budget_at(self, placement: str) -> Budget:
        """What every arm of a placement may spend: the placement's own, or the benchmark's."""
        here = self.placements[placement]
        steps, epochs = _either(here, self, "max_steps", "max_epochs")
        patience_steps, patience = _either(here, self, "patience_steps", "patience")
        rates = self.learning_rates if here.learning_rates is None else here.learning_rates
        return Budget(rates, steps, patience_steps, epochs, patience)

    def run_config(
        self, choice: BackboneChoice, placement: str, arm: str, seed: int, contract: Any = None
    ) -> TrainConfig:
        """The configuration of one run.

        Args:
            choice: one of ``backbones``.
            placement: a key of ``placements``.
            arm: one that the placement has.
            seed: of the run.
            contract: the pixels, where not the backbone's own.

        Raises:
            MolreError: an unknown setting, or a value out of range.
        """
        values: dict[str, Any] = asdict(self.budget_at(placement))
        for settings in (self.settings, choice.settings, self.placements[placement].settings):
            _check_settings(settings)
            values |= settings
        values |= {"backbone": choice.backbone, "contract": contract, "placement": placement}
        try:
            return TrainConfig(arm=arm, seed=seed, **values)
        except ValidationError as error:
            raise _sentence(error, None) from None


def resolve(
    config: BenchmarkConfig | str | Path,
    weights_dir: str | Path | None = None,
    **consent: bool,
) -> BenchmarkConfig:
    """A configuration from a preset's name or a YAML file, with every folder filled in.

    Args:
        config: a configuration, ``paper`` or ``smoke``, or a file.
        weights_dir: for all backbones that name none.
        consent: ``unverified`` and ``trust_remote_code``, true for all backbones.

    Raises:
        MolreError: unknown preset or key (with the nearest ones), unreadable file, bad value.
    """
    if not isinstance(config, BenchmarkConfig):
        config = _read(config)
    folder = Path(weights_dir).resolve() if weights_dir is not None else None
    if folder is not None and not folder.is_dir():
        raise MolreError("no such folder", where=folder, fix="give an existing --weights-dir")
    filled = config.model_copy(
        update={"backbones": tuple(_filled(c, folder, consent) for c in config.backbones)}
    )
    _check(filled)
    return filled


def _filled(
    choice: BackboneChoice, folder: Path | None, consent: dict[str, bool]
) -> BackboneChoice:
    """With consent and folder; a checkpoint's folder is named by its last part, not by a path.

    So a preset's open place becomes the checkpoint in ``folder``, and a run can be moved.
    """
    choice = choice.model_copy(update={name: True for name, given in consent.items() if given})
    if choice.weights_dir is not None:  # a job may run in another folder, on another machine
        absolute = Path(choice.weights_dir).expanduser().resolve()
        return choice.model_copy(update={"weights_dir": str(absolute)})
    own = Path(choice.backbone.removeprefix("hf:")).expanduser()
    if choice.backbone == FOLDER:
        own = folder or own
    if choice.backbone.startswith("hf:") and own.is_dir():
        own = _checkpoint(own).resolve()
        return choice.model_copy(update={"backbone": f"hf:{own.name}", "weights_dir": str(own)})
    return choice.model_copy(update={"weights_dir": None if folder is None else str(folder)})


def _checkpoint(folder: Path) -> Path:
    """A folder with a checkpoint, or the only one of its folders that has one."""
    if (folder / "config.json").is_file():
        return folder
    inside = [path.parent for path in folder.glob("*/config.json")]
    return inside[0] if len(inside) == 1 else folder


def _check(config: BenchmarkConfig) -> None:
    """What would be noticed only when a run starts."""
    names = [choice.backbone for choice in config.backbones]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MolreError(f"backbone {twice!r} is given twice", fix="name each backbone once")
    for placement in config.placements:
        for choice in config.backbones:
            config.run_config(choice, placement, FROZEN, 0)


def _read(given: str | Path) -> BenchmarkConfig:
    path = None if str(given) in PRESETS else Path(given)
    values = PRESETS[str(given)] if path is None else _yaml(path)
    try:
        return BenchmarkConfig.model_validate(values)
    except ValidationError as error:
        raise _sentence(error, path) from None


def _yaml(path: Path) -> Any:
    if not path.is_file() and "." not in path.name and "/" not in str(path):
        remedy = f"{did_you_mean(str(path), PRESETS)}, or give a YAML file"
        raise MolreError(f"no preset is called {str(path)!r}", fix=remedy)
    return read_settings(path, "backbones, placements, seeds")


def _check_settings(settings: dict[str, Any]) -> None:
    for key in settings:
        if key in _SET_ELSEWHERE:
            raise MolreError(
                f"settings cannot hold {key!r}, which the grid varies",
                fix="give it under backbones, placements or seeds",
            )
        if key not in TrainConfig.model_fields:
            known = [name for name in TrainConfig.model_fields if name not in _SET_ELSEWHERE]
            raise MolreError(f"unknown setting {key!r}", fix=did_you_mean(key, known))


def _sentence(error: ValidationError, path: Path | None) -> MolreError:
    found = error.errors()  # a misspelt key is also a missing one
    first = next((e for e in found if e["type"] == "extra_forbidden"), found[0])
    place = [str(part) for part in first["loc"]]
    if first["type"] == "extra_forbidden":
        known = _fields_at(place[:-1])
        what = f"unknown key {place[-1]!r}"
        inside = f" under {'.'.join(place[:-1])}" if place[:-1] else ""
        return MolreError(what + inside, where=path, fix=did_you_mean(place[-1], known))
    said = first["msg"].removeprefix("Value error, ")
    return MolreError(f"{'.'.join(place)}: {said}", where=path)


def _fields_at(place: list[str]) -> dict[str, Any]:
    """Fields of the model that a key was found in."""
    models: dict[str, type[BaseModel]] = {
        "backbones": BackboneChoice,
        "placements": PlacementChoice,
    }
    model = models.get(place[0], BenchmarkConfig) if place else BenchmarkConfig
    return dict(model.model_fields)


def _either(
    here: PlacementChoice, whole: BenchmarkConfig, steps: str, epochs: str
) -> tuple[int, int | None]:
    """A limit in steps and, in its place, in epochs: whichever the placement says itself wins."""
    own = getattr(here, steps), getattr(here, epochs)
    if own == (None, None):
        return getattr(whole, steps), getattr(whole, epochs)
    return own[0] or getattr(whole, steps), own[1]
