"""One frozen configuration of a training run: default, preset, YAML, then ``--set key=value``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from molre.arms.arms import METHOD
from molre.backbones.contract import Contract
from molre.backbones.contract_kind import contract_from_dict
from molre.backbones.request import BackboneRequest
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError, did_you_mean
from molre.settings_file import parse, read_settings
from molre.training.presets import PRESETS

MOST = 1_000_000_000  # nothing is counted beyond


class TrainConfig(BaseModel):
    """Every choice of a run; saved resolved as RUN/config.yaml.

    All arms share the budget (see :mod:`molre.training.fit_budget`), the learning-rate grid and the
    rule by which it widens, see :mod:`molre.training.rates`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    backbone: str = "efficientnet_lite0"
    contract: Contract | VolumeContract | None = Field(
        default=None, description="pixels, where not its own"
    )
    arm: str = METHOD
    placement: Literal["slice", "blocks"] = "slice"
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    learning_rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        default=(1e-3, 3e-3, 1e-2),
        min_length=1,
        description="where the search starts; it widens while the best is at an edge",
    )
    max_rates: int = Field(
        default=8, ge=1, le=MOST, description="rates that a search tries, at most"
    )
    router_rate: float = Field(
        default=1.0, ge=0, description="of the learning rate, that the router learns at"
    )
    max_steps: int = Field(default=5000, ge=1, le=MOST, description="of a fit at most")
    patience_steps: int = Field(
        default=1000, ge=1, le=MOST, description="without a better tune AUC, that end a fit"
    )
    max_epochs: int | None = Field(
        default=None, ge=1, le=MOST, description="epochs in place of max_steps"
    )
    patience: int | None = Field(
        default=None, ge=1, le=MOST, description="epochs in place of patience_steps"
    )
    batch_size: int = Field(default=32, ge=1, le=MOST)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="of the backbone; auto is bfloat16 on CUDA, else float32"
    )
    weight_decay: float = Field(default=1e-2, ge=0)
    gamma: float = Field(default=2.0, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    num_experts: int = Field(default=48, ge=2, le=1000)
    r: int = Field(default=1, ge=1, le=10_000)
    alpha: float | None = Field(
        default=None, gt=0, description="None: num_experts * r, so that even gates add experts up"
    )
    router_hidden: int = Field(default=32, ge=1, le=100_000)
    shared_query: bool = False
    blank_policy: Literal["blank_means", "mask"] = "blank_means"
    label_sources: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        default=None,
        min_length=1,
        description="labels of other sources are unknown, in all splits; None: all count",
    )
    budget: float = Field(default=0.005, gt=0, description="share of parameters, at blocks")
    prefix_cache: bool | Literal["auto"] = Field(
        default=False, description="keep tokens on disk, at blocks; auto: where that can be done"
    )
    slice_budget: int = Field(default=128, ge=1, le=MOST, description="slices in memory, at blocks")
    min_labels: int = Field(
        default=5, ge=1, le=MOST, description="positives and negatives in train"
    )
    include_not_head: bool = Field(
        default=False, description="take scans that are not a whole head with a brain inside"
    )

    @model_validator(mode="before")
    @classmethod
    def _true_is_not_one(cls, values: Any) -> Any:
        for name, value in values.items() if isinstance(values, dict) else ():
            field = cls.model_fields.get(name)
            kinds = {field.annotation, *get_args(field.annotation)} if field is not None else set()
            if kinds & {int, float} and isinstance(value, bool):
                raise ValueError(f"{name}: {str(value).lower()} is not a number")
        return values

    @property
    def scaling(self) -> float:
        """``alpha / r``, what the sum of the gated experts is multiplied by."""
        return self.num_experts if self.alpha is None else self.alpha / self.r

    def request(self, **more: Any) -> BackboneRequest:
        """The backbone as a run of this configuration loads it.

        Args:
            more: what no configuration holds: ``weights_dir``, ``device`` and the two consents.
        """
        return BackboneRequest(
            self.backbone, contract=self.contract, precision=self.precision, **more
        )


DEFAULTS: dict[str, Any] = TrainConfig().model_dump(mode="json")


def resolve(
    path: Path | None = None,
    settings: Sequence[str] = (),
    preset: str | None = None,
    base: Mapping[str, Any] | None = None,
    **given: Any,
) -> TrainConfig:
    """Default, then the preset, the YAML file, ``key=value`` settings, then arguments.

    Args:
        path: YAML with settings.
        settings: ``key=value`` each.
        preset: a name of :data:`molre.training.presets.PRESETS`.
        base: settings that take the place of the defaults.
        given: settings by name; one that is None is not given.

    Raises:
        MolreError: unknown preset, unreadable file, unknown key (with the nearest ones), value out
            of range.
    """
    if preset is not None and preset not in PRESETS:
        raise MolreError(f"unknown preset {preset!r}", fix=did_you_mean(preset, PRESETS))
    values: dict[str, Any] = {**(base or {}), **(PRESETS[preset] if preset else {})}
    if path is not None:
        values |= read_settings(path, "key: value lines")
    values |= _told(settings, {k: v for k, v in given.items() if v is not None})
    return checked(values, path)


def with_settings(config: TrainConfig | None, settings: Mapping[str, Any]) -> TrainConfig:
    """A configuration (the default by None) with some settings in place of its own.

    Raises:
        MolreError: unknown setting (with the nearest ones), value out of range.
    """
    base = config or TrainConfig()
    if not settings:
        return base
    given = {name: getattr(base, name) for name in TrainConfig.model_fields}
    return checked(given | dict(settings), None)


def checked(values: dict[str, Any], path: Path | None) -> TrainConfig:
    """The configuration that these settings make; what they leave out is the default.

    Raises:
        MolreError: unknown key (with the nearest ones), value out of range, naming the file.
    """
    for key in values:
        if key not in TrainConfig.model_fields:
            raise MolreError(
                f"unknown setting {key!r}",
                where=path,
                fix=did_you_mean(key, TrainConfig.model_fields),
            )
    if isinstance(values.get("contract"), dict):
        values["contract"] = contract_from_dict(values["contract"], path)
    try:
        return TrainConfig(**values)
    except ValidationError as error:
        raise MolreError(_said(error), where=path) from None


def _said(error: ValidationError) -> str:
    """What pydantic found, without the names of its own parts."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"][:1]]
    place += [str(part) for part in first["loc"][1:] if isinstance(part, int)]
    said = first["msg"].removeprefix("Value error, ")
    if first["type"] == "tuple_type":
        said = "Input should be a list, such as [0.001, 0.003]"
    return f"setting {'.'.join(place)}: {said}" if place else f"setting {said}"


def _told(settings: Sequence[str], given: dict[str, Any]) -> dict[str, Any]:
    """Settings of the command line; one that is told two different values has none."""
    told: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            raise MolreError(f"--set {setting}: no '='", fix="write --set key=value")
        value = parse(text, f"--set {key}")
        if told.get(key, value) != value:
            raise MolreError("has two values", where=f"--set {key}", fix="keep one")
        told[key] = value
    for key, value in given.items():
        if told.get(key, value) != value:
            raise MolreError(
                f"{told[key]!r}, and another option says {value!r}",
                where=f"--set {key}",
                fix="keep one of them",
            )
    return told | given
