"""Every number of a run that can be changed, and how: one at a time, seals made anew."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import torch
import yaml
from safetensors.torch import load_file, save_file

from molre import files
from molre.audit.audit import CHECKERS, EXTERNAL, made
from molre.audit.check import FAIL, NUMBERS, Check
from molre.audit.checks.reports import NAME
from molre.audit.checks.retrain import retrained
from molre.audit.run_under_audit import RunUnderAudit
from molre.errors import MolreError
from molre.model.folder import _seal

NUMBER = re.compile(r"(?<![\w.#-])\d+(?:[.,]\d+)*(?![\w-])")


@dataclass(frozen=True)
class Place:
    """A number in a file: where, and what changes it."""

    where: str
    path: Path
    change: Callable[[], None]


def changed(value: Any) -> Any:
    """Another value of the same type, not far from it, and a probability still."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return 1 - value if value in (0, 1) else value + 1
    if 0 <= value <= 1:
        return value + 0.01 if value < 0.5 else value - 0.01
    return value * 1.05


def table(run: Path, name: str, columns: tuple[str, ...] | None = None) -> Iterator[Place]:
    """Cells of a Parquet table that hold a number."""
    path = run / name
    values = pl.read_parquet(path)
    for column in columns or [c for c in values.columns if values[c].dtype.is_numeric()]:
        for row in range(values.height):
            if values[column][row] is not None:
                yield Place(
                    f"{name} {column} row {row}",
                    path,
                    lambda column=column, row=row: set_cell(path, column, row),
                )


def set_cell(path: Path, column: str, row: int) -> None:
    """Change a cell of a table."""
    values = pl.read_parquet(path)
    cells, kind = values[column].to_list(), values[column].dtype
    cell = cells[row]
    cells[row] = [changed(cell[0]), *cell[1:]] if isinstance(cell, list) else changed(cell)
    values.with_columns(pl.Series(column, cells, dtype=kind)).write_parquet(path)


def leaves(run: Path, name: str, only: tuple[str, ...] = ()) -> Iterator[Place]:
    """Numbers of a JSON or YAML file, under all of its keys or some."""
    path = run / name
    for keys in _paths(_load(path)):
        if not only or keys[0] in only:
            where = f"{name} {'.'.join(map(str, keys))}"
            yield Place(where, path, lambda keys=keys: _set_leaf(path, keys))


def _load(path: Path) -> Any:
    text = path.read_text()
    return yaml.safe_load(text) if path.suffix == ".yaml" else json.loads(text)


def _paths(values: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(values, dict):
        items = values.items()
    elif isinstance(values, list):
        items = enumerate(values)
    elif isinstance(values, bool | int | float):
        yield above
    for key, value in items:
        yield from _paths(value, (*above, key))


def _set_leaf(path: Path, keys: tuple[Any, ...]) -> None:
    values = _load(path)
    inner = values
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = changed(inner[keys[-1]])
    if path.suffix == ".yaml":
        path.write_text(yaml.safe_dump(values, sort_keys=False))
    else:
        path.write_text(json.dumps(values, indent=2) + "\n")


def printed(run: Path, name: str) -> Iterator[Place]:
    """Numbers that a page or a card shows, charts included; its style and versions are left out."""
    path = run / name
    text = path.read_text()
    body = re.sub(
        r"<style>.*?</style>|<footer>.*?</footer>", lambda m: " " * len(m[0]), text, flags=re.S
    )
    for match in NUMBER.finditer(body):
        if any(digit != "0" for digit in match[0] if digit.isdigit()):
            span = match.span()
            yield Place(f"{name} at {span[0]}", path, lambda span=span: _set_text(path, span))


def _set_text(path: Path, span: tuple[int, int]) -> None:
    text = path.read_text()
    old = text[slice(*span)]
    new = old[:-1] + str((int(old[-1]) + 1) % 10)
    path.write_text(text[: span[0]] + new + text[span[1] :])


def weights(run: Path, prefix: str) -> Iterator[Place]:
    """Numbers of the model's tensors, up to 16 of each; none that only reads a dead feature."""
    path = run / "model" / "model.safetensors"
    tensors = load_file(path)
    live = tensors["self_test.embedding"].std(0) > 1e-2
    for name, tensor in tensors.items():
        if name.startswith(prefix):
            counted = torch.arange(tensor.numel())
            if tensor.shape[-1:] == live.shape:
                counted = counted.view(-1, len(live))[:, live].flatten()
            for i in counted[:: max(1, len(counted) // 16)].tolist():
                # one of many weights that add up: by less, and no logit moves by the tolerance
                change = lambda name=name, i=i: set_tensor(path, name, i, 3.0)  # noqa: E731
                yield Place(f"model.safetensors {name}, number {i}", path, change)


def set_tensor(path: Path, name: str, place: int, by: float = 0.1) -> None:
    """Change a number of a tensor."""
    tensors = load_file(path)
    flat = tensors[name].reshape(-1)
    flat[place] = float(flat[place]) * 1.5 + by
    save_file(tensors, path)


def reseal(run: Path) -> None:
    """The model's checksums, as who tampers would make them anew."""
    folder = run / "model"
    if not (folder / "checksums.json").is_file():  # an external evaluation has none
        return
    seal = json.loads((folder / "checksums.json").read_text())
    sums = {name: files.sha256(folder / name) for name in seal["files"]}
    (folder / "checksums.json").write_text(_seal(sums, seal["format_version"]))


def failures(run: Path, retrain: bool = False) -> Iterator[Check]:
    """Failed checks of all but the evaluation, which comes last."""
    opened = RunUnderAudit(run)
    yield from (check for check in opened.whole() if check.outcome == FAIL)
    asked = EXTERNAL if opened.external else CHECKERS
    for group, name, checker in sorted(asked, key=lambda one: one[1] == NAME):
        rows = made(group, name, partial(checker, opened))
        yield from (check for check in rows if check.outcome == FAIL)
    if retrain:
        yield from trained_again(run)


def trained_again(run: Path) -> Iterator[Check]:
    opened = RunUnderAudit(run)
    list(opened.whole())
    rows = made(NUMBERS, "trained again", partial(retrained, opened))
    yield from (check for check in rows if check.outcome == FAIL)


def first_failure(
    run: Path, place: Place, look: Callable[[Path], Iterator[Check]] = failures
) -> Check | None:
    """What an audit finds after one number was changed; the run is as it was afterwards."""
    touched = {place.path, run / "model" / "checksums.json"}
    touched = {path for path in touched if path.is_file()}
    before = {path: path.read_bytes() for path in touched}
    try:
        place.change()
        assert place.path.read_bytes() != before[place.path]
        reseal(run)
        return next((check for check in look(run) if check.outcome == FAIL), None)
    except MolreError as error:  # no run any more, or one of a newer format
        return Check("files", "opening", FAIL, str(error))
    finally:
        for path, content in before.items():
            path.write_bytes(content)
