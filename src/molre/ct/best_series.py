"""The best readable series of a study, and what is noted about better ones that cannot be read.

``molre ingest`` tries one series a job, as a worker may die of it; ``molre predict`` tries them in
turn. Both go by the rule here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from molre.ct.read import Missing, read_found
from molre.ct.survey import Study, choose
from molre.ct.volume import Volume
from molre.errors import RefusedScan


@dataclass(frozen=True)
class Best:
    """A study's series as read.

    Attributes:
        volume: of it.
        why: it and not another.
        failed: why each better one could not be read.
    """

    volume: Volume
    why: str
    failed: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """A sentence for each better series."""
        return [better_failed(reason) for reason in self.failed]


def read_best(study: Study, *, missing: Missing = "warn") -> Best:
    """Read the best series of a study that can be read.

    Args:
        study: as ``survey`` or ``look`` gives it.
        missing: note missing slices, or refuse the series.

    Raises:
        RefusedScan: none can be read; it says what is wrong with the last of them.
    """
    failed: list[str] = []
    while True:
        left = after(study, len(failed))
        series, why = choose(left)
        try:
            return Best(read_found(series, missing=missing), why, tuple(failed))
        except RefusedScan as error:
            if len(left.series) == 1:
                raise
            failed.append(error.what)


def after(study: Study, failed: int) -> Study:
    """The study without the best ``failed`` of its series, which could not be read."""
    return replace(study, series=study.series[failed:])


def better_failed(reason: str) -> str:
    """What is said of a series that would have been chosen, beside the one that was."""
    return f"a better series could not be read: {reason}"
