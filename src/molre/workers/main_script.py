"""A script is imported by every worker process that it starts, and would start more there."""

from __future__ import annotations

import sys
from pathlib import Path

from molre.errors import MolreError


def refuse_unguarded_script() -> None:
    """Refuse to start processes from a script that does its work when it is imported.

    Without it the workers run the script, die of it and are started again, without end.

    Raises:
        MolreError: the running script does not look at ``__name__``.
    """
    main = sys.modules.get("__main__")
    path = getattr(main, "__file__", None)
    if path is None or getattr(main, "__spec__", None) is not None:
        return  # a notebook, python -c, or python -m, which workers do not import again
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    if "__main__" not in text:
        raise MolreError(
            "would run again in each worker process that it starts",
            where=path,
            fix='move its code below a line `if __name__ == "__main__":`',
        )
