"""Charts of a run's further sections: decision curves, and risk against the share kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from molre.output.charts import BLUE, GREEN, GRID, INK, MUTED, ORANGE, SKY, canvas, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS = 3  # panels in a row


def decision_curves(table: pl.DataFrame, names: Mapping[str, str], shown: Sequence[str]) -> str:
    """Net benefit of the model, of treating all and of treating none, a panel a finding.

    Args:
        table: decision_curve.parquet.
        names: of findings.
        shown: ids of the findings drawn.
    """
    figure, panels = _grid(len(shown))
    for axes, finding in zip(panels, shown, strict=False):
        rows = table.filter(pl.col("finding") == finding)
        at, model = rows["threshold"], rows["net_benefit"]
        prevalence = rows["positives"][0] / rows["n"][0]
        axes.fill_between(
            at, rows["net_benefit_low"], rows["net_benefit_high"], color=SKY, alpha=0.3, lw=0
        )
        axes.plot(at, rows["treat_all"], color=ORANGE, linewidth=1.4, linestyle=(0, (5, 2)))
        axes.axhline(0, color=MUTED, linewidth=1)
        axes.plot(at, model, color=BLUE, linewidth=1.8)
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.35 * prevalence, 1.15 * prevalence)
        title = f"{names[finding]} ({rows['positives'][0]}/{rows['n'][0]})"
        axes.set_title(title if len(title) < 42 else title[:39] + "...", fontsize=9, loc="left")
        axes.set_xlabel("threshold probability")
        axes.grid(color=GRID, linewidth=0.8)
    figure.supylabel("net benefit", fontsize=10)
    return svg(figure, "decision curves: net benefit by threshold of the model, of all and of none")


def risk_coverage(table: pl.DataFrame) -> str:
    """Share of wrong calls, and AUC where it is there, against the share kept.

    Args:
        table: abstention.parquet.
    """
    measures = table["measure"].unique(maintain_order=True).to_list()
    ranked = table.filter(pl.col("auc").is_not_null()) if "auc" in table.columns else table.clear()
    panels = 1 + (not ranked.is_empty())
    figure, drawn = canvas(4.4 * panels, 3.2, panels=panels)
    first = drawn[0] if panels > 1 else drawn
    for color, measure in zip((BLUE, GREEN), measures, strict=False):
        rows = table.filter(pl.col("measure") == measure)
        first.plot(rows["share_kept"], rows["wrong"], color=color, linewidth=1.8, label=measure)
        first.axhline(rows["aurc_random"][0], color=color, linewidth=1, linestyle=(0, (4, 3)))
    first.set(xlim=(1, 0), xlabel="share kept", ylabel="wrong calls among those kept")
    first.set_ylim(bottom=0)
    first.grid(color=GRID, linewidth=0.8)
    first.legend(frameon=False, fontsize=8, labelcolor=INK)
    if panels > 1:
        drawn[1].plot(ranked["share_kept"], ranked["auc"], color=BLUE, linewidth=1.8)
        what = f"macro AUC of {ranked['auc_findings'][0]} findings"
        drawn[1].set(xlim=(1, 0), xlabel="share of studies kept", ylabel=what)
        drawn[1].grid(color=GRID, linewidth=0.8)
    return svg(figure, "wrong calls and AUC against the share of studies or answers that is kept")


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    rows = -(-count // ACROSS)
    across = min(count, ACROSS)
    figure, axes = canvas(3.1 * across, 2.5 * rows, panels=across, rows=rows)
    flat = list(getattr(axes, "flat", [axes]))
    for spare in flat[count:]:
        spare.set_visible(False)
    return figure, flat[:count]
