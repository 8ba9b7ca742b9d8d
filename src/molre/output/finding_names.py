"""Names of findings for people; a model may have been trained on a list of its own."""

from __future__ import annotations

from collections.abc import Sequence


def finding_names(ids: Sequence[str]) -> dict[str, str]:
    """Name of each id, from the findings table or made from the id itself."""
    from molre.labels.findings import findings

    known = findings().by_id
    return {
        one: known[one].name if one in known else one.replace("_", " ").capitalize() for one in ids
    }
