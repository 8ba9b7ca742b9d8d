"""Every public name has an example in its docstring; run in order, they walk the main path."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import molre
from molre.phantom.write import write_phantoms

FINDINGS = ("epidural_hemorrhage", "cerebral_atrophy", "pneumocephalus")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few small phantoms, where the examples run."""
    path = tmp_path_factory.mktemp("examples")
    few = {"prevalence": 0.5, "max_slices": 8, "workers": 1}
    write_phantoms(path / "phantoms", 6, 5, findings=FINDINGS, **few)  # type: ignore[arg-type]
    report = '{"study": "study_00000", "text": "No hemorrhage. Mild hydrocephalus."}'
    (path / "reports.jsonl").write_text(report, encoding="utf-8")
    return path


def test_the_examples_of_the_public_names_run_one_after_the_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    finder = doctest.DocTestFinder(recurse=False)
    said: list[str] = []
    runner = doctest.DocTestRunner()
    for name in molre.MAIN_PATH:
        (example,) = finder.find(getattr(molre, name), name, globs={})
        assert example.examples, f"molre.{name} has no example"
        failed = runner.run(example, out=said.append).failed
        assert not failed, "".join(said)


def test_the_main_path_is_all_that_is_public() -> None:
    assert sorted(molre.MAIN_PATH) == molre.__all__
    page = Path(__file__).parents[2] / "docs" / "reference" / "python.md"
    text = page.read_text(encoding="utf-8")
    for name in molre.__all__:
        assert f"`molre.{name}" in text, name
