"""A script without a guard is refused in one sentence before it starts processes without end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from molre.workers import main_script

WORK = """
from molre.workers.pool import each
{guard}
    print(list(each(abs, [-3], (), 1)))
"""


@pytest.mark.parametrize(
    ("guard", "code", "said"),
    [
        ('if __name__ == "__main__":', 0, "[(-3, 3)]"),
        ("if True:", 1, "would run again in each worker process"),
    ],
)
def test_a_script_is_run_once_or_refused(tmp_path: Path, guard: str, code: int, said: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(WORK.format(guard=guard))
    source = str(Path(main_script.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": source},
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
