"""How a page shows experts that are too many to show one by one.

Up to :data:`MANY` experts each has a bar, a column or a number of its own. Beyond, charts show
their pattern and a sentence names those that stand out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molre.output.charts import BLUE, GRID, INK, RED, canvas, svg
from molre.output.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

MANY = 12  # the most that are shown one by one
NAMED = 5  # of many, those used most
WIDTH, CELL = 4.6, 0.1  # inches: of all columns of a map at least, and of one


def are_many(experts: int) -> bool:
    """Whether they are shown as a pattern."""
    return experts > MANY


def digits(experts: int) -> int:
    """Decimals of a gate and of gate entropy: an even share of 48 experts is 0.021."""
    return 3 if are_many(experts) else 2


def load_words(load: Sequence[float]) -> str:
    """The experts that are used most and least, and what an even share would be.

    Args:
        load: mean gate of each expert.
    """
    order = np.argsort(-np.asarray(load), kind="stable")
    first = ", ".join(f"expert {e + 1} ({number(load[e])})" for e in order[:NAMED])
    rest = len(load) - NAMED
    together = float(sum(load[e] for e in order[NAMED:]))
    return (
        f"Used most: {first}. The other {rest} share {number(together)}; the least used, expert "
        f"{order[-1] + 1}, has {number(load[order[-1]])}. An even share is {number(1 / len(load))}."
    )


def load_strip(load: Sequence[float]) -> str:
    """One narrow bar an expert, in their order, with a dashed line at an even share.

    Args:
        load: mean gate of each expert.
    """
    figure, axes = canvas(7.6, 2.1)
    axes.bar(range(len(load)), load, color=BLUE, width=0.72)
    axes.axhline(1 / len(load), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlim(-0.6, len(load) - 0.4)
    axes.set_ylim(0, 1.1 * max([*load, 1 / len(load)]))
    axes.set_ylabel("mean gate")
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    _number_experts(axes, len(load))
    return svg(figure, f"mean gate of each of {len(load)} experts")


def association_map(
    values: FloatArray, rows: Sequence[str], *, label: str, dotted: NDArray[np.bool_]
) -> str:
    """Signed values as colored cells without numbers, some of them with a dot.

    Args:
        values: (R, E).
        rows: names.
        label: of the color bar.
        dotted: (R, E) those to point out.
    """
    from matplotlib.colors import LinearSegmentedColormap

    experts = values.shape[1]
    width, height = min(max(WIDTH, CELL * experts), 7.0), max(1.6, 0.27 * len(rows))
    figure, axes = canvas(3.4 + width, 0.7 + height)
    limit = max(float(np.abs(values).max(initial=0)), 1.0)
    colors = LinearSegmentedColormap.from_list("signed", [RED, "#ffffff", BLUE])
    image = axes.pcolormesh(values, cmap=colors, vmin=-limit, vmax=limit)
    row, expert = np.nonzero(dotted)
    dot = {"marker": "o", "s": 13, "color": INK, "edgecolors": "white", "linewidths": 0.6}
    axes.scatter(expert + 0.5, row + 0.5, **dot)
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    _number_experts(axes, experts, middle=0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, pad=0.02, fraction=0.04)
    bar.set_label(label)
    bar.outline.set_visible(False)
    return svg(figure, label)


def gate_strip(gates: Sequence[float]) -> str:
    """Mean gates of one scan as a strip of bars the width of its column; the line is an even share.

    Args:
        gates: of each expert, in their order.
    """
    peak, even = max([*gates, 1 / len(gates)]), 1 / len(gates)
    bars = "".join(
        f'<rect x="{4 * i}" y="{30 * (1 - g / peak):.1f}" width="3" height="{30 * g / peak:.1f}"/>'
        for i, g in enumerate(gates)
    )
    y = f"{30 * (1 - even / peak):.1f}"
    line = f'<line x1="0" x2="{4 * len(gates)}" y1="{y}" y2="{y}"/>'
    return (
        f'<svg class="bars gates" role="img" '
        f'aria-label="mean gate of each of {len(gates)} experts" '
        f'viewBox="0 0 {4 * len(gates)} 30" preserveAspectRatio="none">{bars}{line}</svg>'
    )


def _number_experts(axes: Axes, experts: int, middle: float = 0.0) -> None:
    """The first expert and every so many after it, so that numbers stay apart."""
    step = next(s for s in (4, 8, 20, 50, 100, 200) if experts <= 8 * s)
    numbered = [1, *range(int(step), experts + 1, int(step))]
    axes.set_xticks([n - 1 + middle for n in numbered], [str(n) for n in numbered])
    axes.set_xlabel("expert")
