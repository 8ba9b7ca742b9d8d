"""What a model keeps of its start, against the training split and the seed that the run names.

Before the first step a model is centered on slices of the training scans, the shuffled control
stores some of them, and a random router is scaled on them. Nothing trains these numbers, so they
show whose scans were the training scans, whatever was rewritten afterwards. The weights that
are trained keep some of the draw that they began with, which tells the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from molre.adapter.core import gate_entropy
from molre.arms.arm import Arm
from molre.arms.arms import get_arm
from molre.arms.slice_adapter import RANDOM_ENTROPY, MoLRESlices, ShuffledMoLRESlices
from molre.audit.check import FAIL, FLAG, LEAKAGE, NUMBERS, PASS, Check, NotAvailableError, compared
from molre.audit.run_under_audit import RunUnderAudit
from molre.model.build import ClassifierSpec
from molre.model.classifier import HeadCTClassifier
from molre.training.config import TrainConfig
from molre.training.data import Loader
from molre.training.placements.slice import new_classifier, seeded

FROM_CACHE = 1e-4  # means of float32 embeddings in another order
FROM_SCANS = 1e-3  # one backbone on another machine
FROM_TOKENS = 5e-3  # kept in half precision by the prefix cache
LOW_PRECISION = 2e-2  # of a backbone in bfloat16
ENTROPY = 1e-2  # of its maximum, at which a random router was set
OTHER_SEEDS = range(64)
ENOUGH = 1_000  # weights; a head of fewer tells no seed
SURE = 6.0  # standard deviations of the cosine of two unrelated draws
TRAIN = "center of the model from the training scans"
_CENTERS: dict[tuple[object, ...], Tensor] = {}
ROUTER = "adapter.router.hidden.weight"
MOVED = "router of the arm was trained"
SEED = "weights started from the seed of the run"


@dataclass(frozen=True)
class _Start:
    """The settings that a start follows from."""

    opened: RunUnderAudit

    @property
    def config(self) -> TrainConfig:
        return self.opened.config

    @property
    def spec(self) -> ClassifierSpec:
        return self.opened.description.classifier

    @cached_property
    def arm(self) -> Arm:
        return get_arm(self.config.arm, self.config.placement)


def centered(opened: RunUnderAudit) -> Iterator[Check]:
    """Center, stored slices and random router, from the scans of the train split."""
    start, stored = _Start(opened), opened.model.classifier
    if opened.description.blocks != "none":
        yield from _blocks(opened, start)
        return
    config = start.config
    loader = Loader(opened.cache, opened.splits["train"], config.batch_size, config.seed)
    again = new_classifier(start, loader)
    yield _same(TRAIN, stored.center, again.center, FROM_CACHE)
    if isinstance(stored.adapter, ShuffledMoLRESlices):
        bank, new = stored.adapter.bank, again.adapter.bank
        assert isinstance(new, Tensor)
        yield _same("stored slices of the shuffled control", bank, new, FROM_CACHE)
    if start.arm.router == "random":
        yield _random_router(stored, loader)


def _random_router(stored: HeadCTClassifier, loader: Loader) -> Check:
    from molre.training.data import sample_slices, spread
    from molre.training.placements.slice import NORM_SCANS

    assert isinstance(stored.adapter, MoLRESlices)
    slices = stored.normalize(sample_slices(loader, NORM_SCANS, 20 * NORM_SCANS))
    with torch.inference_mode():
        entropy = float(gate_entropy(stored.adapter.router(slices[spread(len(slices), 4000)])))
    name = "random router as it was scaled on the training scans"
    if abs(entropy - RANDOM_ENTROPY) <= ENTROPY:
        return Check(LEAKAGE, name, PASS, f"mean gate entropy {entropy:.4f}")
    return Check(
        LEAKAGE, name, FAIL, f"mean gate entropy is {entropy:.4f}, set at {RANDOM_ENTROPY}"
    )


def _blocks(opened: RunUnderAudit, start: _Start) -> Iterator[Check]:
    """At placement blocks the center is of what the backbone says before it is trained."""
    center, bank = _center(opened, start)
    near = FROM_TOKENS if start.config.prefix_cache else FROM_SCANS
    if opened.description.backbone.precision != "float32":
        near = LOW_PRECISION
    yield _same(TRAIN, opened.model.classifier.center, center, near)
    if start.arm.router == "shuffled":
        name, stored = "stored slices of the shuffled control", opened.model.bank
        if stored.keys() != bank.keys():
            yield Check(LEAKAGE, name, FAIL, "they are of other layers")
            return
        layers = sorted(bank)
        old, new = (torch.cat([part[k].flatten() for k in layers]) for part in (stored, bank))
        # contexts are no layer norm's: their own size says what is close
        yield _same(name, old, new, near * (1 + float(new.abs().max())))


def _center(opened: RunUnderAudit, start: _Start) -> tuple[Tensor, dict[str, Tensor]]:
    """The center, and the shuffled control's contexts.

    An adapter starts as nothing, so that the center is that of the frozen backbone, whatever arm
    and seed: of a benchmark's cells it is found once.
    """
    entry, train = opened.description.backbone, opened.splits["train"].content_hash
    key = (entry.weights["sha256"], entry.contract_hash, entry.precision, opened.device, train)
    alone = start.arm.router == "shuffled" or bool(opened.manifest.get("from_scratch"))
    if alone or key not in _CENTERS:
        head, bank = _blocks_start(opened, start)
        if alone:
            return head.center, bank
        _CENTERS.clear()  # runs of one backbone come one after the other
        _CENTERS[key] = head.center
    return _CENTERS[key], {}


def _blocks_start(
    opened: RunUnderAudit, start: _Start
) -> tuple[HeadCTClassifier, dict[str, Tensor]]:
    """The head and the stored contexts of a fresh start, from the scans themselves."""
    from molre.labels.findings import findings
    from molre.training.placements.blocks import AdaptedBlocks, BlocksPlacement, adapted_at_start
    from molre.training.placements.end_to_end import Pixels
    from molre.training.run_context import RunContext

    backbone = opened.fresh_backbone()
    cohort, splits = opened.cohort, opened.splits
    _scans_at_hand(opened)
    adapted = adapted_at_start(backbone, start.config, start.arm, opened.device)
    inputs = Pixels(cohort, backbone.contract)
    context = RunContext(start.config, start.arm, cohort, backbone, inputs, findings(), splits)
    model = BlocksPlacement(context, AdaptedBlocks(adapted, inputs, backbone)).model()
    return model.head, model.adapted.bank


def _scans_at_hand(opened: RunUnderAudit) -> None:
    from molre.audit.scans import at_hand

    train = set(opened.splits["train"].study)
    rows = [row for row in opened.cohort.chosen().iter_rows(named=True) if row["study"] in train]
    gone = sum(not at_hand(opened.cohort, row) for row in rows)
    if gone:
        raise NotAvailableError(f"{gone} of {len(rows)} training scans are not available")


def _same(name: str, stored: Tensor, again: Tensor, near: float) -> Check:
    if stored.shape != again.shape:
        return Check(LEAKAGE, name, FAIL, f"has shape {[*stored.shape]}, not {[*again.shape]}")
    gap = float((stored.float() - again.float()).abs().max())
    found = []
    if not gap <= near:
        found.append(
            f"off by {gap:.3g}: the model started from other scans than the training scans of "
            "splits.csv"
        )
    return compared(LEAKAGE, name, again.numel(), found)


def moved(opened: RunUnderAudit) -> Iterator[Check]:
    """A router that trains has left its draw; one that has not is a random one."""
    start, stored = _Start(opened), opened.model.classifier
    if opened.description.blocks != "none" or not isinstance(stored.adapter, MoLRESlices):
        return
    if start.arm.router == "random" or start.config.router_rate == 0:
        return
    # of the other parts a few steps may leave one as it was, and a random router is scaled
    drawn, kept = _drawn(start, start.config.seed), dict(stored.named_parameters())
    still = torch.equal(drawn[ROUTER], kept[ROUTER])
    found = [f"{ROUTER} is what the seed drew: it was never trained"] if still else []
    yield compared(NUMBERS, MOVED, drawn[ROUTER].numel(), found)


def seed(opened: RunUnderAudit) -> Iterator[Check]:
    """Trained weights are nearer to the draw of the run's seed than chance allows.

    A FAIL needs another seed whose draw they do resemble: long training may take them far from any
    start, and another version may draw otherwise.
    """
    start, stored = _Start(opened), opened.model.classifier
    told = start.config.seed
    if sum(part.numel() for part in _drawn(start, told).values() if part.ndim > 1) < ENOUGH:
        return
    own = _resembles(stored, start, told)
    if own > SURE:
        yield Check(NUMBERS, SEED, PASS, f"{own:.0f} standard deviations closer than by chance")
        return
    for other in OTHER_SEEDS:
        if (near := _resembles(stored, start, other)) > SURE:
            why = (
                f"they started from seed {other} ({near:.0f} standard deviations closer than by "
                f"chance), but the run says {told}"
            )
            yield Check(NUMBERS, SEED, FAIL, why)
            return
    why = f"the weights match neither seed {told} nor another up to {OTHER_SEEDS[-1]}"
    yield Check(NUMBERS, SEED, FLAG, why)


def _resembles(stored: HeadCTClassifier, start: _Start, number: int) -> float:
    """Cosine of the weights with a seed's draw, in standard deviations of unrelated ones."""
    one, other = (_drawn(start, given) for given in (number, number + 10_000))
    kept = dict(stored.named_parameters())
    names = [name for name in one if not torch.equal(one[name], other[name])]
    a, b = (torch.cat([part[name].flatten() for name in names]) for part in (kept, one))
    cosine = torch.nn.functional.cosine_similarity(a.detach(), b.detach(), dim=0)
    return float(cosine) * float(len(a)) ** 0.5


def _drawn(start: _Start, number: int) -> dict[str, Tensor]:
    config = start.config.model_copy(update={"seed": number})
    return dict(seeded(_Seeded(config, start.arm, start.spec)).named_parameters())


@dataclass(frozen=True)
class _Seeded:
    config: TrainConfig
    arm: Arm
    spec: ClassifierSpec
