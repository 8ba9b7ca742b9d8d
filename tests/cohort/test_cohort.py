from __future__ import annotations

from pathlib import Path

import pytest
from cohorts import write_cohort

from molre.cohort.cohort import Cohort
from molre.errors import MolreError


def test_a_cohort_opens_and_names_what_it_lacks(tmp_path: Path):
    cohort = Cohort(write_cohort(tmp_path / "c", {"s1": "p1", "s2": "p1"}))
    assert cohort.scans().height == cohort.chosen().height == 2
    assert not cohort.synthetic
    with pytest.raises(MolreError, match=r"no labels\.parquet.*[Mm]olre label"):
        cohort.labels()
    with pytest.raises(MolreError, match=r"no splits.*[Mm]olre split"):
        cohort.splits()


@pytest.mark.parametrize(
    ("facts", "said"),
    [(None, "no cohort"), ('{"format_version": 99}', "newer"), ("{", "damaged"), ("[]", "damaged")],
)
def test_what_is_no_cohort_is_refused(tmp_path: Path, facts: str | None, said: str):
    if facts is not None:
        (tmp_path / "cohort.json").write_text(facts)
    with pytest.raises(MolreError, match=said):
        Cohort(tmp_path)


def test_a_damaged_table_is_refused_with_the_remedy(tmp_path: Path):
    path = write_cohort(tmp_path / "c", {"s1": "p1"})
    (path / "scans.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(MolreError, match=r"damaged.*[Mm]olre ingest"):
        Cohort(path).scans()
