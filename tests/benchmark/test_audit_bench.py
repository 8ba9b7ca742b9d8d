"""An audit of a benchmark: untouched it passes; whatever was changed in it is found and named."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml

from molre.audit.audit import audit, made
from molre.audit.bench_cells import looks, twins
from molre.audit.bench_tables import apart, tables
from molre.audit.check import FAIL, FLAG, NOT_CHECKED, NUMBERS, PASS, Check
from molre.audit.report_differences import RENDERED
from molre.backbones.contract import FIRST_NAMES
from molre.benchmark.benchmark import benchmark
from molre.benchmark.config import resolve
from molre.benchmark.run_grid import run_cells
from molre.output.report_json import write_report
from molre.shard import Shard
from tests.helpers.audit.called import call, files_of
from tests.helpers.benchmark.small_bench import bench, config, inside
from tests.helpers.output.drawn_once import drawn_once

FROZEN, MOLRE = (f"efficientnet_lite0-slice-{arm}-" for arm in ("frozen", "molre"))
PLACEMENTS = {
    "slice": {"arms": ["frozen", "molre"], "seeds": [0, 1]},
    "blocks": {"arms": ["frozen"], "seeds": [0], "studies": 20, "slices": 2, "max_epochs": 1},
}


@pytest.fixture(scope="module", autouse=True)
def charts() -> Iterator[None]:
    """An audit draws a page's charts again, most of them as they were."""
    with drawn_once():
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, cohort: Path) -> Path:
    """A finished benchmark of five cells, which nobody changes."""
    folder = tmp_path_factory.mktemp("audited") / "bench"
    run_cells(bench(folder, cohort, config(placements=PLACEMENTS)), Shard(), inside)
    benchmark(None, cohort, folder, only_tables=True)
    return folder


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "bench")


def beside_the_cells(folder: Path, scratch: Path, moved: Path | None = None) -> list[Check]:
    """What an audit of a benchmark checks besides each cell by itself."""
    runs = sorted(path.parent for path in folder.glob("cells/*/manifest.json"))
    again = apart(folder, resolve(folder / "config.yaml"), runs, moved, scratch)
    checks = made(NUMBERS, "tables", lambda: tables(again, runs, scratch))
    checks += made(NUMBERS, "twins", lambda: twins(runs))
    return checks + made(NUMBERS, "looks", lambda: looks(again, None))


def odd(checks: list[Check]) -> dict[str, str]:
    """Name and words of what is neither in order nor unchecked."""
    return {c.name: c.found for c in checks if c.outcome in (FAIL, FLAG)}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def edit_json(path: Path, **changed: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changed, indent=2))


def number_of(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text())
    assert found is not None
    return found[1]


def test_a_benchmark_of_an_older_molre_does_not_fail_for_its_words(
    copy: Path, tmp_path: Path
) -> None:
    """No report.json, contracts and sentences of table.md in the words of then."""
    (copy / "report.json").unlink()
    edit(copy / "table.md", "A verdict on routing needs", "To speak of routing takes")
    for path in (copy / "state").glob("look-*.json"):
        told = json.loads(path.read_text())
        contract = told["facts"]["contract"]
        told["facts"]["contract"] = {
            FIRST_NAMES.get(key, key): value for key, value in contract.items()
        }
        path.write_text(json.dumps(told))
    checks = beside_the_cells(copy, tmp_path)
    assert odd(checks) == {}
    unsure = [c.name for c in checks if c.outcome == NOT_CHECKED]
    assert unsure == ["table.md from the cells: sentences", "report.json from the cells"]
    edit(copy / "table.md", "| molre |", "| full |")
    assert list(odd(beside_the_cells(copy, tmp_path))) == ["table.md from the cells: rows"]


def test_untouched_it_passes_and_stays_as_it_is(whole: Path, tmp_path: Path) -> None:
    before = files_of(whole)
    said = call(str(whole), "-o", str(tmp_path))
    assert said.exit_code == 0, said.output
    assert files_of(whole) == before
    content = json.loads((tmp_path / "audit.json").read_text())
    assert {check["outcome"] for check in content["checks"]} == {PASS}
    assert len(content["cells"]) == 5
    page = (tmp_path / "audit.html").read_text()
    for cell in content["cells"]:
        assert f'href="cells/{cell}/audit.html"' in page
        assert (tmp_path / "cells" / cell / "audit.html").is_file()
    assert "Synthetic" in page
    assert "5 cells" in said.output


def test_a_changed_number_of_a_cell_is_found_in_it_and_in_the_tables(
    copy: Path, tmp_path: Path
) -> None:
    run = copy / "cells" / f"{MOLRE}1"
    rows = pl.read_parquet(run / "predictions.parquet")
    better = pl.when(pl.col("label") == 1).then(pl.col("logit") + 2).otherwise(pl.col("logit"))
    rows.with_columns(logit=better).write_parquet(run / "predictions.parquet")
    failed = {check.name for check in audit(run).checks if check.outcome == FAIL}
    assert failed >= {
        "probabilities from logits and the model's calibration",
        "logits from the model and its embeddings",
        "metrics.parquet recomputed",
    }
    found = odd(beside_the_cells(copy, tmp_path))
    assert "efficientnet_lite0 slice molre auc is" in found["table.csv from the cells"]


def test_changed_numbers_of_the_tables_are_named(copy: Path, tmp_path: Path) -> None:
    """In table.csv, the p-value of table.md, an interval of report.html."""
    table = pl.read_csv(copy / "table.csv")
    table.with_columns(auc=pl.col("auc") + 0.01).write_csv(copy / "table.csv")
    p = number_of(copy / "table.md", r"\| [+−][\d.]+ \(([\d.]+)")
    edit(copy / "table.md", f"({p}", "(0.012")
    auc = number_of(copy / "report.html", r">(0\.\d{3} to 0\.\d{3})<")
    edit(copy / "report.html", auc, "0.912 to 0.934")
    found = odd(beside_the_cells(copy, tmp_path))
    assert set(found) == {
        "table.csv from the cells",
        "table.md from the cells",
        RENDERED,
    }
    assert "efficientnet_lite0 slice frozen auc is" in found["table.csv from the cells"]
    assert "(0.012" in found["table.md from the cells"]
    assert f"({p}" in found["table.md from the cells"]
    assert "0.912 to 0.934" in found[RENDERED]
    assert auc in found[RENDERED]


def again(folder: Path, cohort: Path) -> None:
    """Tables made anew of what is there, as who tampers would."""
    benchmark(None, cohort, folder, only_tables=True)


def swapped(folder: Path) -> None:
    """A cell exchanged for another arm's, tables made again."""
    shutil.rmtree(folder / "cells" / f"{MOLRE}0")
    shutil.copytree(folder / "cells" / f"{FROZEN}0", folder / "cells" / f"{MOLRE}0")


def seed_twice(folder: Path) -> None:
    """A cell copied under another seed, tables made again."""
    run = folder / "cells" / f"{MOLRE}1"
    shutil.rmtree(run)
    shutil.copytree(folder / "cells" / f"{MOLRE}0", run)
    edit_json(run / "manifest.json", seed=1)
    edit_json(run / "model" / "model.json", seed=1)
    edit(run / "config.yaml", "seed: 0", "seed: 1")


def deleted(folder: Path) -> None:
    """A cell and its state deleted, tables made again."""
    shutil.rmtree(folder / "cells" / f"{MOLRE}1")
    (folder / "state" / f"{MOLRE}1.json").unlink()


def called_failed(folder: Path) -> None:
    """A finished cell told to have failed, tables made again."""
    edit_json(folder / "state" / f"{MOLRE}1.json", state="failed", reason="out of memory")


def other_split(folder: Path) -> None:
    """A cell scored on another split."""
    edit_json(folder / "cells" / f"{MOLRE}0" / "manifest.json", splits_sha256="0" * 64)


def other_budget(folder: Path) -> None:
    """A cell with another budget of epochs."""
    edit(folder / "cells" / f"{MOLRE}0" / "config.yaml", "max_epochs: 3", "max_epochs: 30")


def fewer_studies(folder: Path) -> None:
    """The smaller cohort of a placement drawn otherwise."""
    path = folder / "cohorts" / "blocks" / "splits.csv"
    edit(path, ",train", ",test")


def smaller_backbone(folder: Path) -> None:
    """A backbone told to be smaller, tables made again."""
    (look,) = (folder / "state").glob("look-*.json")
    facts = json.loads(look.read_text())["facts"]
    edit_json(look, facts=facts | {"parameters": facts["parameters"] // 2})


def arm_left_out(folder: Path) -> None:
    """An arm struck from `config.yaml`, tables made again."""
    values = yaml.safe_load((folder / "config.yaml").read_text())
    values["placements"]["slice"]["arms"] = ["molre"]
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def page_added(folder: Path) -> None:
    """A page added beside the tables."""
    (folder / "summary.html").write_text("<p>AUC 0.99</p>")


def report_forged(folder: Path) -> None:
    """A number in `report.json` and `report.html`."""
    content = json.loads((folder / "report.json").read_text())
    content["context"]["groups"][0]["rows"][0]["auc"] = "0.987"
    write_report(folder / "report.html", content["template"], content["context"])


ATTACKS: list[tuple[Callable[[Path], None], str, str, str]] = [
    (swapped, "every finished cell is in the table", f"{MOLRE}0 is not", FAIL),
    (seed_twice, "no cell holds the predictions of another", f"{MOLRE}0 and {MOLRE}1", FAIL),
    (deleted, "every cell of config.yaml has been run", f"{MOLRE}1 (its outcome is not", FLAG),
    (called_failed, "every finished cell is in the table", f"{MOLRE}1 is not: out of", FAIL),
    (other_split, "every finished cell is in the table", f"{MOLRE}0 is not", FAIL),
    (other_budget, "every finished cell is in the table", f"{MOLRE}0 is not", FAIL),
    (fewer_studies, "cohorts/blocks from the whole cohort", "splits.csv study", FAIL),
    (smaller_backbone, "size, contract and arms of", "parameters is", FAIL),
    (page_added, "no file that molre did not write", "summary.html", FLAG),
    (report_forged, "report.json from the cells", "frozen, auc is 0.987, recomputed", FAIL),
    (arm_left_out, "no run beside the cells of config.yaml", f"{FROZEN}0", FLAG),
]


@pytest.mark.parametrize(
    ("attack", "name", "words", "outcome"), ATTACKS, ids=[a[0].__name__ for a in ATTACKS]
)
def test_an_attack_is_found_though_the_tables_were_made_again(
    copy: Path,
    cohort: Path,
    tmp_path: Path,
    attack: Callable[[Path], None],
    name: str,
    words: str,
    outcome: str,
) -> None:
    attack(copy)
    if attack not in (fewer_studies, report_forged):  # which the benchmark would mend
        again(copy, cohort)
    (found,) = [check for check in beside_the_cells(copy, tmp_path) if name in check.name]
    assert found.outcome == outcome
    assert words in found.found


def test_a_cohort_that_lies_in_a_folder_called_cohorts_is_the_whole_one(
    copy: Path, cohort: Path, tmp_path: Path
) -> None:
    place = shutil.copytree(cohort, tmp_path / "cohorts" / "hospital")
    for run in (copy / "cells").glob("*slice*"):
        edit_json(run / "manifest.json", cohort=str(place))
    checks = beside_the_cells(copy, tmp_path)
    assert {check.outcome for check in checks} == {PASS}


def test_without_its_cohort_the_tables_are_still_checked(copy: Path, tmp_path: Path) -> None:
    for run in (copy / "cells").iterdir():
        edit_json(run / "manifest.json", cohort="/gone")
    checks = beside_the_cells(copy, tmp_path)
    assert odd(checks) == {}
    assert [c.name for c in checks if c.outcome == NOT_CHECKED] == ["cohort of the benchmark"]
    table = pl.read_csv(copy / "table.csv")
    table.with_columns(auc_low=pl.col("auc_low") + 0.001).write_csv(copy / "table.csv")
    (copy / "table.md").unlink()
    found = odd(beside_the_cells(copy, tmp_path))
    assert "auc_low is" in found["table.csv from the cells"]
    assert found["table.md from the cells"].startswith("missing")
    other_split(copy)
    found = odd(beside_the_cells(copy, tmp_path))
    assert f"{MOLRE}0 is not" in found["every finished cell is in the table"]


def test_a_damaged_cell_does_not_keep_the_others_from_their_audit(copy: Path) -> None:
    for name in (f"{MOLRE}0", f"{MOLRE}1", "efficientnet_lite0-blocks-frozen-0"):
        shutil.rmtree(copy / "cells" / name)
    (copy / "cells" / f"{FROZEN}0" / "manifest.json").write_text("{")
    said = call(str(copy))
    assert said.exit_code == 1, said.exception
    assert f"FAIL: cell {FROZEN}0" in said.output
    assert f"{FROZEN}1: 0 FAIL" in said.output
    assert "0 of 1 cells with a FAIL" in said.output
