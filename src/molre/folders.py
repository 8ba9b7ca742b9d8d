"""Folders to write to: new, empty, or of the kind that the same verb wrote before.

Each kind is recognized by names that only it has, at the top of the folder. A folder with other
things, or with another kind of output, is refused before anything is computed.
"""

from __future__ import annotations

import os
from pathlib import Path

from molre.errors import MolreError

# What it is called, and its signs: a name or pattern; "NAME#word" is a file with a line that
# begins with the word (tables of rejects as they once began among them). The first sign that is
# there tells what a foreign folder is.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cohort": ("a cohort", ("cohort.json",)),
    "model": ("a model", ("checksums.json",)),
    "benchmark": ("a benchmark", ("cells", "state/look-*.json", "config.yaml#backbones:")),
    "demo": ("a demo", ("phantoms/phantom.json",)),
    "phantoms": ("phantoms", ("phantom.json",)),
    "run": ("a run", ("config.yaml#arm:", "checkpoint-*.safetensors")),
    "external": ("an external evaluation", ('manifest.json#  "external"', "predictions.parquet")),
    "predictions": (
        "predictions",
        ("predictions.csv", "*/prediction.json", "rejects.csv#file,reason,remedy"),
    ),
    "control": ("a routing control", ("control.csv", "fits/*-conflict-*.json")),
    "comparison": ("a comparison", ("contrasts.csv",)),
    "consistency": ("a consistency check", ("consistency.csv", "rejects.csv#study,reason")),
    "audit": ("an audit", ("audit.json",)),
    "label-audit": ("an audit of labels", ("agreement.json", "agreement.csv")),
}
# kinds that may leave nothing but a table of rejects, and how it begins
REJECTING = ("predictions", "consistency", "external")
REJECTS = "file,study,reason,remedy"
# signs of other kinds that may be there as well: what this kind holds, or was put beside it
_WITHIN = {
    "demo": {"comparison"},
    "run": {"audit", "external"},  # every run has a predictions.parquet
    "external": {"audit"},
    "benchmark": {"audit"},
    "audit": {"run", "external", "benchmark"},
}


def claim(folder: Path, kind: str) -> None:
    """Refuse a folder that this kind of output does not belong in; nothing is made or changed.

    Hidden files are overlooked.

    Args:
        folder: as the user gave it; it need not exist.
        kind: a key of :data:`KINDS`.

    Raises:
        MolreError: it is a file, cannot be written, or holds something else.
    """
    check_place(folder)
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    names = [name for name in names if not name.startswith(".")]
    if not names or all(_is_abandoned(folder / name, kind) for name in names):
        return
    others = [what for other, (what, _) in KINDS.items() if other != kind and _is(folder, other)]
    within = {KINDS[other][0] for other in _WITHIN.get(kind, ())}
    if _is(folder, kind) and not set(others) - within:
        return
    found = others[0] if others else _some(names)
    fix = "name a new or empty folder"
    raise MolreError(f"holds {found}, not {KINDS[kind][0]}", where=folder, fix=fix)


def claim_file(path: Path, begins: str) -> None:
    """Refuse a file that somebody else wrote: a scan or a label table is soon named by mistake.

    Args:
        path: of a table that will be written; what the same verb wrote before is replaced.
        begins: the first line of all such tables.

    Raises:
        MolreError: it is a folder, cannot be written, or holds something else.
    """
    if path.is_dir():
        raise MolreError("is a folder", where=path, fix="name a file")
    check_place(path.absolute().parent)
    if path.exists() and not (path.is_file() and _is_empty_or_begins(path, begins)):
        raise MolreError(
            "already exists and holds something else", where=path, fix="name a new file"
        )


def check_new(path: Path, *, overwrite: bool = False) -> None:
    """Refuse a file that is there already, a folder, and a place that cannot be written to.

    Raises:
        MolreError: one of these.
    """
    if path.is_dir():
        raise MolreError("is a folder", where=path, fix="name a file")
    check_place(path.absolute().parent)
    refuse_existing(path, overwrite=overwrite)


def refuse_existing(path: Path, *, overwrite: bool) -> None:
    """Refuse what is there already, unless it may be replaced.

    Raises:
        MolreError: it is there.
    """
    if path.exists() and not overwrite:
        raise MolreError("already exists", where=path, fix="add --overwrite to replace it")


def _is_empty_or_begins(path: Path, begins: str) -> bool:
    with open(path, "rb") as handle:
        head = handle.read(len(begins.encode()) + 1)
    return head in (b"", begins.encode() + b"\n")


def check_place(folder: Path) -> None:
    """Refuse a folder that cannot be written to, by the nearest one above it that is there.

    Raises:
        MolreError: a file is in the way, or the user or the system may not write there.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        what = "is a file, not a folder" if place == folder else f"{place} is a file, not a folder"
        raise MolreError(what, where=folder, fix="name another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise MolreError(
            f"nothing can be written to {place} (permission, or a read-only file system)",
            where=folder,
            fix="name another folder",
        )


def claim_map(map_file: Path, folder: Path, what: str, begins: str) -> None:
    """Refuse a map of patients inside a folder that is made to be passed on, whatever links say.

    Args:
        map_file: to be written; it need not exist.
        folder: that it may not lie in.
        what: what the folder holds, e.g. ``"the predictions"``.
        begins: the first line of all such maps.

    Raises:
        MolreError: it would lie there, or no file can be written there, or it holds something else.
    """
    inside, above = Path(os.path.realpath(map_file)), Path(os.path.realpath(folder))
    if inside.is_relative_to(above):
        raise MolreError(
            f"a map of patients does not belong among {what}, which hold no identifiers",
            where=map_file,
            fix=f"name a file outside of {folder}",
        )
    claim_file(map_file, begins)
    if above.is_relative_to(inside):
        raise MolreError(f"{folder} would be inside it", where=map_file, fix="name another file")


def _is(folder: Path, kind: str) -> bool:
    return any(_is_there(folder, sign) for sign in KINDS[kind][1])


def _is_there(folder: Path, sign: str) -> bool:
    pattern, _, word = sign.partition("#")
    found = next(folder.glob(pattern), None)
    if found is None or not word:
        return found is not None
    try:
        text = found.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return any(line.startswith(word) for line in text.splitlines())


def _is_abandoned(place: Path, kind: str) -> bool:
    """What a verb leaves that came to nothing: its rejects, or a study's folder of `predict`."""
    if place.name == "rejects.csv":
        return kind in REJECTING and place.is_file() and _is_empty_or_begins(place, REJECTS)
    hexadecimal = len(place.name) == 16 and not place.name.strip("0123456789abcdef")
    return kind == "predictions" and hexadecimal and place.is_dir() and not any(place.iterdir())


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
