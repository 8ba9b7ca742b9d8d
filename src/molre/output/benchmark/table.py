"""The table of a benchmark: what its rows hold, and table.csv and table.md made from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from molre import files
from molre.evaluation.comparison.verdict import ALPHA, MARGIN
from molre.evaluation.statistics.seeds import NEEDED
from molre.output.numbers import NONE, interval, number, p_value

LIMIT = 0.90  # "findings above": of their AUC


@dataclass(frozen=True)
class Versus:
    """One arm minus another: a paired difference of macro AUC.

    Attributes:
        arm, control: what is subtracted from what.
        value, low, high: with its 95 % interval.
        p: Holm-adjusted within its family; nan where no test is possible.
        primary: of the primary family (MoLRE against every other arm, all backbones).
        alone: p before Holm.
        detectable: difference that this test would find 8 times in 10, at Holm's first step.
    """

    arm: str
    control: str
    value: float
    low: float
    high: float
    p: float
    primary: bool
    alone: float = math.nan
    detectable: float = math.nan

    @property
    def found_from(self) -> str:
        """Where no difference is shown, which one would have been; empty elsewhere."""
        if math.isnan(self.p) or self.p < ALPHA or math.isnan(self.detectable):
            return ""
        return f"{number(self.detectable)} would be found"


@dataclass(frozen=True)
class BenchmarkRow:
    """An arm of a backbone at a placement, over its seeds.

    Attributes:
        backbone, slot, placement, arm: which.
        state: ``done``, ``not converged``, ``not applicable``, ``failed``, ``missing`` (not run
            yet) or ``incomplete`` (some seeds failed or are missing).
        seeds, wanted: that the numbers are the mean of, and that there should be.
        parameters: of the backbone.
        added: parameters that the arm adds or trains in the backbone.
        auc, low, high: macro AUC with its 95 % interval over patients; None without a run.
        spread: largest minus smallest over seeds; nan with one.
        frozen: this arm minus frozen.
        method: MoLRE minus this arm, where it is a control.
        above, scored: findings with an AUC above 0.90, of those scored.
        seconds: over one scan, from HU in memory to probabilities.
        endpoint: findings that the macro AUC is the mean of.
        categories: mean AUC of the endpoint's findings in each category.
        verdict: one plain sentence.
        cells: folders of the runs.
        at_edge: the learning rate that did best is at the edge of the grid.
        converged: every run ended with a plateau on tune, whatever the state says.
    """

    backbone: str
    slot: str
    placement: str
    arm: str
    state: str
    verdict: str
    seeds: int = 0
    wanted: int = 0
    parameters: int | None = None
    added: int | None = None
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    spread: float | None = None
    frozen: Versus | None = None
    method: Versus | None = None
    above: int | None = None
    scored: int | None = None
    seconds: float | None = None
    endpoint: int | None = None
    categories: dict[str, float] = field(default_factory=dict)
    cells: tuple[str, ...] = ()
    at_edge: bool = False
    converged: bool = True

    @property
    def short(self) -> bool:
        """It has runs, and one of them ended with its budget."""
        return bool(self.seeds) and (self.state == "not converged" or not self.converged)

    @property
    def share(self) -> float | None:
        """Added parameters over the backbone's."""
        if self.added is None or not self.parameters:
            return None
        return self.added / self.parameters


@dataclass(frozen=True)
class BenchmarkTable:
    """Everything that table and report show.

    Attributes:
        name: of the configuration.
        synthetic: the scans are phantoms.
        rows: in the order of the configuration.
        contrasts: by (backbone, placement), all of them.
        categories: with the number of endpoint findings in each.
        studies, patients: of test.
        findings, endpoint: trained, and in the primary endpoint.
        blank_policy: for blank labels.
        family: number of contrasts in the primary family, and in the other.
        draws: of the bootstrap.
        budget: of each placement, in words.
        notes: what a reader must know.
        failed: cell and reason.
        missing: cells that have not been run.
        size: of the endpoint in words; findings with the same labels count once in it.
        smallest_p: unadjusted, that the draws could give.
    """

    name: str
    synthetic: bool
    rows: tuple[BenchmarkRow, ...]
    contrasts: dict[tuple[str, str], tuple[Versus, ...]]
    categories: dict[str, int]
    studies: int
    patients: int
    findings: int
    endpoint: int
    blank_policy: str
    family: tuple[int, int]
    draws: int
    budget: dict[str, str]
    notes: tuple[str, ...]
    failed: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    size: str = ""
    smallest_p: float = math.nan

    def not_applicable(self) -> list[tuple[str, str, str, str]]:
        """Arms, backbone, placement and reason of what no run can fill; one line a reason."""
        barred: dict[tuple[str, str, str], list[str]] = {}
        for row in self.rows:
            if row.state == "not applicable":
                barred.setdefault((row.backbone, row.placement, row.verdict), []).append(row.arm)
        return [(", ".join(arms), *where) for where, arms in barred.items()]

    def failures(self) -> list[tuple[str, str]]:
        """Cells with the reason; those that one thing has kept from running in one line."""
        by_reason: dict[str, list[str]] = {}
        for cell, reason in self.failed:
            by_reason.setdefault(reason, []).append(cell)
        return [
            (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", reason)
            for reason, names in by_reason.items()
        ]

    @property
    def scored_rows(self) -> list[BenchmarkRow]:
        """Rows with a run."""
        return [row for row in self.rows if row.seeds]

    def sizes(self) -> str:
        """The n of every number, in one sentence."""
        kind = "synthetic " if self.synthetic else ""
        return (
            f"{self.studies} {kind}test studies of {self.patients} patients; macro AUC over the "
            f"{self.endpoint} of {self.findings} findings with at least ten positive and ten "
            f"negative patients in test{self._distinct()}; blank labels: {self.blank_policy}"
        )

    def _distinct(self) -> str:
        if "distinct" not in self.size:
            return ""
        return f" ({self.size}: those with the same labels count once)"


def write_csv(table: BenchmarkTable, path: Path) -> None:
    """``table.csv``: one row an arm, numbers unrounded, empty where there is none."""
    rows = [_record(row, table) for row in table.rows]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    files.write_text(path, frame.with_columns(pl.selectors.float().fill_nan(None)).write_csv())


def _record(row: BenchmarkRow, table: BenchmarkTable) -> dict[str, object]:
    scored = row.auc is not None
    plain: dict[str, object] = {
        "backbone": row.backbone,
        "slot": row.slot,
        "placement": row.placement,
        "arm": row.arm,
        "state": row.state,
        "seeds": row.seeds,
        "seeds_wanted": row.wanted,
        "parameters": row.parameters,
        "added_parameters": row.added,
        "added_share": row.share,
        "auc": row.auc,
        "auc_low": row.low,
        "auc_high": row.high,
        "seed_spread": row.spread,
        "converged": None if not row.seeds else not row.short,
        "rate_at_edge": row.at_edge,
    }
    for name, versus in (("minus_frozen", row.frozen), ("molre_minus", row.method)):
        plain |= {
            name: versus.value if versus else None,
            f"{name}_low": versus.low if versus else None,
            f"{name}_high": versus.high if versus else None,
            f"{name}_p": versus.alone if versus else None,
            f"{name}_p_holm": versus.p if versus else None,
            f"{name}_detectable": versus.detectable if versus else None,
        }
    plain |= {"above_0.90": row.above, "scored_findings": row.scored}
    plain |= {"seconds_per_scan": row.seconds}
    plain |= {f"auc_{name}": row.categories.get(name) for name in table.categories}
    return plain | {
        "test_studies": table.studies if scored else None,
        "test_patients": table.patients if scored else None,
        "endpoint_findings": row.endpoint,
        "blank_policy": table.blank_policy if scored else None,
        "synthetic": table.synthetic,
        "verdict": row.verdict,
    }


HEADER = (
    "Backbone", "Placement", "Arm", "Added", "Macro AUC", "95 % interval", "Seed spread",
    "− frozen (p)", "MoLRE − it (p)", "> 0.90", "s/scan", "Verdict",
)  # fmt: skip


def write_markdown(table: BenchmarkTable, path: Path) -> None:
    """``table.md``: the same for people, with what it rests on."""
    parts = [f"# Benchmark: {table.name}"]
    if table.synthetic:
        parts.append(
            "**Synthetic: made from phantom scans, not from patients. Nothing here says how a "
            "model does on people.**"
        )
    if table.scored_rows:
        parts.append(f"{table.sizes()}.")
        parts.append(_lines(HEADER, [markdown_row(row) for row in table.scored_rows]))
        parts.append(_lines(("Backbone", "Slot", "Parameters"), _backbones(table)))
        parts.append(reading(table))
        parts.append(_category_part(table))
    parts += _rest(table)
    files.write_text(path, "\n\n".join(part for part in parts if part) + "\n")


def markdown_row(row: BenchmarkRow) -> tuple[str, ...]:
    """Cells as text; those of :data:`HEADER`."""
    return (
        row.backbone,
        row.placement,
        f"{row.arm}, rate at the edge" if row.at_edge else row.arm,
        share_text(row),
        number(row.auc),
        interval(row.low, row.high),
        number(row.spread),
        versus_text(row.frozen),
        versus_text(row.method),
        NONE if not row.scored else f"{row.above}/{row.scored}",
        number(row.seconds, 2),
        row.verdict,
    )


def share_text(row: BenchmarkRow) -> str:
    """``0.41 %``, of the backbone's parameters."""
    return NONE if row.share is None else f"{100 * row.share:.2f} %"


def versus_text(versus: Versus | None) -> str:
    """``+0.012 (0.040)``, or ``+0.002 (0.610; 0.031 would be found)``."""
    if versus is None:
        return NONE
    least = f"; {versus.found_from}" if versus.found_from else ""
    return f"{number(versus.value, sign=True)} ({p_value(versus.p)}{least})"


def reading(table: BenchmarkTable) -> str:
    """How to read the columns."""
    primary, other = table.family
    budgets = "; ".join(f"{name}: {text}" for name, text in table.budget.items())
    least = NONE if math.isnan(table.smallest_p) else f"{table.smallest_p:.2g}"
    return (
        "AUC is the mean over training seeds. The interval joins the findings' score intervals, "
        f"correlated as in a patient bootstrap ({table.draws:,} draws): how far the number moves "
        "with other patients. Seed spread, largest minus smallest: how far it moves when trained "
        "again. Differences are paired by patient; their intervals and p cover other patients and, "
        "where both arms have three seeds or more, training again. p is Holm-adjusted over the "
        f"{primary} primary contrasts (MoLRE against every other arm, all backbones and placements "
        f"together), and over the {other} contrasts of other arms with frozen apart; before Holm "
        f"the smallest that the draws could give is {least}. No difference shown is not equality: "
        f"arms are taken as equal where the whole interval lies within {MARGIN:g}; would be found: "
        "the difference that this test finds 8 times in 10, at Holm's first step. A gain that a "
        "control also reaches, to within that margin, is capacity, not routing; a verdict on "
        "routing needs "
        f"{NEEDED} seeds of each arm. Every arm of a placement had the same budget; {budgets}. "
        "Seconds a scan: from HU in memory to probabilities, measured in the run."
    )


def _backbones(table: BenchmarkTable) -> list[tuple[str, str, str]]:
    return list(
        dict.fromkeys(
            (r.backbone, r.slot or NONE, f"{r.parameters:,}" if r.parameters else NONE)
            for r in table.rows
        )
    )


def _category_part(table: BenchmarkTable) -> str:
    if not table.categories:
        return ""
    header = ("Backbone", "Placement", "Arm", *(f"{c} ({n})" for c, n in table.categories.items()))
    rows = [
        (r.backbone, r.placement, r.arm, *(number(r.categories.get(c)) for c in table.categories))
        for r in table.scored_rows
    ]
    title = "## By category of finding\n\nMean AUC; in brackets the number of findings in it."
    return f"{title}\n\n{_lines(header, rows)}"


def _rest(table: BenchmarkTable) -> list[str]:
    parts = []
    if barred := table.not_applicable():
        parts += ["## Not applicable", _lines(("Arms", "Backbone", "Placement", "Why"), barred)]
    if table.failed:
        parts += ["## Failed", _lines(("Cell", "Why"), table.failures())]
    if table.missing:
        parts += ["## Not run yet", "\n".join(f"- {name}" for name in table.missing)]
    if table.notes:
        parts += ["## To know", "\n".join(f"- {note}" for note in table.notes)]
    return parts


def _lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(c) for c in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
