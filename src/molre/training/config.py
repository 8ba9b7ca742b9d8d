"""One frozen configuration of a training run: default, then YAML, then ``--set key=value``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from molre.backbones.contract import Contract
from molre.backbones.contract_kind import contract_from_dict
from molre.backbones.volume_contract import VolumeContract
from molre.errors import MolreError, did_you_mean


class TrainConfig(BaseModel):
    """Every choice of a run; saved resolved as RUN/config.yaml.

    All arms share the budget (``max_epochs``, ``patience``), the learning-rate grid and the rule by
    which it widens, see :mod:`molre.training.rates`; the router learns ``router_rate`` times
    slower, as free routers overfit small cohorts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: str = "efficientnet_lite0"
    contract: Contract | VolumeContract | None = Field(
        default=None, description="pixels, where not its own"
    )
    arm: str = "molre"
    placement: Literal["slice", "blocks"] = "slice"
    seed: int = Field(default=0, ge=0)
    learning_rates: tuple[Annotated[float, Field(gt=0, lt=math.inf)], ...] = Field(
        default=(3e-4, 1e-3, 3e-3),
        min_length=1,
        description="where the search starts; it widens while the best is at an edge",
    )
    max_rates: int = Field(default=8, ge=1, description="rates that a search tries, at most")
    router_rate: float = Field(default=0.1, ge=0)
    max_epochs: int = Field(default=100, ge=1)
    patience: int = Field(default=15, ge=1)
    batch_size: int = Field(default=32, ge=1)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="of the backbone; auto is bfloat16 on CUDA, else float32"
    )
    weight_decay: float = Field(default=1e-2, ge=0)
    gamma: float = Field(default=2.0, ge=0)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    num_experts: int = Field(default=6, ge=2)
    r: int = Field(default=8, ge=1)
    router_hidden: int = Field(default=32, ge=1)
    shared_query: bool = False
    blank_policy: Literal["blank_means", "mask"] = "blank_means"
    budget: float = Field(default=0.005, gt=0, description="share of parameters, at blocks")
    prefix_cache: bool | Literal["auto"] = Field(
        default=False, description="keep tokens on disk, at blocks; auto: where that can be done"
    )
    slice_budget: int = Field(default=128, ge=1, description="slices in memory, at blocks")
    min_labels: int = Field(default=5, ge=1, description="positives and negatives in train")
    include_not_head: bool = Field(
        default=False, description="take scans that are not a whole head with a brain inside"
    )


def resolve(path: Path | None = None, settings: Sequence[str] = (), **given: Any) -> TrainConfig:
    """Default, then the YAML file, then ``key=value`` settings, then arguments.

    Raises:
        MolreError: unreadable file, unknown key (with the nearest ones), value out of range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values |= _read(path)
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise MolreError(f"--set {setting}: no '='", fix="write --set key=value")
        values[key] = yaml.safe_load(value)
    values |= {k: v for k, v in given.items() if v is not None}
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
        first = error.errors()[0]
        key = ".".join(str(p) for p in first["loc"])
        raise MolreError(f"setting {key}: {first['msg']}", where=path) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise MolreError(f"cannot be read as YAML ({reason})", where=path) from None
    if not isinstance(content, dict):
        raise MolreError("is not a mapping of settings", where=path, fix="write key: value lines")
    return content
