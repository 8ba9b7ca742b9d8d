"""docs/reference/settings.md lists every setting of a run with its default, and every preset."""

from __future__ import annotations

import re
from pathlib import Path

from molre.training.config import DEFAULTS, TrainConfig
from molre.training.presets import PRESETS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
ROW = re.compile(r"^\| (`[a-z_`, ]+`) \| ([^|]+) \|", re.MULTILINE | re.IGNORECASE)


def listed() -> dict[str, str]:
    """Each setting and its default as the page writes it; ``a, b | 1, 2`` are two settings."""
    found: dict[str, str] = {}
    settings, _, _ = PAGE.read_text(encoding="utf-8").partition("## Presets")
    for names, default in ROW.findall(settings):
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
        if wanted is None:
            assert written == "null", name
            continue
        is_text = isinstance(wanted, bool | str)
        assert (written == str(wanted).lower()) if is_text else (float(written) == wanted), name


def test_every_preset_is_on_the_page_with_what_it_sets() -> None:
    _, _, presets = PAGE.read_text(encoding="utf-8").partition("## Presets")
    for name, settings in PRESETS.items():
        said = ", ".join(f"`{key}: {value:g}`" for key, value in settings.items())
        assert f"| `{name}` | {said} |" in presets
