"""Charts as inline SVG: same data, same bytes; colors that color-blind readers tell apart."""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from molre.arms.arms import ARMS, METHOD

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]

COLORS = {  # Okabe and Ito's palette, the yellow left out and the orange darkened for white paper
    "ink": "#1b2733",
    "gray": "#5b6875",
    "blue": "#0072b2",
    "orange": "#d98c00",
    "red": "#d55e00",
    "green": "#009e73",
    "pink": "#cc79a7",
    "sky": "#56b4e9",
}
INK, MUTED, BLUE, ORANGE, RED, GREEN, PINK, SKY = COLORS.values()
GRID = "#e1e6eb"
_SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "D"), (PINK, "^"), (SKY, "v"), (RED, "P"))
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "molre",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.labelcolor": INK,
}


@dataclass(frozen=True)
class Series:
    """One mark a row of a forest plot.

    Attributes:
        name: legend entry, e.g. an arm.
        points: (value, low, high) a row; None leaves the row empty.
    """

    name: str
    points: Sequence[tuple[float, float, float] | None]


def forest(
    rows: Sequence[str],
    series: Sequence[Series],
    *,
    label: str,
    reference: float = 0.5,
    empty: str = "",
    lowest: float | None = 0.0,
) -> str:
    """Forest plot: a row a finding, in it a mark with its interval for each series.

    Args:
        rows: names, top to bottom.
        series: marks; all rows each.
        label: of the x axis.
        reference: where a vertical line says "nothing": 0.5 for AUC, 0 for a difference.
        empty: text in a row without any mark.
        lowest: smallest x ever shown; None for no floor and no ceiling of 1.
    """
    spacing = 0.2 + 0.12 * len(series)
    legend = len(series) > 1
    figure, axes = canvas(7.6, 0.75 + spacing * len(rows) + (0.4 if legend else 0))
    offsets = np.linspace(-0.32, 0.32, len(series)) if legend else np.zeros(1)
    for i, one in enumerate(series):
        color, marker = _look(one.name, i)
        _marks(axes, one, offsets[i], color, marker)
    for row in range(len(rows)):
        if all(one.points[row] is None for one in series):
            axes.text(
                0.99,
                row,
                empty,
                color=MUTED,
                ha="right",
                va="center",
                transform=axes.get_yaxis_transform(),
            )
    axes.axvline(reference, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for row in range(len(rows) - 1):
        axes.axhline(row + 0.5, color=GRID, linewidth=0.8, zorder=0)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(*_limits(series, reference, lowest))
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_xlabel(label)
    axes.spines["left"].set_visible(False)
    if legend:
        figure.legend(
            loc="outside upper center",
            ncols=min(len(series), 5),
            frameon=False,
            handletextpad=0.3,
            columnspacing=1.3,
        )
    return svg(figure, f"{label} by row: " + ", ".join(one.name for one in series))


def reliability_plot(bins: Sequence[tuple[float, float, float, float, int]], *, label: str) -> str:
    """Observed share against predicted probability, one point a bin.

    Args:
        bins: (predicted, observed, low, high, n).
        label: what the predictions shown are, for readers who cannot see it.
    """
    figure, axes = canvas(4.4, 4.2)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    predicted, observed, low, high, _ = (np.array(column) for column in zip(*bins, strict=True))
    axes.errorbar(
        predicted,
        observed,
        yerr=_arms_of(observed, low, high),
        fmt="o-",
        color=BLUE,
        ecolor=SKY,
        linewidth=1.4,
        elinewidth=1.6,
        markersize=5.5,
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("predicted probability (mean of the bin)")
    axes.set_ylabel("share with the finding")
    axes.grid(color=GRID, linewidth=0.8)
    return svg(figure, label)


def training_curve(
    epochs: FloatArray, loss: FloatArray, tune_auc: FloatArray, entropy: FloatArray | None
) -> str:
    """Training loss, macro AUC on tune and gate entropy, in panels of one width.

    Args:
        epochs: (T,).
        loss: (T,) training loss.
        tune_auc: (T,) macro AUC on the tune split; its best epoch is marked.
        entropy: (T,) share of the maximum, or None where nothing is routed.
    """
    panels: list[tuple[str, FloatArray, str]] = [
        ("training loss", loss, ORANGE),
        ("macro AUC, tune split", tune_auc, BLUE),
    ]
    if entropy is not None and not np.isnan(entropy).all():
        panels.append(("gate entropy / maximum", entropy, GREEN))
    figure, all_axes = canvas(3.0 * len(panels), 2.7, panels=len(panels))
    for axes, (title, values, color) in zip(all_axes, panels, strict=True):
        axes.plot(epochs, values, color=color, linewidth=1.8)
        axes.set_title(title, fontsize=10, loc="left")
        axes.set_xlabel("epoch")
        axes.grid(color=GRID, linewidth=0.8)
        axes.margins(x=0.03, y=0.12)
        axes.locator_params(axis="x", integer=True)
    if not np.isnan(tune_auc).all():
        best = int(np.nanargmax(tune_auc))
        all_axes[1].plot(epochs[best], tune_auc[best], "o", color=BLUE, markersize=6)
    return svg(figure, "training curve: " + ", ".join(title for title, _, _ in panels))


def heatmap(
    values: FloatArray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    label: str,
    across: str,
    framed: NDArray[np.bool_],
) -> str:
    """Signed values as colored cells, some of them bold and framed.

    Args:
        values: (R, C).
        rows: names.
        columns: names.
        label: of the color bar.
        across: what the columns are.
        framed: (R, C) those to point out.
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    figure, axes = canvas(3.6 + 0.72 * len(columns), 1.1 + 0.34 * len(rows))
    limit = max(float(np.abs(values).max(initial=0)), 1.0)
    colors = LinearSegmentedColormap.from_list("signed", [RED, "#ffffff", BLUE])
    image = axes.imshow(values, cmap=colors, vmin=-limit, vmax=limit, aspect="auto")
    for (r, c), value in np.ndenumerate(values):
        axes.text(
            c,
            r,
            f"{value:+.1f}",
            ha="center",
            va="center",
            fontsize=9,
            color="white" if abs(value) > 0.62 * limit else INK,
            fontweight="bold" if framed[r, c] else "normal",
        )
        if framed[r, c]:
            frame = Rectangle((c - 0.47, r - 0.45), 0.94, 0.9, fill=False, edgecolor=INK)
            axes.add_patch(frame)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_xlabel(across)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.04)
    bar.set_label(label)
    bar.outline.set_visible(False)
    return svg(figure, label)


def bars(
    names: Sequence[str],
    values: Sequence[float],
    *,
    label: str,
    limit: float | None = 1.0,
    reference: float | None = None,
    decimals: int = 2,
) -> str:
    """Horizontal bars with their values, e.g. gate entropy by arm or load by expert.

    Args:
        names: top to bottom.
        values: one a name.
        label: of the x axis.
        limit: end of the axis; None for what the values need.
        reference: a dashed line.
        decimals: of the values.
    """
    figure, axes = canvas(6.4, 0.75 + 0.34 * len(names))
    colors = [_of_arm(name, (BLUE, "o"))[0] for name in names]
    axes.barh(range(len(names)), values, color=colors, height=0.62)
    end = limit if limit is not None else 1.18 * max([*values, reference or 0.0])
    for row, value in enumerate(values):
        inside = value > 0.25 * end
        axes.annotate(
            f"{value:.{decimals}f}",
            (value, row),
            xytext=(-5 if inside else 5, 0),
            va="center",
            textcoords="offset points",
            ha="right" if inside else "left",
            color="white" if inside and colors[row] in (BLUE, MUTED) else INK,
        )
    if reference is not None:
        axes.axvline(reference, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, end)
    axes.set_xlabel(label)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    return svg(figure, label)


def attention_bars(weights: Sequence[float], key: int | None = None) -> str:
    """Attention over slices, skull base to vertex, as a strip of bars the width of its column.

    Args:
        weights: one a slice.
        key: position of the key slice, drawn in another color.
    """
    peak = max(weights, default=0) or 1
    parts = [
        f'<rect x="{4 * i}" y="{30 * (1 - w / peak):.1f}" width="3" height="{30 * w / peak:.1f}" '
        f'fill="{RED if i == key else BLUE}"/>'
        for i, w in enumerate(weights)
    ]
    return (
        f'<svg class="attention" role="img" aria-label="attention over slices" '
        f'viewBox="0 0 {4 * len(weights)} 30" preserveAspectRatio="none">{"".join(parts)}</svg>'
    )


def canvas(width: float, height: float, panels: int = 1, rows: int = 1) -> tuple[Figure, Any]:
    """A figure in inches with its axes, without pyplot: no global state, safe in any process."""
    import matplotlib
    from matplotlib.figure import Figure as NewFigure

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        figure = NewFigure(figsize=(width, height), layout="constrained")
        axes = figure.subplots(rows, panels)
    return figure, axes


def svg(figure: Figure, label: str) -> str:
    """The figure as inline SVG: the same figure, the same bytes, and ids of its own."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
            patch.set(facecolor="none", edgecolor="none")  # the page shows through
        # not savefig, which draws everything twice for the sake of the layout
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]  # the page has its own prolog
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    used = re.findall(r'(?:href="|url\()#([\w.-]+)', text)
    # matplotlib numbers its groups: in a page of several charts those ids would clash.
    text = re.sub(r' id="([\w.-]+)"', lambda m: m[0] if m[1] in used else "", text)
    # Equal ticks have equal ids in every chart: a name of its own for each chart keeps them apart.
    own = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>c{own}-", text)
    text = re.sub(r">\s*\n\s*<", ">\n<", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(label)}" ', 1)


def _look(name: str, position: int) -> tuple[str, str]:
    return _of_arm(name, _SERIES[position % len(_SERIES)])


def _of_arm(name: str, otherwise: tuple[str, str]) -> tuple[str, str]:
    """Color and marker of an arm, which may have its group behind its name."""
    arm = ARMS.get(name.split(" ")[0])
    if arm is None or arm.color is None:
        return otherwise
    return COLORS.get(arm.color, arm.color), arm.marker


def _marks(axes: Axes, series: Series, offset: float, color: str, marker: str) -> None:
    rows = [i for i, point in enumerate(series.points) if point is not None]
    if not rows:
        return
    value, low, high = np.array([series.points[i] for i in rows], dtype=np.float64).T
    axes.errorbar(
        value,
        np.array(rows) + offset,
        xerr=_arms_of(value, low, high),
        fmt=marker,
        color=color,
        elinewidth=1.6,
        markersize=6 if series.name == METHOD else 5.5,
        markerfacecolor=color,
        label=series.name,
    )


def _arms_of(value: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Lengths of the interval to both sides; none where there is no interval."""
    return np.nan_to_num(np.maximum(np.stack([value - low, high - value]), 0.0))


def _limits(
    series: Sequence[Series], reference: float, lowest: float | None
) -> tuple[float, float]:
    numbers = [x for one in series for point in one.points if point is not None for x in point]
    finite = [x for x in numbers if np.isfinite(x)] + [reference]
    low, high = min(finite), max(finite)
    margin = 0.04 * max(high - low, 0.1)
    if lowest is None:
        return low - margin, high + margin
    return max(low - margin, lowest - 0.01), 1.01
