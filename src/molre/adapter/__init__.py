"""MoLRE, mixture of low-rank experts, for any torch module; it knows nothing of CT.

``from molre.adapter import MoLREConfig`` also registers the method with peft, so do it before
``PeftModel.from_pretrained``. Imports happen on first use: ``core`` needs torch alone.
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "MoLREConfig": "molre.adapter.tuner",
    "MoLREModel": "molre.adapter.tuner",
    "MoLRELayer": "molre.adapter.layer",
    "Router": "molre.adapter.core",
    "LowRankExperts": "molre.adapter.core",
    "molre_delta": "molre.adapter.core",
    "router_gates": "molre.adapter.core",
    "gate_entropy": "molre.adapter.core",
    "gates": "molre.adapter.reading",
    "check_runs": "molre.adapter.running",
    "mean_load": "molre.adapter.collapse",
    "expert_similarity": "molre.adapter.reading",
    "collapsed": "molre.adapter.collapse",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'molre.adapter' has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
