"""Names of files in little memory: the folder of neighboring files is kept once.

A string for each of a million files takes 150 MB; a scanner's names are short, and a study's files
lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterator

CODE = ("utf-8", "surrogatepass")  # what the file system has that is no text, as Python holds it


class Names:
    """Names in the order they were added.

    Each run of neighbors is a prefix, up to the last slash, and what follows it of each name,
    joined by slashes, which it has none of.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[str, bytearray]] = []
        self._count = 0

    def add(self, name: str) -> None:
        """Add one at the end."""
        folder, slash, last = name.rpartition("/")
        if not self._runs or self._runs[-1][0] != folder + slash:
            self._runs.append((folder + slash, bytearray()))
        else:
            self._runs[-1][1].extend(b"/")
        self._runs[-1][1].extend(last.encode(*CODE))
        self._count += 1

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def __iter__(self) -> Iterator[str]:
        """The names as they were added."""
        for prefix, joined in self._runs:
            for last in joined.decode(*CODE).split("/"):
                yield prefix + last
