"""Participant flow as a drawing: SVG of boxes and arrows, no numbers but the run's."""

from __future__ import annotations

from html import escape

from molre.audit.flow import RunFlow

_WIDTH, _LINE, _PAD, _GAP = 860, 18, 10, 30
_MAIN, _SIDE = (20, 400), (500, 340)  # left edge and width of the two columns


def flow_chart(flow: RunFlow) -> str:
    """Draw a flow; colours follow the text's, so that it can be read in the dark."""
    pieces: list[str] = []
    bottom = 10.0
    for lines, beside in _steps(flow):
        top = bottom
        ends = _box(pieces, *_MAIN, top, lines)
        side = _box(pieces, *_SIDE, top, beside)
        level, center = top + _PAD + _LINE / 2, _MAIN[0] + _MAIN[1] / 2
        _arrow(pieces, _MAIN[0] + _MAIN[1], level, _SIDE[0], level)
        bottom = max(ends, side) + _GAP
        _arrow(pieces, center, ends, center, bottom)
    lowest = _splits(pieces, flow, bottom)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {lowest + 10:.0f}" role="img" '
        'aria-label="participant flow" font-size="13.5" fill="none" stroke="currentColor">'
        + "".join(pieces)
        + "</svg>"
    )


def _steps(flow: RunFlow) -> list[tuple[list[str], list[str]]]:
    reasons = sorted(flow.refused["reasons"].items(), key=lambda item: (-item[1], item[0]))
    refused = [f"Refused: {flow.refused['rows']:,} files or series,"]
    refused.append(f"{flow.refused['studies']:,} studies lost by it")
    refused += [f"{n} × {_short(reason)}" for reason, n in reasons[:5]]
    if len(reasons) > 5:
        refused.append(f"and {len(reasons) - 5} more reasons, in rejects.csv")
    without = flow.readable["studies"] - flow.labelled["studies"]
    return [
        ([f"Eligible series: {flow.series:,}"], refused),
        (
            ["Read, one series a study:", _people(flow.readable)],
            [f"Not chosen: {flow.series - flow.readable['studies']:,} series, kept aside"],
        ),
        (["With a split:", _people(flow.split)], [f"Without any label: {without:,} studies"]),
        (
            ["Embedded:", _people(flow.embedded)],
            [f"Not embedded: {flow.split['studies'] - flow.embedded['studies']:,} studies"],
        ),
    ]


def _splits(pieces: list[str], flow: RunFlow, top: float) -> float:
    width, lowest = (_WIDTH - 100) / 4, top
    for i, (name, counts) in enumerate(flow.splits.items()):
        lines = [name, f"{counts['studies']:,} studies", f"{counts['patients']:,} patients"]
        if name == "test":
            lines += [
                f"scored: {flow.test['studies']:,} studies",
                f"{flow.test['scored']} of {flow.test['findings']} findings",
            ]
        left = 20 + i * (width + 20)
        lowest = max(lowest, _box(pieces, left, width, top + _GAP, lines))
        _arrow(pieces, left + width / 2, top, left + width / 2, top + _GAP)
    pieces.append(
        f'<path d="M{20 + width / 2:.1f} {top:.1f}H{20 + 3 * (width + 20) + width / 2:.1f}"/>'
    )
    return lowest


def _box(pieces: list[str], left: float, width: float, top: float, lines: list[str]) -> float:
    height = 2 * _PAD + _LINE * len(lines)
    pieces.append(
        f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height}" rx="6"/>'
    )
    for i, line in enumerate(lines):
        weight = ' font-weight="600"' if i == 0 else ""
        y = top + _PAD + _LINE * (i + 0.75)
        pieces.append(
            f'<text x="{left + _PAD:.1f}" y="{y:.1f}" fill="currentColor" stroke="none"{weight}>'
            f"{escape(line)}</text>"
        )
    return top + height


def _arrow(pieces: list[str], x: float, y: float, to_x: float, to_y: float) -> None:
    head = (
        f"M{to_x - 4:.1f} {to_y - 7:.1f}L{to_x:.1f} {to_y:.1f}L{to_x + 4:.1f} {to_y - 7:.1f}"
        if to_y > y
        else f"M{to_x - 7:.1f} {to_y - 4:.1f}L{to_x:.1f} {to_y:.1f}L{to_x - 7:.1f} {to_y + 4:.1f}"
    )
    pieces.append(f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}{head}"/>')


def _people(counts: dict[str, int]) -> str:
    return f"{counts['studies']:,} studies of {counts['patients']:,} patients"


def _short(text: str) -> str:
    return text if len(text) <= 44 else text[:41] + "..."
