from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from molre.output.page import render, write


def test_everything_inserted_is_escaped_and_the_footer_is_there():
    page = render("base.html.j2", title="<script>alert(1)</script>", synthetic=False)
    assert "<script" not in page
    assert "Research use only, not a medical device" in page
    assert 'class="banner"' not in page


def test_a_synthetic_page_says_so_and_is_written_whole(tmp_path: Path):
    write(tmp_path / "deep" / "page.html", "base.html.j2", title="t", synthetic=True)
    assert 'class="banner"' in (tmp_path / "deep" / "page.html").read_text(encoding="utf-8")


def test_a_forgotten_value_is_an_error_not_a_blank():
    with pytest.raises(UndefinedError):
        render("base.html.j2", synthetic=False)
