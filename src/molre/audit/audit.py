"""``audit(run)``: every reported number again, leakage, participant flow, a map to checklists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

import molre
from molre.audit.check import (
    DATA,
    FAIL,
    INSTALLATION,
    LEAKAGE,
    NOT_CHECKED,
    NUMBERS,
    Check,
    NotAvailableError,
    not_checked,
)
from molre.audit.checks import adapter as adapted
from molre.audit.checks import arm as arms
from molre.audit.checks import cohort_data as data
from molre.audit.checks import external, leakage, unseen
from molre.audit.checks import patients as whose
from molre.audit.checks import predictions as predicted
from molre.audit.checks import reports as evaluated
from molre.audit.checks import reread as read_again
from molre.audit.checks import retrain as again
from molre.audit.checks import split as dealt
from molre.audit.checks import start as begun
from molre.audit.checks import synthetic as phantoms
from molre.audit.checks import training as trained
from molre.audit.flow import RunFlow, run_flow
from molre.audit.headings import headings
from molre.audit.run_under_audit import RunUnderAudit
from molre.device import usable
from molre.errors import MolreError
from molre.progress import track
from molre.runs.manifest import scans_are_synthetic

FORMAT_VERSION = 1
Checker = Callable[[RunUnderAudit], Iterator[Check]]
CHECKERS: tuple[tuple[str, str, Checker], ...] = (
    (NUMBERS, "evaluation from predictions.parquet", evaluated.evaluated),
    (NUMBERS, "probabilities and calibration", predicted.calibrated),
    (NUMBERS, "logits and gates from the model and its embeddings", predicted.recomputed),
    (NUMBERS, "self-test of the model", predicted.self_tested),
    (NUMBERS, "familiarity from the scans' embeddings", trained.familiarity),
    (NUMBERS, "parameters and backbone of manifest.json", trained.sizes),
    (NUMBERS, "gates of a routed arm are there", adapted.routed),
    (NUMBERS, "adapter and routers of manifest.json", adapted.inside),
    (NUMBERS, "config.yaml, model.json and manifest.json agree", trained.settings),
    (NUMBERS, arms.NAME, arms.named),
    (NUMBERS, arms.WORDS, arms.words),
    (NUMBERS, begun.SEED, begun.seed),
    (NUMBERS, begun.MOVED, begun.moved),
    (NUMBERS, "backbone of model.json from its weights", trained.backbone),
    (DATA, "hashes of scans, splits and labels", data.hashes),
    (DATA, "patients and splits of predictions.parquet", data.splits),
    (DATA, whose.NAME, whose.whose),
    (DATA, "labels of predictions.parquet from the cohort's", data.labels),
    (DATA, "studies per split", data.counts),
    (DATA, "studies.parquet from the splits and embeddings", data.studies),
    (DATA, "data.json from the cohort", data.provenance_again),
    (LEAKAGE, "findings listed by their counts in train", data.finding_list),
    (LEAKAGE, "learning rate and epoch chosen on tune", trained.chosen),
    (LEAKAGE, "no patient in two splits", leakage.patients),
    (LEAKAGE, "no equal pixels in two splits", leakage.pixels),
    (LEAKAGE, "no study under two patients", leakage.names),
    (LEAKAGE, "no study left out", leakage.left_out),
    (LEAKAGE, dealt.NAME, dealt.dealt),
    (LEAKAGE, leakage.SAME, leakage.same_embeddings),
    (LEAKAGE, "no near twin of a training scan in test", leakage.twins),
    (LEAKAGE, unseen.NAME, unseen.no_better),
    (LEAKAGE, "test scans and the backbone's pretraining data", leakage.pretraining),
    (LEAKAGE, begun.TRAIN, begun.centered),
    (LEAKAGE, phantoms.WORDS, phantoms.synthetic),
)
EXTERNAL: tuple[tuple[str, str, Checker], ...] = (
    (NUMBERS, "evaluation from predictions.parquet", evaluated.evaluated),
    (NUMBERS, "probabilities from logits and the model's calibration", predicted.probabilities),
    (NUMBERS, "model and calibrate rows from the run of the model", external.same_model),
    (NUMBERS, external.MADE, external.made_again),
    (DATA, "hashes of the external cohort", external.hashes),
    (DATA, "patients and labels of the external cohort", external.test_rows),
    (DATA, whose.NAME, whose.whose),
    (LEAKAGE, "no study of the external cohort was in the model's making", external.left_out),
    (LEAKAGE, "no study left out", external.struck),
    (LEAKAGE, "no patient in two splits", leakage.patients),
    (LEAKAGE, "no study under two patients", leakage.owners),
    (LEAKAGE, "test scans and the backbone's pretraining data", leakage.pretraining),
    (LEAKAGE, phantoms.WORDS, phantoms.synthetic),
)  # of a frozen model on another cohort, which fitted nothing


class AuditOptions(TypedDict, total=False):
    """Arguments of :func:`audit` beside the run."""

    cohort: Path | None
    weights_dir: Path | None
    device: str
    reread: int
    reread_seed: int | None
    retrain: bool


@dataclass(frozen=True)
class Audit:
    """What an audit of a run found.

    Attributes:
        run: the folder.
        about: arm, placement, seed, backbone: which run it is.
        synthetic: its scans are phantoms.
        checks: in the order made.
        flow: participant flow; None where nothing tells it.
        headings: the map to checklists.
        external: it is a frozen model's evaluation on another cohort.
        scans_synthetic: the test scans are phantoms; ``synthetic`` may be the model's alone.
    """

    run: Path
    about: dict[str, Any]
    synthetic: bool
    checks: tuple[Check, ...]
    flow: RunFlow | None
    headings: tuple[dict[str, str], ...]
    external: bool = False
    scans_synthetic: bool = False

    @property
    def failures(self) -> list[Check]:
        """Checks that failed."""
        return [check for check in self.checks if check.outcome == FAIL]

    def count(self, outcome: str) -> int:
        """How many checks came out so."""
        return sum(check.outcome == outcome for check in self.checks)

    @property
    def failed(self) -> bool:
        """Whether any check failed."""
        return bool(self.failures)

    @property
    def unchecked(self) -> bool:
        """Whether anything could not be checked."""
        return self.count(NOT_CHECKED) > 0

    def to_dict(self) -> dict[str, Any]:
        """The content of audit.json."""
        return {
            "format_version": FORMAT_VERSION,
            "molre_version": molre.__version__,
            "run": self.run.resolve().name,
            **self.about,
            "synthetic": self.synthetic,
            "failed": self.failed,
            "not_checked": self.unchecked,
            "checks": [asdict(check) for check in self.checks],
            "flow": None if self.flow is None else asdict(self.flow),
            "headings": list(self.headings),
        }


def audit(
    run: str | Path,
    *,
    cohort: str | Path | None = None,
    weights_dir: str | Path | None = None,
    device: str = "cpu",
    reread: int = read_again.STUDIES,
    reread_seed: int | None = None,
    retrain: bool = False,
) -> Audit:
    """Audit a run; nothing in it is changed.

    Args:
        run: folder of ``molre train``.
        cohort: where its cohort is now, if it was moved.
        weights_dir: folder with the backbone's weights, where they are not installed.
        device: torch device of the backbone.
        reread: studies to read again from their scans, test studies first; as long as predicting
            them takes.
        reread_seed: draws which; a new one each time by default, so that nobody knows them.
        retrain: train the run again, which takes as long as it took.

    Raises:
        MolreError: the folder is not a run.
    """
    path, device = Path(run), usable(device)
    opened = RunUnderAudit(path, _path(cohort), _path(weights_dir), device)
    checks = [*opened.whole(), *opened.strangers()]
    for group, name, checker in track(
        _checkers(opened.external, reread, reread_seed, retrain), "auditing"
    ):
        checks += made(group, name, partial(checker, opened))
    manifest = opened.manifest
    about = {key: manifest.get(key) for key in ("arm", "placement", "seed")}
    backbone = manifest.get("backbone")
    about["backbone"] = backbone.get("name") if isinstance(backbone, dict) else None
    return Audit(
        run=path,
        about=about,
        synthetic=bool(manifest.get("synthetic")),
        checks=tuple(checks),
        flow=run_flow(opened),
        headings=tuple(headings(path)),
        external=opened.external,
        scans_synthetic=scans_are_synthetic(manifest),
    )


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _checkers(
    outside: bool, reread: int, reread_seed: int | None, retrain: bool
) -> list[tuple[str, str, Checker]]:
    asked = list(EXTERNAL if outside else CHECKERS)
    asked.append(
        (NUMBERS, read_again.NAME, lambda opened: read_again.reread(opened, reread, reread_seed))
    )
    if retrain:
        asked.append((NUMBERS, "history and weights, trained again", again.retrained))
    return asked


def made(group: str, name: str, checker: Callable[[], Iterator[Check]]) -> list[Check]:
    """A checker's rows; what it cannot open is not checked, what breaks it fails."""
    rows: list[Check] = []
    try:
        for check in checker():
            rows.append(check)
    except NotAvailableError as error:
        rows.append(not_checked(group, name, error.message))
    except INSTALLATION:
        raise
    except Exception as error:  # whatever a tampered file holds: it is not what training wrote
        said = error.message if isinstance(error, MolreError) else repr(error)
        rows.append(Check(group, name, FAIL, f"could not be computed: {said}"))
    return rows
