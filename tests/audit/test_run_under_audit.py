"""A run whose files are damaged is told so in sentences."""

from __future__ import annotations

import pytest

from molre.audit.audit import audit


@pytest.mark.parametrize("name", ["predictions.parquet", "history.parquet", "model/model.json"])
def test_a_damaged_file_is_a_failure_in_a_sentence(run, name):
    (run / name).write_bytes(b"PAR1 no more")
    done = audit(run)
    assert done.failed
    assert all("Traceback" not in check.found for check in done.checks)
