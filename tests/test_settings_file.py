"""Settings that a person wrote: whatever is in the file, they are read or one sentence names it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.backbones.contract_kind import read_contract
from molre.benchmark.config import resolve as resolve_benchmark
from molre.errors import MolreError
from molre.settings_file import parse, read_settings
from molre.training.config import resolve

BAD = {
    "latin-1": ("# caf\xe9\nsize: 64\n".encode("latin-1"), "save it as UTF-8"),
    "utf-16": ("size: 64\n".encode("utf-16"), "save it as UTF-8"),
    "deep": (b"[" * 5000, "brackets"),
    "deep and closed": (b"size: " + b"[" * 3000 + b"]" * 3000, "brackets"),
    "no such date": (b"size: 2020-99-99\n", "YAML"),
    "digits": (b"size: " + b"9" * 5000, "YAML"),
    "twice": (b"size: 64\nsize: 32\n", "'size' is listed twice"),
    "twice inside": (b"contract:\n  size: 64\n  size: 32\n", "line 3: 'size' is listed twice"),
    "number as a key": (b"1: 2\n", "1 is not the name of a setting"),
    "nothing as a key": (b"null: 2\n", "not the name"),
    "mapping as a key": (b"? {a: 1}\n: 3\n", "YAML"),
    "object": (b"size: !!python/object/apply:os.system ['true']\n", "YAML"),
    "two documents": (b"size: 64\n---\nsize: 64\n", "YAML"),
    "zero byte": (b"size: 64\0\n", "YAML"),
    "list": (b"- size\n", "not a mapping"),
    "empty": (b"", "not a mapping"),
}
READERS = (read_contract, resolve, resolve_benchmark)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BAD)
def test_each_bad_file_is_one_sentence_of_each_reader(tmp_path: Path, reader, kind: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(BAD[kind][0])
    with pytest.raises(MolreError) as refused:
        reader(path)
    assert str(path) in refused.value.message
    assert BAD[kind][1].lower() in refused.value.message.lower()
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("place", ["missing", "folder", "dangling"])
def test_a_place_that_is_not_a_file_is_one_sentence(tmp_path: Path, reader, place: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(MolreError, match=place):
        reader(tmp_path / place)


def test_a_byte_order_mark_comments_and_merged_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    text = "# what\na: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_settings(path, "") == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


@given(st.text(max_size=30))
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    with suppress(MolreError):
        parse(text, "--set seed")


@pytest.mark.parametrize(
    "setting",
    [
        "max_epochs=[[",
        "max_epochs={a: 1",
        "max_epochs=2020-99-99",
        "max_epochs=true",
        "seed=true",
        "learning_rates=0.001",
        "gamma=.inf",
        "weight_decay=.inf",
        "router_rate=.inf",
        "budget=.inf",
        "budget=.nan",
        "learning_rates=[.inf]",
        "batch_size=9999999999999999999",
        "seed=99999999999999999999999999",
        "num_experts=100000000",
        "r=100000000",
        "router_hidden=1000000000",
        "contract=1",
    ],
)
def test_a_value_that_nothing_can_be_trained_with_is_one_sentence(setting: str) -> None:
    with pytest.raises(MolreError, match=setting.partition("=")[0]) as refused:
        resolve(None, [setting])
    assert "function-after" not in refused.value.message
    assert "tuple" not in refused.value.message


def test_two_values_of_one_setting_are_refused_and_twice_the_same_is_one() -> None:
    for settings, given_ in ((["seed=1", "seed=2"], {}), (["seed=1"], {"seed": 2})):
        with pytest.raises(MolreError, match="seed"):
            resolve(None, settings, **given_)
    assert resolve(None, ["seed=1", "seed=1"], seed=1).seed == 1
