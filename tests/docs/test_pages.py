"""What the pages point at is there: links, headings, files, names; and every page can be found."""

from __future__ import annotations

import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
CURRENT = [page for page in PAGES if page.name != "CHANGELOG.md"]  # which names what was, too
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(
    r"\b(?:[\w-]+/)+[\w-]+\.py\b|\b(?:src|tests|experiments|docs)/[\w/-]+\.(?:md|txt|j2)\b"
)
NAME = re.compile(r"\bmolre(?:\.[A-Za-z_]\w*)+")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Headings as the site and the repository name them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", text_of(page)), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", h).strip().lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", text_of(page))):
        if link.startswith(("https://", "http://")):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not heading or heading in anchors(target), link


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_a_file_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    homes = (ROOT, ROOT / "src", ROOT / "src/molre")
    for named in FILE.findall(text_of(page)):
        assert any((home / named).exists() for home in homes), named


@pytest.mark.parametrize("page", CURRENT, ids=name_of)
def test_a_dotted_name_on_a_page_can_be_imported(page: Path) -> None:
    for named in sorted(set(NAME.findall(text_of(page)))):
        pkgutil.resolve_name(named)


def test_the_navigation_lists_every_page_once() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(listed(site["nav"])) == sorted(
        str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md")
    )


def listed(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for where in entry.values():
            yield from [where] if isinstance(where, str) else listed(where)
