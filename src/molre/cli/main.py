"""``molre``: one verb a file; this file only names them and turns errors into sentences."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

import molre
from molre.cli import terminal
from molre.cli.failure import failure
from molre.cli.verb import Verb, flowing

VERBS = (
    "demo",
    "ingest",
    "label",
    "label-audit",
    "label-sample",
    "label-merge",
    "split",
    "embed",
    "train",
    "evaluate",
    "compare",
    "audit",
    "consistency",
    "control",
    "benchmark",
    "predict",
    "phantom",
    "list",
    "doctor",
)

INTRO = """molre turns a vision foundation model into a reader of non-contrast head CT.

Start with `molre demo -o demo`: synthetic scans in, trained and compared arms out, offline, in
minutes. With your own scans: `molre ingest SCANS -o COHORT`, then look at COHORT/index.html.

Research software, not a medical device.

Exit codes: 0 done, 1 some or all scans rejected (audit: a check failed), 2 nothing readable or
wrong usage, 3 an audit that could not check everything, 70 a bug in molre, 130 interrupted, 141
the output is no longer read.
"""


class Verbs(TyperGroup):
    """Suggests the nearest verb for a misspelt one."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb, or say which one was meant."""
        from molre.errors import did_you_mean

        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(f"unknown verb {args[0]!r}: {did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Verbs,
    help=flowing(INTRO),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _verb in VERBS:
    _module = importlib.import_module(f"molre.cli.{_verb.replace('-', '_')}")
    app.command(_verb, cls=Verb, help=flowing(_module.command.__doc__))(_module.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"molre {molre.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


@cache
def command() -> Any:
    """All verbs; typer alone would build them again at each call."""
    return typer.main.get_command(app)


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    terminal.prepare()
    try:
        code = command()(standalone_mode=False) or 0
        terminal.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BaseException as error:
        code = failure(error)
    if code == 130:  # typer turns Ctrl-C into this code without a word
        terminal.say("interrupted; run the same command again to resume where it stopped")
    terminal.close()
    sys.exit(code)
