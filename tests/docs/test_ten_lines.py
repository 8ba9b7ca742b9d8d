"""The page for peft users: its Python blocks run in order, as a reader would run them."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "ten-lines.md"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_blocks_of_the_page_run_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    blocks = list(BLOCK.finditer(text))
    assert len(blocks) == text.count("```python") > 5
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks:
        line = text.count("\n", 0, block.start(1))  # a failure then points at the page's own line
        code = compile("\n" * line + block[1], str(PAGE), "exec")
        exec(code, names)
    assert (tmp_path / "adapter" / "adapter_config.json").is_file()
    printed = capsys.readouterr().out
    for refusal in ("inside window attention", "cannot be merged"):
        assert refusal in printed


def test_the_ten_lines_are_ten() -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    ten = next(block for block in blocks if "save_pretrained" in block)
    assert len([line for line in ten.splitlines() if line.strip()]) == 10
