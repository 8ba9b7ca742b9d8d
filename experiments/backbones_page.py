"""Writes docs/reference/backbones.md from the catalogue: python experiments/backbones_page.py

tests/backbones/test_listing.py fails if the page is not what this writes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from molre.backbones.listing import availability, in_millions, rows, verified

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "backbones.md"

HEAD = """# Backbones

<!-- written by experiments/backbones_page.py; edit the catalogue, not this page -->

Every backbone that `--backbone` takes by name, and the two open doors. `molre list backbones --json`
prints the same. [Another backbone](../how-to/backbones.md) says how to use one,
[bring a new backbone](../how-to/new-backbone.md) how to add one.

Parameters are counted on the network that molre builds from the published configuration. They are
of the part that is used: a vision tower without its language model, an encoder without its decoder.
*Verified* means that loading code and pixels follow what the publisher has documented. It does not
mean that the published weights were tried: no hub was within reach while molre was built, so the
loading code is tested on small checkpoints in each publisher's layout. A backbone that is not
verified is refused without `--unverified`.
"""

COLUMNS = ["backbone", "slot", "parameters", "input", "embedding", "license", "weights", "verified"]


def page() -> str:
    """The page's text."""
    listed = rows()
    return "\n".join([HEAD, *_table(listed), *(line for row in listed for line in _section(row))])


def _table(listed: list[dict[str, Any]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "| --- " * len(COLUMNS) + "|"
    for row in listed:
        cells = [
            f"`{row['backbone']}`",
            row["slot"],
            in_millions(row["parameters"]),
            row["input"].replace(" x ", " × "),
            str(row["embedding"] or "its own"),
            row["license"],
            availability(row),
            verified(row),
        ]
        yield f"| {' | '.join(cells)} |"


def _section(row: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {row['backbone']}\n"
    if row["hub_id"]:
        yield f"- Weights: [{row['hub_id']}](https://huggingface.co/{row['hub_id']}), {_pins(row)}."
    if row["gate"]:
        yield f"- Terms to accept: {row['gate']}"
    if row["files"]:
        yield f"- Files: {', '.join(f'`{name}`' for name in row['files'])}"
    if row["conversion"]:
        yield f"- To do once: {row['conversion']}."
    yield f"- License: {row['license']}. Models made from it: {row['derivatives']}."
    yield f"- Pretraining: {row['pretraining']}."
    yield f"- Pixels: {row['contract_source']}."
    if row["verified"] is False:
        yield f"- Not verified: {row['unverified']}."
    if row["remote_code"]:
        yield "- Runs code that comes with its weights, and only with `--trust-remote-code`."


def _pins(row: dict[str, Any]) -> str:
    revision = f"revision `{row['revision']}`" if row["revision"] else "revision not pinned"
    hashes = ", ".join(f"`{name}` SHA-256 `{value}`" for name, value in row["sha256"].items())
    return f"{revision}; {hashes or 'hashes not pinned'}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
