"""``--device``: which processor computes, found out before anything is loaded."""

from __future__ import annotations

import re
import warnings

from molre.errors import MolreError

ALLOWED = "auto, cpu, cuda, cuda:N, mps or xpu"
_FORM = re.compile(r"(auto|cpu|cuda|mps|xpu)(?::([0-9]{1,3}))?")


def usable(device: str, *, here: bool = True) -> str:
    """A device that torch can compute on; ``auto`` is CUDA where there is some, else the CPU.

    Args:
        device: one of :data:`ALLOWED`.
        here: it must be in this machine; else, for the workers of a cluster, only its form is
            looked at.

    Raises:
        MolreError: no such device, or it is not here.
    """
    kind, number = _parts(device)
    if kind == "cpu":
        return "cpu"
    if not here:
        return _elsewhere(device)
    count = _count("cuda" if kind == "auto" else kind)
    if kind == "auto":
        return "cuda" if count else "cpu"
    if not count:
        raise MolreError(
            f"no {kind.upper()} device is available here",
            where=_option(device),
            fix="leave out --device to use the CPU, or see what `molre doctor` finds",
        )
    if number is not None and number >= count:
        there = f"{kind}:0" if count == 1 else f"{kind}:0 to {kind}:{count - 1}"
        raise MolreError(
            f"there is no such device; {there} can be used",
            where=_option(device),
            fix=f"choose one of {ALLOWED}",
        )
    return device


def _parts(device: str) -> tuple[str, int | None]:
    found = _FORM.fullmatch(device)
    if found is None or (found[1] == "auto" and found[2]):
        raise MolreError(
            f"{device!r} is not a device", where="--device", fix=f"choose one of {ALLOWED}"
        )
    return found[1], None if found[2] is None else int(found[2])


def _elsewhere(device: str) -> str:
    if device == "auto":
        raise MolreError(
            "the devices of a cluster's workers are not known here",
            where=_option(device),
            fix="name their device, e.g. cpu or cuda",
        )
    return device


def _count(kind: str) -> int:
    """How many of them torch can use."""
    import torch

    with warnings.catch_warnings():  # a driver that does not fit says so in several lines
        warnings.simplefilter("ignore")
        if kind == "mps":
            return int(torch.backends.mps.is_available())
        backend = torch.cuda if kind == "cuda" else torch.xpu
        return int(backend.device_count()) if backend.is_available() else 0


def _option(device: str) -> str:
    return f"--device {device}"
