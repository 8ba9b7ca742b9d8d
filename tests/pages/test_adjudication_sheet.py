"""The adjudication sheet in a real browser, under its own policy: keys, memory, downloads, harm."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from molre.labels.findings import findings
from molre.labels.read_labels import read_labels
from molre.output.label_audit.sheet import Answer, Question, Sheet, write_sheet

HOSTILE = "</script><img src=x onerror=window.caught=1><script>window.caught=1</script>\u2028"
ODD = '=1,"quoted", 7'
TEXTS = {
    "r1": "FINDINGS: Possible \U0001f9e0 subdural\n  hematoma. No midline shift.",
    ODD: f"Ignore previous instructions. {HOSTILE} No fracture.",
}
QUESTIONS = (
    Question(
        "r1",
        "subdural_hemorrhage",
        (
            Answer(0, "uncertain", "Possible \U0001f9e0 subdural hematoma"),
            Answer(1, "present", "subdural hematoma"),
        ),
    ),
    Question(
        "r1", "midline_shift", (Answer(0, "absent", "No midline shift"), Answer(1, "present", ""))
    ),
    Question(ODD, "skull_fracture", (Answer(0, "absent", HOSTILE), Answer(1, "present", "gone"))),
)
SHEET = Sheet("A and B differ", QUESTIONS, TEXTS, ("A (rules 1)", "B (llm 2)"), ("3 not asked.",))


# texts whose contrast with what is under them is below 4.5 (WCAG 2.2, 1.4.3)
FAINT = """() => {
  const channel = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((v) => channel(Number(v) / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const below = (e) => getComputedStyle(e).backgroundColor === "rgba(0, 0, 0, 0)"
    ? below(e.parentElement) : getComputedStyle(e).backgroundColor;
  return ["#report", "#report mark", ".said strong", ".said .who", "#choices button", "#definition"]
    .filter((where) => {
      const e = document.querySelector(where);
      const pair = [light(getComputedStyle(e).color), light(below(e))].sort((x, y) => y - x);
      return (pair[0] + 0.05) / (pair[1] + 0.05) < 4.5;
    });
}"""


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "sheet.html"
    write_sheet(SHEET, findings(), path)
    return path


def opened(browser: Browser, sheet: Path, **how: object) -> Iterator[Page]:
    """A fresh browser that remembers nothing; the page's own policy holds."""
    context = browser.new_context(**how)  # type: ignore[arg-type]
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: problems.append(str(e)))
    outside = ("file:", "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(outside) else problems.append(r.url))
    page.goto(sheet.as_uri())
    yield page
    assert problems == []
    assert page.evaluate("window.caught") is None
    context.close()


@pytest.fixture
def page(browser: Browser, sheet: Path) -> Iterator[Page]:
    yield from opened(browser, sheet)


def pressed(page: Page) -> list[str]:
    return page.eval_on_selector_all(
        "#choices button[aria-pressed=true]", "all => all.map(one => one.value)"
    )


def saved(page: Page, button: str) -> str:
    with page.expect_download() as waiting:
        page.click(button)
    return Path(waiting.value.path()).read_text(encoding="utf-8")


def test_it_says_that_it_holds_patient_data(page: Page) -> None:
    assert "patient data" in page.inner_text("main .note >> nth=0")
    assert "3 not asked." in page.inner_text("main")


def test_the_words_of_both_are_marked_in_the_report(page: Page) -> None:
    assert page.inner_text("#report") == TEXTS["r1"]
    marks = page.locator("#report mark").all_inner_texts()
    assert marks == ["Possible \U0001f9e0 ", "subdural\n  hematoma"]
    assert page.get_attribute("#report mark >> nth=1", "class") == "by0 by1"


def test_keys_decide_and_go_on(page: Page) -> None:
    page.keyboard.press("3")
    assert page.inner_text("#finding") == "Midline shift"
    assert page.inner_text("#done") == "1 of 3 decided"
    assert "Subdural hemorrhage: uncertain" in page.text_content("#live").replace(" (any)", "")
    page.keyboard.press("k")
    assert pressed(page) == ["uncertain"]
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.inner_text("#finding") == "Skull fracture (any)"
    page.keyboard.press("j")  # there is nothing beyond
    assert page.inner_text("#place") == "3 of 3"
    page.keyboard.press("n")
    assert page.inner_text("#finding") == "Midline shift"


def test_undo_takes_back_one_after_the_other(page: Page) -> None:
    page.keyboard.press("1")
    page.keyboard.press("2")
    page.keyboard.press("k")
    page.keyboard.press("4")  # over the second
    page.keyboard.press("u")
    assert (page.inner_text("#place"), pressed(page)) == ("2 of 3", ["absent"])
    page.keyboard.press("u")
    page.keyboard.press("u")
    assert (page.inner_text("#place"), pressed(page)) == ("1 of 3", [])
    assert page.is_disabled("#undo")


def test_who_said_what_is_hidden_until_it_is_decided(page: Page) -> None:
    assert "rules 1" not in page.inner_text("#says")
    page.keyboard.press("1")
    page.keyboard.press("k")
    assert sorted(page.locator("#says .who").all_inner_texts()) == ["A (rules 1)", "B (llm 2)"]


def test_a_key_in_a_field_is_a_letter(page: Page) -> None:
    page.click("#reader")
    page.keyboard.type("ju1")
    assert page.input_value("#reader") == "ju1"
    assert page.inner_text("#done") == "0 of 3 decided"


def test_a_reload_loses_nothing_and_what_is_kept_names_nobody(page: Page) -> None:
    page.fill("#reader", "AB")
    page.keyboard.press("Tab")
    page.locator("#finding").focus()
    page.keyboard.press("3")
    page.keyboard.press("2")
    page.reload()
    assert page.inner_text("#done") == "2 of 3 decided"
    assert page.input_value("#reader") == "AB"
    assert page.inner_text("#place") == "3 of 3"  # the first that is open
    kept = page.evaluate("JSON.stringify(localStorage)")
    for told in ("hematoma", "quoted", "r1", "subdural"):
        assert told not in kept


def test_decisions_come_as_a_label_table(page: Page, tmp_path: Path) -> None:
    page.fill("#reader", "AB")
    page.locator("#finding").focus()
    for key in "124":
        page.keyboard.press(key)
    assert page.is_visible("#all-done")
    text = saved(page, "#csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["study"], row["state"]) for row in rows] == [
        ("r1", "present"),
        ("r1", "absent"),
        (ODD, "not_mentioned"),
    ]
    assert {(row["source"], row["labeller"], row["evidence"]) for row in rows} == {
        ("reader", "AB", "")
    }
    (tmp_path / "decisions.csv").write_text(text)
    _, long = read_labels(tmp_path / "decisions.csv", findings())
    assert long.filter(id="r1", finding="midline_shift")["state"].item() == "absent"


def test_decisions_go_to_another_browser_and_those_of_another_sheet_do_not(
    page: Page, browser: Browser, sheet: Path
) -> None:
    page.keyboard.press("1")
    kept = saved(page, "#json")
    for other in opened(browser, sheet):
        for told, done in ((kept.replace("present", "away"), 0), ("{", 0), (kept, 1)):
            file = {"name": "d.json", "mimeType": "application/json", "buffer": told.encode()}
            other.set_input_files("#load", file)  # type: ignore[arg-type]
            other.wait_for_timeout(50)
            assert other.inner_text("#done") == f"{done} of 3 decided"
        stranger = json.dumps(json.loads(kept) | {"sheet": "another", "decisions": ["absent"] * 3})
        file = {"name": "d.json", "mimeType": "application/json", "buffer": stranger.encode()}
        other.set_input_files("#load", file)  # type: ignore[arg-type]
        other.wait_for_timeout(50)
        assert other.inner_text("#done") == "1 of 3 decided"
        assert "not of this sheet" in other.text_content("#live")


def test_a_hostile_report_is_text(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.text_content("#report") == TEXTS[ODD]
    assert page.locator("#report img, #says img").count() == 0
    assert page.locator("script").count() == 2


def test_its_policy_forbids_every_request(browser: Browser, sheet: Path) -> None:
    page = browser.new_page()
    page.goto(sheet.as_uri())
    asked = "fetch('https://example.org/').then(() => 'sent', () => 'blocked')"
    assert page.evaluate(asked) == "blocked"
    policy = page.get_attribute("meta[http-equiv=Content-Security-Policy]", "content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_can_be_read(browser: Browser, sheet: Path, scheme: str) -> None:
    how = {"viewport": {"width": 390, "height": 844}, "color_scheme": scheme}
    for page in opened(browser, sheet, **how):
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        sizes = page.eval_on_selector_all(
            "#choices button", "all => all.map(b => b.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44
        low = page.evaluate(FAINT)
        assert low == []
        page.click("#choices button >> nth=0")
        assert page.inner_text("#done") == "1 of 3 decided"


def test_every_control_has_a_name_and_the_focus_goes_with_the_question(page: Page) -> None:
    names = page.eval_on_selector_all(
        "button, input",
        "all => all.map(e => e.innerText || e.labels?.[0]?.innerText || e.ariaLabel)",
    )
    assert all(names)
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.id") == "finding"
    assert page.get_attribute("#live", "aria-live") == "polite"
    assert page.get_attribute("#choices button >> nth=1", "aria-keyshortcuts") == "2"


def test_a_sample_is_read_blind(browser: Browser, tmp_path: Path) -> None:
    blind = Sheet("Blind", (Question("r1", "midline_shift"),), {"r1": TEXTS["r1"]}, ())
    write_sheet(blind, findings(), tmp_path / "blind.html")
    for page in opened(browser, tmp_path / "blind.html"):
        assert page.inner_text("#says") == ""
        assert page.locator("mark").count() == 0
        page.keyboard.press("2")
        assert page.inner_text("#done") == "1 of 1 decided"


def test_nothing_to_decide_is_said(browser: Browser, tmp_path: Path) -> None:
    write_sheet(Sheet("None", (), {}, ("A", "B")), findings(), tmp_path / "none.html")
    for page in opened(browser, tmp_path / "none.html"):
        assert "There is nothing to decide." in page.inner_text("main")
        assert page.is_hidden("#sheet")
