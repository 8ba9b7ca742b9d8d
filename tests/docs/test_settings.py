"""docs/reference/settings.md lists every setting of a run, with the default that it has."""

from __future__ import annotations

import re
from pathlib import Path

from molre.training.config import DEFAULTS, TrainConfig

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| (`[a-z_`, ]+`) \| ([^|]+) \|", re.MULTILINE | re.IGNORECASE)


def listed() -> dict[str, str]:
    """Each setting and its default as the page writes it; ``a, b | 1, 2`` are two settings."""
    found: dict[str, str] = {}
    for names, default in ROW.findall(PAGE.read_text(encoding="utf-8")):
        keys = re.findall(r"`(\w+)`", names)
        found |= zip(keys, default.split(", ") if len(keys) > 1 else [default], strict=True)
    return found


def test_every_setting_is_on_the_page() -> None:
    assert set(listed()) == set(TrainConfig.model_fields)


def test_the_defaults_are_those_of_the_code() -> None:
    own = listed()
    assert own.pop("contract") == "the backbone's own"
    assert DEFAULTS["contract"] is None
    assert [float(rate) for rate in own.pop("learning_rates").split(", ")] == DEFAULTS[
        "learning_rates"
    ]
    for name, default in own.items():
        wanted = DEFAULTS[name]
        written = default.strip("`")
        is_text = isinstance(wanted, bool | str)
        assert (written == str(wanted).lower()) if is_text else (float(written) == wanted), name
