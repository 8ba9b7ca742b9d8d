"""Labels of slices to those of their study."""

from __future__ import annotations


def of_study(positive: int, negative: int, slices: int) -> tuple[str, str]:
    """State of a study for one finding, and its evidence.

    Any slice that shows it makes it present. It is absent only if every slice of the study is
    labeled and none shows it: one that nobody labeled might.

    Args:
        positive: slices labeled 1.
        negative: slices labeled 0.
        slices: of the study, labeled or not.

    >>> of_study(2, 30, 32)
    ('present', 'slices 2 of 32')
    >>> of_study(0, 31, 32)
    ('uncertain', 'slices 0 of 31, 1 of 32 not labeled')
    """
    labeled = positive + negative
    gap = f", {slices - labeled} of {slices} not labeled" if labeled < slices else ""
    evidence = f"slices {positive} of {labeled}{gap}"
    if positive:
        return "present", evidence
    return ("uncertain" if gap or not slices else "absent"), evidence
