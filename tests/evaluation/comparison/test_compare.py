from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from molre.errors import MolreError
from molre.evaluation.comparison.compare import compare
from tests.helpers.evaluation.runs import FINDINGS, write_run

DRAWS = 200


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [
        write_run(tmp_path / f"{arm}-{seed}", arm=arm, seed=seed, skill=skill)
        for arm, skill in (("molre", 1.6), ("frozen", 0.6))
        for seed in (1, 0)
    ]


def test_tables_hold_every_finding_arm_and_contrast(runs, tmp_path):
    comparison = compare(runs, tmp_path / "out", draws=DRAWS)
    table = pl.read_csv(tmp_path / "out" / "comparison.csv")
    assert len(table) == 2 * (len(FINDINGS) + 1)
    assert table["arm"].unique(maintain_order=True).to_list() == ["frozen", "molre"]
    rare = table.filter(pl.col("finding") == FINDINGS[3])
    assert rare["status"].to_list() == ["too few"] * 2
    assert rare["auc"].to_list() == [None, None]
    contrasts = pl.read_csv(tmp_path / "out" / "contrasts.csv")
    assert contrasts["finding"].to_list() == ["macro", *FINDINGS[:3]]
    assert contrasts["verdict"][0] == comparison.result.contrasts[0].verdict
    assert comparison.synthetic


def test_the_order_of_runs_does_not_matter(runs, tmp_path):
    compare(runs, tmp_path / "a", draws=DRAWS)
    compare(runs[::-1], tmp_path / "b", draws=DRAWS)
    for name in ("comparison.csv", "contrasts.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"studies": 50}, "test studies"),
        ({"studies_a_patient": 2}, "patients"),
        ({"labels_seed": 5}, "labels"),
        ({"labels_sha256": "3" * 64}, "labels"),
        ({"splits_sha256": "3" * 64}, "splits"),
        ({"blank_policy": "mask"}, "policy for blank labels"),
        ({"synthetic": False}, "one is synthetic, one is real"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path, other, what):
    stranger = write_run(tmp_path / "stranger", arm="molre", seed=9, **other)
    with pytest.raises(MolreError, match=what):
        compare([*runs, stranger], tmp_path / "out", draws=DRAWS)
    assert not (tmp_path / "out").exists()


def test_the_same_run_twice_is_refused(runs, tmp_path):
    shutil.copytree(runs[0], tmp_path / "copy")
    with pytest.raises(MolreError, match="given twice"):
        compare([*runs, tmp_path / "copy"], tmp_path / "out", draws=DRAWS)


def test_one_run_is_not_a_comparison(runs, tmp_path):
    with pytest.raises(MolreError, match="at least two"):
        compare(runs[:1], tmp_path / "out", draws=DRAWS)


def test_arms_without_a_contrast_still_make_tables(runs, tmp_path):
    comparison = compare(runs[:2], tmp_path / "out", draws=DRAWS)
    assert comparison.result.contrasts == ()
    assert pl.read_csv(tmp_path / "out" / "contrasts.csv").is_empty()


def test_backbones_are_groups_of_their_own(runs, tmp_path):
    backbone = {"name": "other", "dim": 8, "parameters": 1}
    others = [
        write_run(tmp_path / f"other-{arm}", arm=arm, seed=0, backbone=backbone)
        for arm in ("frozen", "molre")
    ]
    comparison = compare([*runs, *others], tmp_path / "out", draws=DRAWS)
    assert [c.group for c in comparison.result.contrasts] == [
        "efficientnet_lite0, slice",
        "other, slice",
    ]
    assert any("different numbers of seeds" in note for note in comparison.notes)


def test_another_contract_is_noted_and_kept_apart(runs, tmp_path):
    backbone = {"name": "efficientnet_lite0", "dim": 1280, "parameters": 3_371_008}
    others = [
        write_run(
            tmp_path / f"wide-{arm}", arm=arm, backbone=backbone | {"contract_hash": "f" * 64}
        )
        for arm in ("frozen", "molre")
    ]
    comparison = compare([*runs, *others], tmp_path / "out", draws=DRAWS)
    assert any("by 2 different contracts" in note for note in comparison.notes)
    assert [c.group for c in comparison.result.contrasts] == [
        "efficientnet_lite0, slice, contract ffffffff",
        "efficientnet_lite0, slice, contract unknown",
    ]
    assert len(comparison.runs_of(comparison.result.arms[0])) == 1


def test_runs_that_were_not_trained_alike_are_noted(runs, tmp_path):
    for i, run in enumerate(runs):
        (run / "config.yaml").write_text(
            f"arm: a{i}\nseed: {i}\nmax_epochs: {100 - 50 * (i > 1)}\n"
        )
    comparison = compare(runs, tmp_path / "out", draws=DRAWS)
    (note,) = [note for note in comparison.notes if "not trained in the same way" in note]
    assert "max_epochs is 100 or 50" in note


def test_other_weights_of_one_backbone_are_noted(runs, tmp_path):
    backbone = {"name": "efficientnet_lite0", "parameters": 1, "weights_sha256": "a" * 64}
    other = write_run(tmp_path / "other", arm="lora", backbone=backbone)
    comparison = compare([*runs, other], tmp_path / "out", draws=DRAWS)
    assert any("2 different files of backbone weights" in note for note in comparison.notes)


def test_few_positives_make_p_values_hints(runs, tmp_path):
    notes = compare(runs, tmp_path / "out", draws=DRAWS).notes
    assert any("3 of the 3 scored findings have fewer than 50" in note for note in notes)
    many = [
        write_run(tmp_path / f"many-{arm}", arm=arm, studies=400) for arm in ("frozen", "molre")
    ]
    notes = compare(many, tmp_path / "out", draws=DRAWS).notes
    assert any("1 of the 4 scored findings have fewer than 50" in note for note in notes)


def three(tmp_path: Path, **more: object) -> list[Path]:
    """Three seeds of molre and frozen."""
    return [
        write_run(tmp_path / f"{arm}-{seed}", arm=arm, seed=10 * i + seed, skill=1.2 + i, **more)
        for i, arm in enumerate(("frozen", "molre"))
        for seed in (0, 1, 2)
    ]


def test_what_training_left_open_is_noted_and_in_the_verdict(tmp_path):
    runs = three(tmp_path / "known", converged=True, rate_at_edge=False)
    plain = compare(runs, tmp_path / "out", draws=DRAWS)
    told = ("edge of the grid", "did not converge", "converged")
    assert not any(words in note for note in plain.notes for words in told)
    edge = [write_run(tmp_path / "edge", arm="frozen", seed=50, rate_at_edge=True, converged=False)]
    comparison = compare([*runs, *edge], tmp_path / "out", draws=DRAWS)
    assert any(note.startswith("frozen did best at the edge") for note in comparison.notes)
    assert any(note.startswith("frozen did not converge") for note in comparison.notes)
    assert comparison.result.contrasts[0].verdict.endswith(
        "; the budget ended before frozen converged; the learning rate of frozen is at the edge of "
        "the grid"
    )
    table = pl.read_csv(tmp_path / "out" / "comparison.csv").filter(pl.col("arm") == "frozen")
    assert set(table["converged"]) == {False}
    assert set(table["rate_at_edge"]) == {True}


def test_runs_from_before_the_edge_was_recorded_are_silent(tmp_path):
    comparison = compare(three(tmp_path / "old"), tmp_path / "out", draws=DRAWS)
    assert not any("edge" in note for note in comparison.notes)
    assert "edge" not in comparison.result.contrasts[0].verdict


def test_even_gates_are_read_from_the_runs(tmp_path):
    runs = three(tmp_path)
    for run in runs[3:]:
        gates = pl.read_parquet(run / "routing.parquet")
        even = pl.lit([1 / 6] * 6, dtype=pl.List(pl.Float32))
        gates.with_columns(gates=even).write_parquet(run / "routing.parquet")
    comparison = compare(runs, tmp_path / "out", draws=DRAWS)
    assert (
        "molre did not route: its gate entropy is 1.000" in comparison.result.contrasts[0].verdict
    )
    assert any("molre did not route" in note for note in comparison.notes)
    for run in runs[3:]:  # an older run has the number alone
        (run / "routing.parquet").unlink()
        manifest = json.loads((run / "manifest.json").read_text()) | {"gate_entropy": 0.991}
        (run / "manifest.json").write_text(json.dumps(manifest))
    told = compare(runs, tmp_path / "out", draws=DRAWS).result.contrasts[0].verdict
    assert "its gate entropy is 0.991 of the maximum" in told


def test_a_backbone_with_one_arm_is_told_to_have_nothing_to_contrast(runs, tmp_path):
    other = write_run(tmp_path / "vit", seed=5, backbone={"name": "vit", "parameters": 1})
    notes = compare([*runs, other], tmp_path / "out", draws=DRAWS).notes
    assert any("never across" in note for note in notes)
    (note,) = [note for note in notes if "nothing to contrast" in note]
    assert note.startswith("vit, slice: only molre was given")


def test_an_arm_that_ranks_worse_than_chance_is_named(runs, tmp_path):
    bad = write_run(tmp_path / "bad", arm="lora", skill=-3.0)
    notes = compare([*runs, bad], tmp_path / "out", draws=DRAWS).notes
    (note,) = [note for note in notes if "worse than chance" in note]
    assert note.startswith(f"In lora, {FINDINGS[0]}")


def test_the_tables_say_what_the_numbers_rest_on(runs, tmp_path):
    comparison = compare(runs, tmp_path / "out")
    row = pl.read_csv(tmp_path / "out" / "contrasts.csv").row(0, named=True)
    assert (row["seeds"], row["over_seeds"], row["draws"]) == (2, False, 2000)
    assert row["adjustment"] == "Holm over 1 primary contrast"
    assert row["smallest_p"] == pytest.approx(2 / 2001)
    assert row["detectable"] == pytest.approx(comparison.result.contrasts[0].detectable)
    findings = pl.read_csv(tmp_path / "out" / "contrasts.csv").filter(pl.col("finding") != "macro")
    assert findings.height > 0
    for own in findings.iter_rows(named=True):  # found 8 times in 10: beyond half of its interval
        assert own["detectable"] > (own["high"] - own["low"]) / 2 > 0
    assert row["verdict"].startswith("these trained models differ: molre is above frozen")


def test_an_empty_endpoint_is_said_in_words(tmp_path):
    few = [write_run(tmp_path / arm, arm=arm, studies=12) for arm in ("frozen", "molre")]
    notes = compare(few, tmp_path / "out", draws=DRAWS).notes
    assert any(note.startswith("There is no macro AUC: no finding has ten") for note in notes)
