"""What training reports about itself: the choice of rate and epoch, sizes, settings."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch

from molre.audit.check import LEAKAGE, NUMBERS, Check, NotAvailableError, compared, not_checked
from molre.audit.checks import arm as arms
from molre.audit.differences import leaves, mapping_differences
from molre.audit.run_under_audit import RunUnderAudit
from molre.backbones.contract import respelled
from molre.model.build import ClassifierSpec
from molre.model.familiarity import fit_familiarity, summarize
from molre.model.folder import BackboneEntry
from molre.runs.manifest import FORMAT_VERSION
from molre.runs.reading import read_json
from molre.training.collapse import collapses
from molre.training.config import TrainConfig
from molre.training.data import Loader, sample_slices, spread
from molre.training.fit_budget import FitBudget
from molre.training.rates import at_edge, best_rate, next_rate

TRIED = "learning rates that were tried"
PROBE = 1e-2  # of the largest number of the embedding: other kernels round otherwise


def chosen(opened: RunUnderAudit) -> Iterator[Check]:
    """Learning rate and epoch are the best on tune: the smaller rate and the earlier on a tie."""
    history = opened.history.to_dicts()
    config, manifest = opened.config, opened.manifest
    fits = _fits(history)
    best = [_best(fit) for fit in fits]
    rates = [fit[0]["learning_rate"] for fit in fits]
    scores = {rate: fit[i]["tune_auc"] for rate, fit, i in zip(rates, fits, best, strict=True)}
    found = _search(scores, config, manifest)
    winner = rates.index(best_rate(scores))
    epochs = len(fits[winner])
    budget = FitBudget.of(config, _trained_on(manifest))
    again = {
        "learning_rate": rates[winner],
        "best_epoch": best[winner],
        "epochs": epochs,
        "converged": epochs - 1 - best[winner] >= budget.patience,
        "collapse": [one.to_dict() for one in collapses(history)],
    }
    if "rates" in manifest:
        again |= {"rate_at_edge": at_edge(_tried(scores, manifest))}
    else:  # a run from before grids widened, or one that hides where its grid ended
        said = "manifest.json does not keep the rates that were tried: train it again"
        yield not_checked(LEAKAGE, TRIED, said)
    found += mapping_differences(manifest, again)
    found += [why for fit in fits if (why := _length(fit, budget))]
    name = "learning rate and epoch chosen on tune"
    yield compared(LEAKAGE, name, 2 * len(history) + leaves(again), found)


def _trained_on(manifest: dict[str, Any]) -> int:
    """Studies of the training split; that they are those of the cohort is another check."""
    counts = manifest.get("n")
    count = counts.get("train") if isinstance(counts, dict) else None
    return count if isinstance(count, int) else 0


def _tried(scores: dict[float, float], manifest: dict[str, Any]) -> dict[float, float]:
    """All rates of the search: of those whose loss was not finite the manifest alone knows."""
    rows = manifest.get("rates") or []
    lost = {row["learning_rate"]: -math.inf for row in rows if row["tune_auc"] is None}
    return lost | scores


def _search(scores: dict[float, float], config: TrainConfig, manifest: dict[str, Any]) -> list[str]:
    """How the rates of history differ from the grid of config.yaml, widened by the rule."""
    grid = sorted(set(config.learning_rates))
    tried = _tried(scores, manifest)
    if "rates" not in manifest:
        missing = "" if sorted(tried) == grid else "its rates are not those of config.yaml"
    elif {r["learning_rate"]: r["tune_auc"] for r in manifest["rates"]} != {
        rate: auc if math.isfinite(auc) else None for rate, auc in tried.items()
    }:
        missing = "the rates of manifest.json are not those of history"
    else:
        missing = _replayed(grid, tried, config.max_rates)
    return [f"history has learning rates {sorted(tried)}: {missing}"] if missing else []


def _replayed(grid: list[float], tried: dict[float, float], most: int) -> str:
    if not set(grid) <= set(tried):
        return f"config.yaml has {grid}"
    seen = {rate: tried[rate] for rate in grid}
    while (wider := next_rate(seen, most)) is not None:
        if wider not in tried:
            return f"the search ended before {wider:g}, although the best rate was at an edge"
        seen[wider] = tried[wider]
    extra = sorted(set(tried) - set(seen))
    return f"no rule leads to {extra}" if extra else ""


def _fits(history: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    starts = [i for i, row in enumerate(history) if i == 0 or row["epoch"] == 0]
    return [history[a:b] for a, b in pairwise([*starts, len(history)])]


def _best(fit: list[dict[str, Any]]) -> int:
    return max(range(len(fit)), key=lambda i: (fit[i]["tune_auc"], -i))


def _length(fit: list[dict[str, Any]], budget: FitBudget) -> str | None:
    """Why a fit cannot have ended where it did; None where it can."""
    rate, epochs = fit[0]["learning_rate"], len(fit)
    if [row["epoch"] for row in fit] != list(range(epochs)):
        return f"epochs at learning rate {rate:g} are not counted from 0"
    if {row["learning_rate"] for row in fit} != {rate}:
        return f"the fit of learning rate {rate:g} also names other rates"
    if stale := [i for i in range(epochs - 1) if i - _best(fit[: i + 1]) >= budget.patience]:
        return f"the fit at {rate:g} continued after epoch {stale[0]}, when patience had run out"
    if epochs != budget.epochs and epochs - 1 - _best(fit) != budget.patience:
        return f"the fit at {rate:g} ended after {epochs} epochs, before budget or patience ran out"
    return None


def sizes(opened: RunUnderAudit) -> Iterator[Check]:
    """Added parameters and their share, counted in the model's tensors; the backbone's, alike."""
    model, manifest = opened.model, opened.manifest
    entry = model.description.backbone
    again: dict[str, Any] = {
        "arm": model.description.arm,
        "placement": model.description.placement,
        "seed": model.description.seed,
        "backbone": _backbone_facts(entry, manifest.get("backbone") or {}),
    }
    if model.description.blocks == "none":
        added = sum(p.numel() for p in model.classifier.adapter.parameters())
        again |= {"added_parameters": added}
    added = int(manifest.get("added_parameters") or 0)
    again |= {"added_share": added / entry.parameters}
    found = mapping_differences(manifest, again)
    yield compared(NUMBERS, "parameters and backbone of manifest.json", leaves(again), found)


def _backbone_facts(entry: BackboneEntry, told: dict[str, Any]) -> dict[str, Any]:
    """What the manifest should say: always these, and all else of model.json that it names."""
    known = entry.model_dump() | {"weights_sha256": entry.weights["sha256"]}
    always = ("name", "weights_sha256", "dim", "parameters", "contract", "contract_hash")
    return {key: known[key] for key in known if key in always or key in told}


def settings(opened: RunUnderAudit) -> Iterator[Check]:
    """config.yaml, model.json and manifest.json speak of the same run."""
    config, description = opened.config, opened.description
    manifest = {key: opened.manifest.get(key) for key in ("arm", "placement", "seed")}
    manifest["blank_policy"] = opened.manifest.get("blank_policy")
    manifest["label_sources"] = opened.manifest.get("label_sources") or []
    again: dict[str, Any] = {
        "arm": config.arm,
        "placement": config.placement,
        "seed": config.seed,
        "blank_policy": config.blank_policy,
        "label_sources": list(config.label_sources or ()),
    }
    found = [f"manifest.json {one}" for one in mapping_differences(manifest, again)]
    spec = description.classifier.model_dump()
    asked = ("num_experts", "r", "scaling", "router_hidden", "shared_query", "dropout")
    expected = {key: getattr(config, key) for key in asked}
    expected |= {"dim": description.backbone.dim, "findings": len(description.findings)}
    expected["bank_size"] = ClassifierSpec.model_fields["bank_size"].default
    found += [f"model.json classifier {one}" for one in mapping_differences(spec, expected)]
    found += _formats(opened)
    name = "config.yaml, model.json and manifest.json agree"
    yield compared(NUMBERS, name, len(again) + len(expected) + 2, found)


def _formats(opened: RunUnderAudit) -> list[str]:
    sealed = read_json(opened.folder.model / "checksums.json").get("format_version")
    told = opened.description.format_version
    found = [] if told == sealed else [f"model.json is of format {told}, checksums.json {sealed}"]
    version = opened.manifest.get("format_version")
    if version not in range(1, FORMAT_VERSION + 1):
        found.append(f"manifest.json is of format {version}, not 1 to {FORMAT_VERSION}")
    return found


def backbone(opened: RunUnderAudit) -> Iterator[Check]:
    """The backbone's size, hash and contract, from the backbone itself where it is available."""
    from molre.embedding.embed import probe
    from molre.pipeline import load
    from molre.training.write_run import backbone_entry

    entry, name = opened.model.description.backbone, "backbone of model.json from its weights"
    try:
        fresh = opened.fresh_backbone()
    except NotAvailableError as error:
        yield not_checked(NUMBERS, name, error.what)
        return
    loaded = load(opened.folder.model, weights_dir=opened.weights_dir).backbone
    again, stored = backbone_entry(loaded).model_dump(), entry.model_dump()
    stored["contract"] = respelled(stored["contract"])
    found = mapping_differences(stored, {k: v for k, v in again.items() if stored[k] is not None})
    told = opened.manifest.get("from_scratch")
    if told not in (None, fresh.from_scratch):
        found.append(f"from_scratch is {told}, the backbone's {fresh.from_scratch}")
    gap = float((probe(loaded) - opened.model.probe).abs().max())
    if gap > PROBE * (1 + float(opened.model.probe.abs().max())):
        found.append(f"its embedding of the self-test slice is off by {gap:.3g}")
    yield compared(NUMBERS, name, leaves(again) + 1 + opened.model.probe.numel(), found)
    yield from arms.sites(opened, fresh)


def familiarity(opened: RunUnderAudit) -> Iterator[Check]:
    """The familiarity model from the training and calibrate scans' embeddings."""
    from molre.training.write_run import FAMILIAR_SCANS

    classifier, summaries = opened.model.classifier, {}
    for split in ("train", "calibrate"):
        names = opened.splits[split].content_hash
        rows = spread(len(names), FAMILIAR_SCANS)
        with torch.inference_mode():
            summaries[split] = torch.stack(
                [summarize(classifier.normalize(opened.cache.get(names[i]))) for i in rows]
            )
    again = fit_familiarity(summaries["train"], summaries["calibrate"])
    stored, found, seen = opened.model.familiarity, [], 0
    for name in ("mean", "variances", "residual", "threshold"):
        a, b = getattr(stored, name), getattr(again, name)
        seen += b.numel()
        if a.shape != b.shape or not torch.allclose(a, b, rtol=1e-4, atol=1e-7):
            found.append(f"{name} differs")
    # axes are only fixed up to their sign, so what they span is compared
    seen += again.axes.numel()
    if stored.axes.shape != again.axes.shape or not torch.allclose(
        (stored.axes @ again.axes.T).abs(), torch.eye(len(again.axes)).double(), atol=1e-4
    ):
        found.append("axes differ")
    yield compared(NUMBERS, "familiarity from the scans' embeddings", seen, found)
    yield _test_vector(opened)


def _test_vector(opened: RunUnderAudit) -> Check:
    config = opened.config
    train = Loader(opened.cache, opened.splits["train"], config.batch_size, config.seed)
    again = sample_slices(train, 1, 8)
    stored = opened.model.self_test[0]
    same = stored.shape == again.shape and torch.equal(stored, again)
    found = [] if same else ["the embedding matches no training scan"]
    return compared(NUMBERS, "self-test vector from a training scan", again.numel(), found)
