"""What ``molre list backbones`` and the reference page say of every backbone."""

from __future__ import annotations

from typing import Any

from molre.backbones.catalogue import presets
from molre.backbones.preset import Preset

_DEFAULT = {
    "backbone": "efficientnet_lite0",
    "slot": "offline default",
    "kind": "2d",
    "parameters": 3_371_008,  # 4.65 M with the classifier that is cut off
    "embedding": 1280,
    "input": "3 x 224 x 224",
    "hub_id": None,
    "files": [],
    "revision": None,
    "sha256": {},
    "license": "Apache-2.0",
    "derivatives": "allowed",
    "pretraining": "ImageNet-1k",
    "conversion": None,
    "gate": None,
    "verified": True,
    "unverified": None,
    "remote_code": False,
    "contract_source": "the weights' own training, by timm's configuration of them; "
    "the windows are molre's",
}
_ANY = dict.fromkeys(_DEFAULT) | {
    "slot": "open door",
    "kind": "2d",
    "input": "3 x 224 x 224, or --contract FILE",
    "files": [],
    "sha256": {},
    "license": "the model's",
    "derivatives": "as the model's license says",
    "verified": None,
    "remote_code": False,
    "contract_source": "molre's default, or yours",
}
_DOORS = {"timm:NAME": "any timm network", "hf:ID-or-folder": "any transformers vision model"}


def rows() -> list[dict[str, Any]]:
    """Every backbone with all that is known of it; plain values, one set of keys."""
    listed = [dict(_DEFAULT), *(_row(preset) for preset in presets().values())]
    return listed + [_ANY | {"backbone": name, "pretraining": of} for name, of in _DOORS.items()]


def table() -> list[dict[str, str]]:
    """The same for a terminal: fewer columns, in words."""
    return [
        {
            "backbone": row["backbone"],
            "slot": row["slot"],
            "parameters": in_millions(row["parameters"]),
            "input": row["input"],
            "license": row["license"],
            "weights": availability(row),
            "verified": verified(row),
        }
        for row in rows()
    ]


def in_millions(parameters: int | None) -> str:
    """``85.66 M``; ``any`` where there is no number, ``not published`` where it is 0."""
    if parameters is None:
        return "any"
    return f"{parameters / 1e6:.2f} M" if parameters else "not published"


def verified(row: dict[str, Any]) -> str:
    """Whether code and contract are the published ones; no question where they are the user's."""
    return {True: "yes", False: "no", None: "your choice"}[row["verified"]]


def availability(row: dict[str, Any]) -> str:
    """How weights are come by."""
    if row["backbone"] in _DOORS:
        return "a folder, or the hub"
    if not row["files"]:
        return "installed with molre" if row["backbone"] == _DEFAULT["backbone"] else "none"
    if row["gate"] and row["hub_id"] is None:
        return "by agreement"
    how = "hub, terms to accept" if row["gate"] else "hub, open"
    return f"{how}, to convert" if row["conversion"] else how


def _row(preset: Preset) -> dict[str, Any]:
    plain = preset.to_dict()
    return {
        "backbone": preset.name,
        "embedding": preset.dim,
        **{key: plain[key] for key in _DEFAULT if key not in ("backbone", "embedding")},
    }
