"""The first model card: README.md of a model folder, written from the model's own description.

``molre evaluate`` replaces it by one with results, see :mod:`molre.output.run.card`.
"""

from __future__ import annotations

from molre.model.folder import ModelDescription
from molre.model.prediction import RESEARCH_ONLY


def model_card(d: ModelDescription) -> str:
    """Markdown: what the model is, what it was trained on, what it must not be used for."""
    counts = ", ".join(f"{split} {n}" for split, n in d.studies.items())
    return f"""# {title(d)}

{RESEARCH_ONLY}

- **Trained on**: {d.trained_on} (studies: {counts}).
- **Method**: arm `{d.arm}` at placement `{d.placement}`, seed {d.seed}; molre {d.molre_version}.
- **Backbone**: `{d.backbone.name}`, {d.backbone.parameters:,} parameters, frozen; weights
  `{d.backbone.weights.get("id")}`, SHA-256 `{d.backbone.weights.get("sha256")}`.
- **License inherited from the backbone**: {d.license}.
- **Input**: non-contrast head CT; other scans, incomplete ones and scans far from the training
  ones are withheld, not scored.
{synthetic_line(d)}
{findings_table(d)}

Not evaluated yet: `molre evaluate RUN` completes this card with the results on the test split.
"""


def title(d: ModelDescription) -> str:
    """The card's heading."""
    return f"Head CT model: {d.arm} on {d.backbone.name}"


def synthetic_line(d: ModelDescription) -> str:
    """What a model of phantoms must say of itself; empty for one of patients."""
    if not d.synthetic:
        return ""
    return (
        "- **Synthetic**: trained on phantoms only. It knows nothing about patients; every "
        "result says so.\n"
    )


def findings_table(d: ModelDescription) -> str:
    """What the model reads: finding, category, calibrated, threshold."""
    rows = "\n".join(
        f"| {f.name} | {f.category} | {'yes' if ok else 'no'} | {threshold(d, f.id)} |"
        for f, ok in zip(d.findings, d.calibrated, strict=True)
    )
    return f"""| finding | category | calibrated | threshold |
| --- | --- | --- | --- |
{rows}

Thresholds maximize sensitivity + specificity - 1 on the calibrate split; a finding with too few
labels there has none."""


def threshold(d: ModelDescription, finding: str) -> str:
    """A finding's threshold on the probability scale, or ``none``."""
    return f"{d.thresholds[finding].value:.3f}" if finding in d.thresholds else "none"
