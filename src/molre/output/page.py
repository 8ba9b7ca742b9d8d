"""Pages: one base template and style, self-contained, opened by file:// without network.

Only the contact sheet has a script, and it can be read without.

A template extends ``base.html.j2`` and fills ``{% block content %}``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import molre
from molre import files

if TYPE_CHECKING:
    from jinja2 import Environment


def render(template: str, **context: Any) -> str:
    """Fill a template of ``output/templates``; everything inserted is escaped.

    Args:
        template: file name, e.g. ``"cohort.html.j2"``.
        context: what the template uses. The base knows ``title``, ``synthetic`` (shows a banner)
            and ``wide`` (lets tables use the whole window). ``banner`` is another sentence in its
            place, None for no banner; ``version`` another molre than this in the footer.

    Returns:
        The page as HTML.
    """
    known = {"version": molre.__version__, **context}
    return _environment().get_template(template).render(known)


def write(path: Path, template: str, **context: Any) -> None:
    """Render a page and write it atomically."""
    files.write_text(path, render(template, **context))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # The name ends in .j2, so escaping is switched on for all rather than by extension.
    return Environment(
        loader=PackageLoader("molre.output", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
