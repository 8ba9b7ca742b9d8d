"""Attributes of one frame of an Enhanced CT, from wherever the object keeps them."""

from __future__ import annotations

from pydicom.dataset import Dataset

from molre.ct.dicom.elements import floats, has, number, text, value

NOTHING = Dataset()


class Groups:
    """Looks an attribute up in the frame's functional group, the shared one, then the header."""

    def __init__(self, top: Dataset, shared: Dataset, frame: Dataset) -> None:
        """Of one frame; ``shared`` and ``frame`` are items of the functional groups sequences."""
        self.top, self.shared, self.frame = top, shared, frame

    def find(self, sequence: str, keyword: str) -> Dataset:
        """The item that holds ``keyword``, an empty one where nothing does."""
        for level in (self.frame, self.shared):
            if has(level, sequence) and has(found := item(level, sequence), keyword):
                return found
        return self.top if has(self.top, keyword) else NOTHING

    def text(self, sequence: str, keyword: str) -> str | None:
        """As `molre.ct.dicom.elements.text`."""
        return text(self.find(sequence, keyword), keyword)

    def floats(self, sequence: str, keyword: str) -> tuple[float, ...] | None:
        """As `molre.ct.dicom.elements.floats`."""
        return floats(self.find(sequence, keyword), keyword)

    def number(self, sequence: str, keyword: str) -> float | None:
        """As `molre.ct.dicom.elements.number`."""
        return number(self.find(sequence, keyword), keyword)


def item(dataset: Dataset, sequence: str) -> Dataset:
    """The first item of a sequence, an empty one where there is none."""
    items = value(dataset, sequence)
    return items[0] if items else NOTHING
