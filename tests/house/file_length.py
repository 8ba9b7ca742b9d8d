"""``make check``: no Python file over 400 lines."""

import subprocess
import sys
from pathlib import Path

LIMIT = 400


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True)
    lengths = {name: len(Path(name).read_bytes().splitlines()) for name in listed.stdout.split()}
    long = {name: n for name, n in lengths.items() if n > LIMIT}
    for name, n in sorted(long.items()):
        sys.stderr.write(f"{name}: {n} lines, over {LIMIT}; one idea a file\n")
    return 1 if long else 0


if __name__ == "__main__":
    sys.exit(main())
