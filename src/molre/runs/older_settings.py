"""Settings of runs that an older molre wrote, in the words and with the meaning of today."""

from __future__ import annotations

from typing import Any

from molre.backbones.contract import respelled


def as_written_now(settings: dict[str, Any]) -> dict[str, Any]:
    """What config.yaml of this version would say of the same run.

    Before there was a setting ``alpha``, gates averaged the experts: alpha was ``r``. A contract's
    fields had other names.

    Args:
        settings: of a config.yaml; not changed.
    """
    now = dict(settings)
    if isinstance(now.get("contract"), dict):
        now["contract"] = respelled(now["contract"])
    if "r" in now:
        now.setdefault("alpha", now["r"])
    return now
