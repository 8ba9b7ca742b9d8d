"""Settings that a person wrote: a YAML file, or the value of ``--set key=value``.

A YAML parser accepts more than is meant and fails on more than its own errors cover: of a key
that is listed twice the last one wins; a date that does not exist, a number of five thousand digits
or brackets five thousand deep end in errors of Python. Here each of these is one clear sentence.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from molre.errors import MolreError


class _Loader(yaml.SafeLoader):
    """YAML as it is safe, with each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping; a key of it is a text, and there once."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    problem=f"{key!r} is not the name of a setting",
                    problem_mark=key_node.start_mark,
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key!r} is listed twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_settings(path: Path, holds: str) -> dict[str, Any]:
    """The settings of a YAML file.

    Args:
        path: of the file.
        holds: what to write there, for the sentence where it is not a mapping.

    Raises:
        MolreError: it cannot be read, is not UTF-8, not YAML, not a mapping, or names a key twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise MolreError(
            f"cannot be read ({what})", where=path, fix="give a YAML file with settings"
        ) from None
    except UnicodeDecodeError:
        raise MolreError("is not UTF-8 text", where=path, fix="save it as UTF-8") from None
    content = parse(text, path)
    if not isinstance(content, dict):
        raise MolreError("is not a mapping of settings", where=path, fix=f"write {holds}")
    return content


def parse(text: str, where: str | Path) -> Any:
    """The value of a YAML text.

    Args:
        text: of a file or an option.
        where: it is from, for messages.

    Raises:
        MolreError: it is not YAML, or names a key twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MolreError(f"cannot be read as YAML ({_reason(error)})", where=where) from None


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "brackets nested too deep"
    line = getattr(error, "problem_mark", None)
    place = "" if line is None else f"line {line.line + 1}: "
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{place}{said}"
