"""What a page must say first of phantoms: of the scan what is true of it, of the model likewise."""

from __future__ import annotations

from typing import Any

TRAINED = "This model was trained on synthetic phantoms only"
NOTHING = "Nothing here says how a model does on people."


def scan_banner(*, scan: bool | None, model: bool) -> str | None:
    """The sentence above one scan's answer; None where scan and model are of patients.

    Args:
        scan: it is a phantom; None where it could not be read.
        model: it was trained on phantoms.
    """
    if scan is None:
        return f"{TRAINED}." if model else None
    if scan:
        trained = "and the model was trained on phantoms only" if model else "not a patient's"
        return f"Synthetic: this scan is a phantom, {trained}. {NOTHING}"
    if model:
        return f"{TRAINED}; this scan is a patient's. Nothing here says anything about the patient."
    return None


def page_banner(*, scans: bool, synthetic: bool) -> dict[str, Any]:
    """What a page is given: of phantoms the usual banner, of a model of phantoms another.

    Args:
        scans: those that the page is of are phantoms.
        synthetic: they are, or the model's were.
    """
    if scans == synthetic:
        return {"synthetic": synthetic}
    return {"banner": scans_banner(scans=scans, model=synthetic), "synthetic": scans}


def scans_banner(*, scans: bool, model: bool) -> str | None:
    """The sentence above what was computed from many scans, all of them phantoms or not."""
    if scans:
        trained = "and the model was trained on phantoms only" if model else "not of patients"
        return f"Synthetic: these scans are phantoms, {trained}. {NOTHING}"
    if model:
        return f"{TRAINED}; these scans are patients'. Nothing here says anything about them."
    return None
