"""The model card with results: README.md of RUN/model, from the run's own files and no others.

No number is typed in here: each is read from model.json, manifest.json, config.yaml, data.json, the
model's tensors, or the evaluation. Headings follow Mitchell et al., Model Cards for Model
Reporting (2019).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypedDict

import polars as pl

from molre.cohort.population import SMALL
from molre.ct.dicom.age import ADULT_YEARS
from molre.evaluation.calibration import ENOUGH
from molre.evaluation.endpoint import MINIMUM
from molre.evaluation.evaluate import Evaluation
from molre.evaluation.finding_metrics import FindingResult
from molre.evaluation.statistics.estimate import Estimate
from molre.evaluation.statistics.intervals import LEVEL
from molre.model.card import synthetic_line, threshold, title
from molre.model.folder import ModelDescription, describe
from molre.model.prediction import RESEARCH_ONLY
from molre.output.finding_names import finding_names
from molre.output.many_experts import are_many, digits
from molre.output.numbers import interval, number
from molre.runs.folder import RunFolder

NOT_RECORDED = "Not recorded: the run predates `data.json`."
RESULTS = "Performance on test"
SUBGROUPS = "Subgroups"


class Part(TypedDict):
    """A part of the card: its name, and its Markdown with the heading."""

    name: str
    text: str


def card_parts(evaluation: Evaluation) -> list[Part]:
    """The card of a run, part by part.

    Args:
        evaluation: of the run; the files beside its predictions are read from its folder.
    """
    run = evaluation.run
    d, data = describe(run.folder.description), run.folder.counts()
    texts = {
        "Title": f"# {title(d)}\n\n**{RESEARCH_ONLY}**",
        "Synthetic": synthetic_line(d).strip(),
        "Intended use": _use(d),
        "Population": _population(data),
        "Training data and labels": _training(d, data, run.manifest),
        "Method": _method(d, run.folder, run.manifest),
        RESULTS: _performance(evaluation, d),
        SUBGROUPS: _subgroups(evaluation),
        "Withholding": _familiarity(run.folder.model),
        "Limitations": _limitations(evaluation, d),
    }
    return [Part(name=name, text=text) for name, text in texts.items() if text]


def card_text(parts: Iterable[Part]) -> str:
    """Markdown of the card."""
    return "\n\n".join(part["text"] for part in parts) + "\n"


def _use(d: ModelDescription) -> str:
    return f"""## Intended use

Research on non-contrast head CT of adults (from {ADULT_YEARS} years): comparing ways to adapt a
foundation model, and retrospective studies in which a person reads the scans as well.

Not for diagnosis, triage or any decision about a patient; not for other body parts, CT with
contrast, children, or incomplete scans, which are withheld; not where scanners and patients differ
from those below before it has been evaluated there. It names {len(d.findings)} findings and is
silent on all others: no finding above its threshold does not make a scan normal."""


def _population(data: dict[str, Any]) -> str:
    if not data:
        return f"## Population\n\n{NOT_RECORDED}"
    splits: dict[str, Any] = data["population"]
    head = "| | " + " | ".join(splits) + " |\n| --- |" + " --- |" * len(splits)
    lines = [
        f"| {what} | " + " | ".join(str(one[what]) for one in splits.values()) + " |"
        for what in ("studies", "patients")
    ]
    for heading in _headings(splits):
        cells = (_groups(one.get(heading) or {}) for one in splits.values())
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    return (
        "## Population\n\n"
        "Patients of each split by what their scans' headers say; groups of fewer than "
        f"{SMALL} are joined.\n\n{head}\n" + "\n".join(lines)
    )


def _headings(splits: dict[str, Any]) -> list[str]:
    first: dict[str, Any] = next(iter(splits.values()))
    return [name for name in first if name not in ("studies", "patients")]


def _groups(counts: dict[str, int]) -> str:
    return "<br>".join(f"{_cell(name)}: {n}" for name, n in counts.items()) or "–"


def _cell(text: str) -> str:
    """Text of a header in a table's cell, where a bar would end it and a mark would begin one."""
    return "".join(f"\\{c}" if c in "|<>[]*_`\\" else c for c in text)


def _training(d: ModelDescription, data: dict[str, Any], manifest: dict[str, Any]) -> str:
    counts = ", ".join(f"{split} {n}" for split, n in d.studies.items())
    lines = [f"- Trained on {d.trained_on}; studies: {counts}. Splits are by patient."]
    lines.append(f"- Blank labels: `{manifest.get('blank_policy') or 'not stated'}`.")
    if told := manifest.get("label_sources"):
        named = ", ".join(_cell(name) for name in told)
        lines.append(f"- Only labels of {named} count; those of other sources are masked.")
    if data:
        for split, sources in data["labels"]["sources"].items():
            named = ", ".join(f"{_cell(name)} ({n} studies)" for name, n in sources.items())
            lines.append(f"- Labels, {split}: {named or 'none'}.")
    weights = d.backbone.weights
    lines.append(f"- The backbone was pretrained on: {weights.get('pretraining') or 'unknown'}.")
    return "## Training data and labels\n\n" + "\n".join(lines)


def _method(d: ModelDescription, run: RunFolder, manifest: dict[str, Any]) -> str:
    weights = d.backbone.weights
    lines = [
        f"- Arm `{d.arm}` at placement `{d.placement}`, seed {d.seed}; molre {d.molre_version}.",
        f"- Backbone `{d.backbone.name}`, {d.backbone.parameters:,} parameters; weights "
        f"`{weights.get('id')}`{_revision(weights)}, SHA-256 `{weights.get('sha256')}`.",
        *_guessed(d),
        f"- Added parameters: {manifest['added_parameters']:,}{_share(manifest)}.",
        *_chosen(run, manifest),
        *_gates(manifest, run.settings()),
        f"- License inherited from the backbone: {d.license}; derivatives: "
        f"{weights.get('derivatives') or 'unknown'}.",
    ]
    return "## Method\n\n" + "\n".join(lines)


def _guessed(d: ModelDescription) -> list[str]:
    """A line where the pixels the backbone was given may not be those it was trained on."""
    if d.backbone.contract_verified is not False:
        return []
    return [
        "- The backbone's input contract is not verified: its publisher does not say all of what "
        "it was trained on, and the rest is molre's choice."
    ]


def _revision(weights: dict[str, Any]) -> str:
    return f", revision `{weights['revision']}`" if weights.get("revision") else ""


def _share(manifest: dict[str, Any]) -> str:
    share = manifest.get("added_share")
    return "" if share is None else f" ({100 * share:.2f} % of the backbone's)"


def _chosen(run: RunFolder, manifest: dict[str, Any]) -> Iterator[str]:
    config, rate = run.settings(), manifest.get("learning_rate")
    if rate is not None and config:
        tried = [row["learning_rate"] for row in manifest.get("rates") or []]
        grid = ", ".join(f"{r:g}" for r in tried or config["learning_rates"])
        edge = ", at the edge of the grid" * (manifest.get("rate_at_edge") is True)
        yield f"- Learning rate {rate:g}, of {grid}, by macro AUC on tune{edge}."
    if manifest.get("best_epoch") is not None:
        epochs, best = manifest.get("epochs"), manifest["best_epoch"]
        ended = "stopped early" if manifest.get("converged") else "the budget was spent"
        yield f"- Weights of epoch {best} (counted from 0) of {epochs}; {ended}."


def _gates(manifest: dict[str, Any], config: dict[str, Any]) -> Iterator[str]:
    if manifest.get("gate_entropy") is not None:
        experts = config.get("num_experts", 0)
        if are_many(experts):
            yield f"- Experts: {experts} of rank {config['r']}, each with a gate."
        yield (
            f"- Gate entropy on test: {number(manifest['gate_entropy'], digits(experts))} of its "
            "maximum (at the maximum all experts are mixed evenly)."
        )
    for found in manifest.get("collapse") or []:
        yield f"- Experts collapsed at learning rate {found['learning_rate']:g}: {found['what']}."


def _performance(evaluation: Evaluation, d: ModelDescription) -> str:
    macro, names = evaluation.macro, finding_names(evaluation.run.findings)
    head = (
        "| finding | n | positive | AUC | interval | threshold | sensitivity | specificity | "
        "Brier skill | slope |\n|" + " --- |" * 10
    )
    rows = "\n".join(_row(result, names[result.finding], d) for result in evaluation.findings)
    pooled = evaluation.pooled
    calibration = f"\n\n{_calibration(evaluation)}" if pooled else ""
    return f"""## {RESULTS}

{evaluation.studies} studies of {evaluation.patients} patients, never used to choose anything. Macro
AUC {number(macro.value)} ({interval(macro.low, macro.high)}, {100 * LEVEL:.0f} %, score
intervals joined, {evaluation.draws} bootstrap draws) over {evaluation.size} with at least
{MINIMUM} positive and {MINIMUM} negative patients{_once(evaluation)}.

{head}
{rows}

Intervals are {100 * LEVEL:.0f} %. Thresholds come from the calibrate split.{calibration}"""


def _calibration(evaluation: Evaluation) -> str:
    pooled = evaluation.pooled
    assert pooled is not None
    said = (
        f"Calibration, all {pooled.n} predictions of scored findings: Brier "
        f"{number(pooled.brier)}, skill {number(pooled.skill, 2)}"
    )
    if evaluation.patients < ENOUGH:
        return f"{said}; slope and ECE are not given below {ENOUGH} patients."
    return (
        f"{said}, slope {number(pooled.slope, 2)}, intercept {number(pooled.intercept, 2)}, ECE "
        f"{number(pooled.ece)} (by chance up to {number(pooled.ece_chance)})."
    )


def _once(evaluation: Evaluation) -> str:
    return "; those with the same labels count once" if "distinct" in evaluation.size else ""


def _row(result: FindingResult, name: str, d: ModelDescription) -> str:
    support, auc, measured = result.support, result.auc, result.calibration
    cells = [
        name,
        str(support.n),
        str(support.positives),
        number(auc.value) if auc else support.status,
        f"{interval(auc.low, auc.high)}, {auc.method}" if auc else "–",
        threshold(d, result.finding),
        _estimate(result.sensitivity),
        _estimate(result.specificity),
        number(measured.skill, 2) if measured else "–",
        number(measured.slope, 2) if measured else "–",
    ]
    return "| " + " | ".join(cells) + " |"


def _estimate(share: Estimate | None) -> str:
    if share is None:
        return "–"
    hits = round(share.value * share.n)
    return f"{hits}/{share.n} ({interval(share.low, share.high, 2)})"


def _subgroups(evaluation: Evaluation) -> str:
    """Groups of test studies that a finding is scored in; all of them are in subgroups.parquet."""
    table = evaluation.sections.tables.get("subgroups")
    if table is None:
        return ""
    names = finding_names(evaluation.run.findings)
    rows = [
        f"| {row['dimension']} | {_cell(row['group'])} | {names[row['finding']]} | {row['n']} | "
        f"{row['positives']} | {number(row['auc'])} | {interval(row['auc_low'], row['auc_high'])} |"
        for row in table.filter(pl.col("auc").is_not_null()).to_dicts()
    ]
    if not rows:
        return ""
    head = "| by | group | finding | n | positive | AUC | interval |\n|" + " --- |" * 7
    return (
        f"## {SUBGROUPS}\n\nGroups with enough cases of a finding; whether AUC varies between "
        f"them is tested in the report.\n\n{head}\n" + "\n".join(rows)
    )


def _familiarity(model: Path) -> str:
    from safetensors import safe_open

    with safe_open(model / "model.safetensors", "pt") as tensors:
        limit = float(tensors.get_tensor("familiarity.threshold"))
        axes = tensors.get_tensor("familiarity.axes").shape[0]
    return f"""## Withholding

A scan whose distance from the training scans is above {limit:.2f} (near 1 for scans like them;
{axes} principal axes, threshold from the calibrate split) is withheld, as is one that is not a
whole adult non-contrast head."""


def _limitations(evaluation: Evaluation, d: ModelDescription) -> str:
    few = [f for f in evaluation.findings if f.auc is None]
    lines = [
        "- One training seed; the intervals cover other patients, not other seeds.",
        "- The test split comes from the same source as the training split, so other hospitals "
        "may see other numbers.",
    ]
    if few:
        lines.append(
            f"- {len(few)} of {len(evaluation.findings)} findings have too few cases in test to be "
            "scored: what the model says about them is untested."
        )
    uncalibrated = sum(not ok for ok in d.calibrated)
    if uncalibrated:
        lines.append(
            f"- {uncalibrated} findings are not calibrated and have no threshold: their "
            "probabilities only rank."
        )
    if evaluation.run.gates is not None:
        lines.append("- Gates show what the router follows, not that routing helps.")
    if d.synthetic:
        lines.append("- All of the above is synthetic: it says nothing about patients.")
    return "## Limitations\n\n" + "\n".join(lines)
