"""What holds for every verb: an empty text is not a value, ``~`` is home, and the device is there
before work begins.

A new verb gets both without a line of its own.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from typer.core import TyperCommand

from molre.device import usable
from molre.errors import MolreError

MOST = 1_000_000_000  # nothing here is counted beyond
RANGES = {  # whole numbers, by the name of their option
    "workers": (1, 1024),
    "seed": (0, 2**32 - 1),
    "seeds": (1, 100),
    "studies": (1, 1_000_000),
}


def flowing(text: str) -> str:
    """Paragraphs whose lines break where the terminal ends, and not where the source did."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


class ReaderGone(Exception):
    """Whoever read our output has closed it, as ``| head`` does."""


class Verb(TyperCommand):
    """One verb of the command line."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty texts: an unset variable is not the current folder, nor a default."""
        for place, value in self._given(args):
            if value == "":
                raise MolreError(
                    "empty: no path or value is given",
                    where=place,
                    fix="give one (a shell variable may be unset)",
                )
        rest = super().parse_args(ctx, args)
        ctx.params = {name: _at_home(value) for name, value in ctx.params.items()}
        for name, value in ctx.params.items():
            _check_number(name, value)
            _check_path(value)
        if "device" in ctx.params and not ctx.params.get("report"):  # which computes nothing
            ctx.params["device"] = usable(ctx.params["device"], here=_computes_here(ctx.params))
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Run it; a closed pipe is told apart before typer makes an exit code 1 of it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderGone from error
        except SystemExit as error:  # so does rich
            if isinstance(error.__context__, BrokenPipeError):
                raise ReaderGone from error
            raise

    def _given(self, args: list[str]) -> list[tuple[str, str]]:
        """Each value on the command line, with the option or argument it is of."""
        takes = {name for p in self.params for name in p.opts if not getattr(p, "is_flag", False)}
        optional = {name for p in self.params for name in p.opts if p.default == ""}
        arguments = " or ".join(_name(p) for p in self.params if p.param_type_name == "argument")
        found, option = [], ""
        for arg in args:
            name, equals, value = arg.partition("=")
            if option:
                found.append((option, arg))
            elif equals and name in takes and name.startswith("--"):
                found.append((name, value))
            elif arg not in takes or not arg.startswith("-"):
                found.append((arguments or "an argument", arg))
            option = arg if not option and arg.startswith("-") and arg in takes else ""
        return [(place, value) for place, value in found if place not in optional]


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name).upper()


def _at_home(given: Any) -> Any:
    """Paths with their ``~`` spelt out; a shell leaves it in ``--out=~/x`` and in quotes."""
    if isinstance(given, (list, tuple)):
        return type(given)(_at_home(one) for one in given)
    if not isinstance(given, Path) or not str(given).startswith("~"):
        return given
    if os.path.lexists(given.parts[0]):
        return given  # a folder that is called so
    try:
        return given.expanduser()
    except RuntimeError:  # nobody is called that, or has a home
        return given


def _check_number(name: str, given: Any) -> None:
    """Refuse what no verb can count with: what is out of range or not finite."""
    for value in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        low, high = RANGES.get(name, (-MOST, MOST))
        if not low <= value <= high:  # nor is what is not a number
            option = f"--{name.replace('_', '-')}"
            raise MolreError(f"{value} is not a number from {low} to {high}", where=option)


def _check_path(given: Any) -> None:
    """Refuse a device as a file: /dev/full and /dev/zero have no end. Pipes are files."""
    for path in given if isinstance(given, (list, tuple)) else [given]:
        if isinstance(path, Path) and (path.is_char_device() or path.is_block_device()):
            raise MolreError("is a device, not a file or folder", where=path, fix="give one")


def _computes_here(params: dict[str, Any]) -> bool:
    """Whether this machine needs the device, and not the workers of a cluster."""
    return params.get("scheduler") is None or bool(params.get("dry_run"))
