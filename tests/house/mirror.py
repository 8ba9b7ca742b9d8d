"""``make check``: a file ``a/b.py`` under ``src/molre`` has its tests in ``tests/a/test_b.py``.

``unmirrored.txt`` beside this lists those that have none yet. It may only shrink: a new file
without a test file fails, and so does a listed one that has got its own or is gone. After files
were moved, ``--rewrite`` writes the list anew; it may be no longer than before.
"""

import subprocess
import sys
from pathlib import Path, PurePosixPath

SOURCES, TESTS = "src/molre/", "tests/"
LISTED = Path(__file__).with_name("unmirrored.txt")
OVERLOOKED = ("__init__.py", "__main__.py")


def without_mirror(tracked: list[str]) -> list[str]:
    """Files below ``src/molre``, of the tracked ones, without a test file of their name."""
    sources = [PurePosixPath(name.removeprefix(SOURCES)) for name in tracked if _is_source(name)]
    tests = set(tracked)
    return sorted(
        str(path)
        for path in sources
        if f"{TESTS}{path.with_name(f'test_{path.name}')}" not in tests
    )


def _is_source(name: str) -> bool:
    path = PurePosixPath(name)
    return name.startswith(SOURCES) and path.suffix == ".py" and path.name not in OVERLOOKED


def complaints(missing: list[str], listed: list[str]) -> list[str]:
    """What is wrong with the list, a sentence each."""
    new = [f"{name} has no test file: write tests/.../test_{name.rsplit('/', 1)[-1]}"
           for name in sorted(set(missing) - set(listed))]  # fmt: skip
    return new + [
        f"{name} has its test file, or is gone: take it off tests/house/{LISTED.name}"
        for name in sorted(set(listed) - set(missing))
    ]


def main() -> int:
    """Check, or ``--rewrite`` the list."""
    command = ["git", "ls-files", SOURCES, TESTS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    missing = without_mirror(done.stdout.splitlines())
    listed = LISTED.read_text(encoding="utf-8").split() if LISTED.is_file() else missing
    if "--rewrite" in sys.argv[1:]:
        if len(missing) > len(listed):
            sys.stderr.write(f"{len(missing)} files have no test file, {len(listed)} had none\n")
            return 1
        LISTED.write_text("".join(f"{name}\n" for name in missing), encoding="utf-8")
        return 0
    said = complaints(missing, listed)
    sys.stderr.write("".join(f"{line}\n" for line in said))
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
