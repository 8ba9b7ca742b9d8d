"""Molre in processes of its own that start at once: forked from one that has imported everything.

Whoever looks at what a signal or a full disk leaves need not wait for torch each time.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
# what training, evaluation and prediction import; none of it has polars start its pool of threads
MODULES = (
    "timm",
    "pydicom",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.stats",
    "matplotlib.backends.backend_svg",
    "molre.training.train",
    "molre.training.write_run",
    "molre.workflows.evaluate_run",
    "molre.workflows.prediction_folder",
    "molre.cli.main",
)


@dataclass(frozen=True)
class Forked:
    """A process that runs a verb.

    Attributes:
        pid: of the process.
        said: file of its stderr.
    """

    server: Server
    pid: int
    said: Path

    def poll(self) -> int | None:
        """Its exit code, as of a :class:`subprocess.Popen`; None while it runs."""
        return self.server.ask("code_of", self.pid, os.WNOHANG)

    def wait(self) -> int:
        """Its exit code, once it has ended."""
        code: int = self.server.ask("code_of", self.pid, 0)
        return code


class Server:
    """The process that has imported everything."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        command = [sys.executable, "-B", "-m", "tests.helpers.cli.warm"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)

    def ask(self, what: str, *given: object) -> Any:
        """Have one of this module's functions called there."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([what, *given]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def start(self, *arguments: object, largest_file: int = resource.RLIM_INFINITY) -> Forked:
        """Run a verb in a process that may write files of so many bytes."""
        self.count += 1
        said = self.folder / f"stderr-{self.count}"
        pid = self.ask("fork", [str(a) for a in arguments], str(said), largest_file)
        return Forked(self, pid, said)


@contextmanager
def warm(folder: Path) -> Iterator[Server]:
    """A server that keeps what its processes say in a folder."""
    server = Server(folder)
    with server.process:  # closes the pipe, upon which it ends
        yield server


def fork(arguments: list[str], said: str, largest_file: int) -> int:
    """In the server: a process that runs a verb."""
    child = os.fork()
    if child:
        return child
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        err = os.open(said, os.O_WRONLY | os.O_CREAT)
        for fd, target in ((nowhere, 0), (nowhere, 1), (err, 2)):
            os.dup2(fd, target)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
        sys.argv = ["molre", *arguments]
        importlib.import_module("molre.cli.main").main()
    except SystemExit as leaving:
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else 1)
    finally:
        os._exit(1)


def code_of(child: int, options: int) -> int | None:
    """In the server: the exit code of a process."""
    pid, status = os.waitpid(child, options)
    return os.waitstatus_to_exitcode(status) if pid else None


CALLED: dict[str, Callable[..., int | None]] = {"fork": fork, "code_of": code_of}

if __name__ == "__main__":
    for name in MODULES:
        importlib.import_module(name)
    for line in sys.stdin:
        asked, *values = json.loads(line)
        print(json.dumps(CALLED[asked](*values)), flush=True)  # noqa: T201
