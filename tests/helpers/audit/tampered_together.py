"""What runs are made into: a comparison, a consistency check."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl

from molre.audit.check import FLAG, Check
from molre.audit.consistency import audit_consistency
from molre.audit.report_differences import RENDERED
from molre.audit.several import together
from molre.evaluation.comparison.compare import compare
from molre.output.comparison.report import write_comparison_report
from molre.runs.sources import COMPARISON, read_sources
from tests.helpers.audit import tamper
from tests.helpers.audit.scene import Scene
from tests.helpers.audit.tampering import Tampering


def compared(change: Callable[[Path], None]) -> Callable[[Scene], None]:
    """Tamper with a copy of the comparison and its runs."""
    return lambda scene: change(scene.copied("compared"))


def beside(scene: Scene) -> list[Check]:
    """What the comparison and its runs owe each other."""
    out = scene.place / "compared"
    return together(out, read_sources(out / COMPARISON))


def in_csv(name: str, column: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        table = pl.read_csv(out / name, infer_schema_length=None)
        table.with_columns(pl.col(column) * 0.5).write_csv(out / name)

    return change


def in_report(out: Path) -> None:
    path = out / "report.html"
    found = re.search(r"[+\u2212]0\.\d{3}", path.read_text())
    assert found is not None
    path.write_text(path.read_text().replace(found[0], "+0.321", 1))


def compare_again(out: Path, runs: list[Path], **settings: int) -> None:

    write_comparison_report(compare(runs, out, **settings), out / "report.html")


def runs_of(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


def left_out(out: Path) -> None:
    compare_again(out, [run for run in runs_of(out) if run.name != "molre-1"])


def lucky_seed(out: Path) -> None:
    compare_again(out, runs_of(out), seed=13)


def run_edited(out: Path) -> None:
    path = out / "runs" / "molre-0" / "predictions.parquet"
    table = pl.read_parquet(path)
    table.with_columns(logit=pl.col("logit") + 0.1 * pl.col("label")).write_parquet(path)


def seed_copied(out: Path) -> None:
    """A run under another seed, in place of the one that was trained with it."""
    run = out / "runs" / "molre-1"
    shutil.rmtree(run)
    shutil.copytree(out / "runs" / "molre-0", run)
    for name in ("manifest.json", "model/model.json"):
        told = json.loads((run / name).read_text())
        (run / name).write_text(json.dumps(told | {"seed": 1}, indent=2))
    tamper.reseal(run)


def table_gone(out: Path) -> None:
    (out / "contrasts.csv").unlink()


def steady(change: Callable[[Path], None]) -> Callable[[Scene], None]:
    """Tamper with a copy of a consistency check."""

    def done(scene: Scene) -> None:
        out = scene.copied("steady")
        told = json.loads((out / "consistency.json").read_text())
        for part in ("model", "cohort"):  # named from where it lay
            told[part]["path"] = str((scene.whole / "steady" / told[part]["path"]).resolve())
        (out / "consistency.json").write_text(json.dumps(told))
        change(out)

    return done


def of_pairs(scene: Scene) -> list[Check]:
    asked = {"reread": 99, "reread_seed": 1}
    return list(audit_consistency(scene.place / "steady", asked).checks)


def pairs_nearer(out: Path) -> None:
    """Other series answer as the chosen ones; the tables are made again."""
    path = out / "pairs.parquet"
    table = pl.read_parquet(path)
    near = pl.col("chosen") + 0.1 * (pl.col("other") - pl.col("chosen"))
    table.with_columns(other=near).write_parquet(path)


def pairs_dropped(out: Path) -> None:
    """The pairs that drift most are told to have been withheld."""
    path = out / "pairs.parquet"
    table = pl.read_parquet(path)
    study = table["study"][0]
    table.filter(pl.col("study") != study).write_parquet(path)
    told = json.loads((out / "consistency.json").read_text())
    told["withheld"] += 1
    (out / "consistency.json").write_text(json.dumps(told))


TOGETHER: tuple[Tampering, ...] = (
    Tampering(
        "an AUC in `comparison.csv`",
        compared(in_csv("comparison.csv", "auc")),
        beside,
        "comparison.csv from the runs",
    ),
    Tampering(
        "a p-value in `contrasts.csv`",
        compared(in_csv("contrasts.csv", "p")),
        beside,
        "contrasts.csv from the runs",
    ),
    Tampering(
        "a difference in a comparison's `report.html`",
        compared(in_report),
        beside,
        RENDERED,
    ),
    Tampering(
        "`contrasts.csv` deleted", compared(table_gone), beside, "contrasts.csv from the runs"
    ),
    Tampering(
        "a run changed after it was compared",
        compared(run_edited),
        beside,
        "runs are those that were compared",
    ),
    Tampering(
        "a seed left out of a comparison",
        compared(left_out),
        beside,
        "every run beside them is compared",
        FLAG,
    ),
    Tampering(
        "another seed of the bootstrap",
        compared(lucky_seed),
        beside,
        "settings of the bootstrap",
        FLAG,
    ),
    Tampering(
        "a run copied under another seed, which `compare` refuses",
        compared(seed_copied),
        beside,
        "no run holds the predictions of another",
    ),
    Tampering(
        "a drift in `consistency.csv`",
        steady(in_csv("consistency.csv", "drift")),
        of_pairs,
        "consistency.csv from the pairs",
    ),
    Tampering(
        "probabilities in `pairs.parquet`", steady(pairs_nearer), of_pairs, "pairs from the scans"
    ),
    Tampering(
        "a pair dropped and called withheld",
        steady(pairs_dropped),
        of_pairs,
        "pairs from the scans",
    ),
)
