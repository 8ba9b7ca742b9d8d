"""Inside the blocks of a backbone, does MoLRE do what no LoRA of equal rank can?

Planted images, synthetic and called so: each has a level, which all of its patches tell, and for
every finding a look in one patch. At conflict 1 the sign of a look depends on the level; at
conflict 0 it does not. The backbone is a transformer of four blocks with random weights, frozen;
its last two blocks are adapted by the code that adapts a real one (``molre.training.placements``).
Every arm has the same grid of learning rates, the rule by which it widens, and the same budget.

Predictions, written before the run:

1. conflict 1: molre above lora, above lora_matched and above frozen, Holm's p < .05 each;
2. conflict 1: molre above molre_random_router and above molre_shuffled, Holm's p < .05 each;
3. conflict 1: molre at the default above molre at the paper's setting (mean of the seeds);
4. conflict 0: molre within .02 of lora_matched, either way (mean of the seeds).

    python experiments/blocks_control.py --fits FOLDER          # an hour or two of a core; resumes
    python experiments/blocks_control.py --fits FOLDER --page   # experiments/blocks_control.md
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from molre.arms.arms import get_arm
from molre.backbones.backbone import Backbone, Features, Weights
from molre.backbones.contract import Contract
from molre.backbones.prefix import Prefix
from molre.evaluation.comparison.arm_facts import joined
from molre.evaluation.comparison.contrasts import ArmsCompared, ArmScores, compare_arms
from molre.evaluation.comparison.verdict import ArmFacts
from molre.files import write_text
from molre.labels.findings import findings
from molre.output.numbers import interval, number, p_value
from molre.phantom.planted import LEVELS, PREVALENCE, World
from molre.training.checkpoint import Progress
from molre.training.config import TrainConfig, resolve
from molre.training.data import Loader
from molre.training.fit_budget import FitBudget
from molre.training.inference import predict
from molre.training.load_splits import Splits
from molre.training.placements.blocks import AdaptedBlocks, BlocksPlacement, adapted_at_start
from molre.training.placements.slice import search_classifier
from molre.training.run_context import RunContext
from molre.training.search import Search, search
from molre.training.trainer import Trainer
from molre.workflows.control_fit import studies_of

PAGE = Path(__file__).with_suffix(".md")
DIM, PATCHES, FINDINGS, PATCH = 96, 16, 6, 8
FIRST = "blocks.2"  # that is adapted
LOOK = 3.0  # norm; the noise of a patch is 0.7 in every direction
SIZES = {"train": 2000, "tune": 400, "test": 1000}
DRAWS = {"train": 20, "tune": 21, "test": 22}
ARMS = ("frozen", "lora", "lora_matched", "molre_random_router", "molre_shuffled", "molre")
PAPER = "molre, the paper's setting"
BUDGET: dict[str, Any] = {
    "placement": "blocks", "budget": 0.12, "batch_size": 64, "dropout": 0.0,
    "max_steps": 4000, "patience_steps": 800, "learning_rates": (1e-3, 3e-3, 1e-2), "max_rates": 6,
}  # fmt: skip


@dataclass(frozen=True)
class PlantedImages:
    """Images as training is given them: one slice a study.

    Attributes:
        name: tells one draw from another.
        images: float32 (N, 3, 32, 32).
        present: bool (N, K).
    """

    name: str
    images: Tensor
    present: np.ndarray

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the studies."""
        return tuple(f"{self.name}-{i:05d}" for i in range(len(self.images)))

    def __contains__(self, key: str) -> bool:
        return key.startswith(f"{self.name}-")

    def get(self, key: str) -> Tensor:
        """The study's slice, (1, 3, 32, 32)."""
        return self.images[int(key.rsplit("-", 1)[1])][None]

    def index(self, key: str) -> np.ndarray:
        """One slice."""
        return np.zeros(1, dtype=np.int64)


@dataclass(frozen=True)
class AllSplits:
    """The three splits' images under one name, as a run's inputs are."""

    splits: dict[str, PlantedImages]
    name: str = "planted-images"

    def __contains__(self, key: str) -> bool:
        return any(key in split for split in self.splits.values())

    def get(self, key: str) -> Tensor:
        """Of whichever split it is."""
        return next(split for split in self.splits.values() if key in split).get(key)

    def index(self, key: str) -> np.ndarray:
        """One slice."""
        return np.zeros(1, dtype=np.int64)


def patch_directions() -> Tensor:
    """Orthonormal rows (DIM, 3 * PATCH * PATCH): what the patch embedding reads."""
    generator = torch.Generator().manual_seed(5)
    return torch.linalg.qr(torch.randn(3 * PATCH * PATCH, DIM, generator=generator))[0].T


def draw(conflict: float, split: str) -> PlantedImages:
    """Images of a split: noise, the level in every patch, each finding's look in one patch."""
    world = World(conflict=conflict, dim=DIM, findings=FINDINGS)
    n, rng = SIZES[split], np.random.default_rng((3, DRAWS[split]))
    level = rng.integers(LEVELS, size=n)
    tokens = 0.7 * rng.normal(size=(n, PATCHES, DIM)) + 2 * world.level_directions[level][:, None]
    present = rng.random((n, FINDINGS)) < PREVALENCE
    for finding in range(FINDINGS):
        look = np.where(present[:, finding], LOOK, -LOOK)[:, None] * world.looks[finding, level]
        tokens[np.arange(n), rng.integers(PATCHES, size=n)] += look
    flat = torch.from_numpy(tokens.astype(np.float32)) @ patch_directions()
    edge = int(PATCHES**0.5)
    image = flat.view(n, edge, edge, 3, PATCH, PATCH).permute(0, 3, 1, 4, 2, 5)
    return PlantedImages(split, image.reshape(n, 3, edge * PATCH, edge * PATCH), present)


def random_backbone() -> Backbone:
    """A transformer of four blocks, its weights drawn once and the same for every arm."""
    from timm.models.vision_transformer import VisionTransformer

    torch.manual_seed(7)
    network = VisionTransformer(
        img_size=32, patch_size=PATCH, embed_dim=DIM, depth=4, num_heads=8,
        num_classes=0, global_pool="avg", weight_init="skip", class_token=False,
    )  # fmt: skip
    with torch.no_grad():
        network.pos_embed.normal_(std=0.02)  # timm leaves it as memory was
        network.patch_embed.proj.bias.zero_()
        network.patch_embed.proj.weight.copy_(patch_directions().view(DIM, 3, PATCH, PATCH))
    contract = Contract(size=32, mean=(0, 0, 0), std=(1, 1, 1))
    weights = Weights("random-transformer", "0" * 64)
    return Backbone("random", network, _features, DIM, contract, weights)


def _features(network: Any, pixels: Tensor) -> Features:
    tokens = network.forward_features(pixels)
    return Features(tokens, network.forward_head(tokens))


def config_of(arm: str, seed: int) -> TrainConfig:
    """An arm, or the method at the paper's setting."""
    preset, name = ("paper", "molre") if arm == PAPER else (None, arm)
    return resolve(preset=preset, arm=name, seed=seed, **BUDGET)


def fit(arm: str, seed: int, conflict: float) -> dict[str, Any]:
    """Search an arm's learning rate and score the test images."""
    config, data = config_of(arm, seed), {s: draw(conflict, s) for s in SIZES}
    started = time.monotonic()
    inside = get_arm(config.arm, config.placement).inside("blocks") is not None
    model, test, found = (_fit_inside if inside else _fit_head)(config, data)
    said = predict(model, test)
    facts = ArmFacts(
        placement="blocks",
        entropy=said.entropy,
        experts=config.num_experts,
        converged=found.best.stale(FitBudget.of(config, SIZES["train"]).patience),
        at_edge=found.at_edge,
        added=sum(p.numel() for p in model.adapted.parameters()) if inside else 0,
    )
    return {
        "logits": said.logits.tolist(),
        "facts": vars(facts),
        "rate": found.rate,
        "rates": len(found.scores),
        "tune": max(found.scores.values()),
        "seconds": time.monotonic() - started,
    }


def _fit_head(
    config: TrainConfig, data: dict[str, PlantedImages]
) -> tuple[nn.Module, Loader, Search]:
    """A head on the embeddings of the frozen backbone."""
    inputs = _embedded(random_backbone(), data)
    loaders = [_loader(config, inputs, s, data[s]) for s in SIZES]
    model, found = search_classifier(config, loaders[0], loaders[1], DIM)
    return model, loaders[2], found


def _fit_inside(
    config: TrainConfig, data: dict[str, PlantedImages]
) -> tuple[nn.Module, Loader, Search]:
    """The last two blocks adapted, from the tokens that the first two make of the images."""
    arm, backbone = get_arm(config.arm, "blocks"), random_backbone()
    adapted = adapted_at_start(backbone, config, arm, "cpu")
    if adapted.sites.first_block != FIRST:
        raise ValueError(f"{config.arm} starts at {adapted.sites.first_block}, not at {FIRST}")
    prefix = Prefix(backbone, FIRST)
    inputs = _embedded(prefix, data)
    names = tuple(f"planted_{k + 1}" for k in range(FINDINGS))
    splits = Splits({s: studies_of(d) for s, d in data.items()}, names, {})
    context = RunContext(config, arm, cast(Any, None), backbone, inputs, findings(), splits)
    placement = BlocksPlacement(context, AdaptedBlocks(adapted, inputs, prefix.resume))
    loaders = [_loader(config, inputs, s, data[s]) for s in SIZES]

    def at(rate: float) -> Progress:
        model = placement.model()
        return Trainer.at_rate(rate, model, config, loaders[0], loaders[1]).fit()

    found, model = search(at, config), placement.model()
    model.load_state_dict(found.best.best)
    return model, loaders[2], found


def _embedded(backbone: Backbone, data: dict[str, PlantedImages]) -> AllSplits:
    """What a backbone makes of every image, or a prefix: its tokens."""
    with torch.inference_mode():
        made = {s: torch.cat([backbone(x).pooled for x in d.images.split(100)])
                for s, d in data.items()}  # fmt: skip
    return AllSplits({s: PlantedImages(s, made[s].clone(), d.present) for s, d in data.items()})


def _loader(config: TrainConfig, inputs: AllSplits, name: str, split: PlantedImages) -> Loader:
    """Images are small: a batch is worked out in one piece."""
    size = config.batch_size
    return Loader(inputs, studies_of(split), size, config.seed, micro_batch=size)


def kept(arm: str, seed: int, conflict: float, folder: Path) -> dict[str, Any]:
    """A fit of before, or a new one."""
    said = f"{arm} {seed} {conflict:g} {config_of(arm, seed).model_dump_json()} {SIZES} {DRAWS}"
    path = folder / f"{hashlib.sha256(said.encode()).hexdigest()[:16]}.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(fit(arm, seed, conflict)))
    return json.loads(path.read_text(encoding="utf-8"))


def compared(conflicts: Sequence[float], arms: Sequence[str], seeds: int, fits: Path) -> Any:
    """Every arm in every world, with the statistics of a comparison of runs."""
    test = draw(0.0, "test")  # labels do not depend on the conflict
    scores = []
    for conflict in conflicts:
        for arm in arms:
            each = [kept(arm, seed, conflict, fits) for seed in range(seeds)]
            logits = np.array([one["logits"] for one in each], dtype=np.float32)
            facts = joined([ArmFacts(**one["facts"]) for one in each])
            name = f"conflict {conflict:g}"
            scores.append(ArmScores(arm, name, tuple(range(seeds)), logits, facts))
    names = [f"planted_{k + 1}" for k in range(FINDINGS)]
    return compare_arms(scores, test.present.astype(float), test.keys, names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--conflicts", type=float, nargs="+", default=[1.0, 0.0])
    parser.add_argument("--page", action="store_true", help="write the page from what is kept")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if not given.page:
        for seed in range(given.seeds):
            for conflict in given.conflicts:
                for arm in (*ARMS, PAPER):
                    one = kept(arm, seed, conflict, given.fits)
                    print(
                        f"seed {seed} conflict {conflict:g} {arm}: tune {one['tune']:.3f}, rate "
                        f"{one['rate']:g} of {one['rates']}, entropy {one['facts']['entropy']}, "
                        f"{one['seconds']:.0f} s",
                        flush=True,
                    )
    result = compared(given.conflicts, ARMS, given.seeds, given.fits)
    paper = compared(given.conflicts, [PAPER], given.seeds, given.fits)
    write_text(PAGE, page(result, paper, given.seeds))


def page(result: ArmsCompared, paper: ArmsCompared, seeds: int) -> str:
    """All numbers."""
    lines = [
        "# The control inside the blocks",
        "",
        f"`python experiments/blocks_control.py --fits FOLDER`, {seeds} seeds. **Synthetic** images; "
        "a frozen transformer with random weights. "
        f"{SIZES['train']:,} training, {SIZES['tune']} tune, {SIZES['test']:,} test images. "
        f"{platform.processor() or platform.machine()}, one thread.",
        "",
        "| world | arm | macro AUC, 95 % | gate entropy | added | molre minus it, 95 % | Holm's p |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    minus = {(c.group, c.control): c.macro for c in result.contrasts if c.arm == "molre"}
    for arm in (*result.arms, *paper.arms):
        versus = minus.get((arm.group, arm.name))
        said = (
            f"{number(versus.value, sign=True)}, {interval(versus.low, versus.high, sign=True)}"
            if versus
            else "–"
        )
        lines.append(
            f"| {arm.group} | {arm.name} | {number(arm.macro.value)}, {interval(arm.macro.low, arm.macro.high)} | "
            f"{number(arm.facts.entropy)} | {arm.facts.added:,} | {said} | "
            f"{p_value(versus.p_adjusted) if versus else '–'} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
