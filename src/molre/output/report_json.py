"""report.json: what a page shows, as data, so that an audit compares values and not a web page.

The page is rendered from this file and nothing else, and the file keeps the SHA-256 of the page.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import molre
from molre import files
from molre.errors import MolreError
from molre.output.page import render

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Report:
    """A report.json as written.

    Attributes:
        molre_version: of the molre that rendered the page, which its footer names.
        template: that the page was rendered with.
        page_sha256: of the page.
        context: all that the page shows: numbers, sentences, charts and images as text.
    """

    molre_version: str
    template: str
    page_sha256: str
    context: dict[str, Any]

    def rendered(self) -> str:
        """The page again, from the context, by the templates of this molre."""
        return render(self.template, **self.context | {"version": self.molre_version})


def write_report(page: Path, template: str, context: Mapping[str, Any]) -> None:
    """Write a page, and beside it what it shows: ``report.html`` and ``report.json``.

    Args:
        page: e.g. ``RUN/report.html``; the data go to the same name with ``.json``.
        template: file name, e.g. ``"run.html.j2"``.
        context: what the template uses: texts, finite numbers, lists and mappings of them.

    Raises:
        ValueError: a number is nan or infinite.
        TypeError: something is not plain data.
    """
    plain = json.loads(json.dumps(dict(context), allow_nan=False))
    html = render(template, **plain)
    content = {
        "format_version": FORMAT_VERSION,
        "molre_version": molre.__version__,
        "template": template,
        "page_sha256": sha256(html),
        "context": plain,
    }
    told = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    files.write_text(page.with_suffix(".json"), told)
    files.write_text(page, html)


def read_report(path: Path) -> Report:
    """A report.json.

    Raises:
        MolreError: damaged, or newer than this molre.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["format_version"]
        report = Report(*(content[name] for name in Report.__dataclass_fields__))
    except (OSError, ValueError, TypeError, KeyError):
        raise MolreError("not readable as what molre wrote", where=path) from None
    if not isinstance(version, int) or version > FORMAT_VERSION:
        what = f"format version {version} is newer than this molre can read ({FORMAT_VERSION})"
        raise MolreError(what, where=path, fix="update molre")
    if not isinstance(report.context, dict):
        raise MolreError("not readable as what molre wrote", where=path)
    return report


def sha256(page: str) -> str:
    """SHA-256 of a page's text as UTF-8, in hexadecimal digits."""
    return hashlib.sha256(page.encode()).hexdigest()
