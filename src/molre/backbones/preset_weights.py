"""From a preset to a Backbone: consent, files, their hashes, memory, and only then weights."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from molre import files
from molre.backbones.backbone import Backbone, Weights
from molre.backbones.contract import Contract
from molre.backbones.preset import Preset
from molre.backbones.weight_files import fetch, hash_files, revision_of, safetensors_in
from molre.errors import MolreError

# of the parameter count: checkpoints differ in biases that are zero, not in their size
TOLERANCE = 0.01
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current")


def load_preset(
    preset: Preset,
    weights_dir: Path | None = None,
    contract: Any = None,
    *,
    unverified: bool = False,
    trust_remote_code: bool = False,
) -> Backbone:
    """A preset's backbone with its weights.

    Args:
        preset: of the catalogue.
        weights_dir: folder that holds its files, or a folder with its name that does.
        contract: the pixels it is given, where not its own.
        unverified: the caller knows that code or contract are not verified.
        trust_remote_code: the caller lets code run that came with the weights.

    Raises:
        MolreError: no consent; files that are absent, of another revision or hash, or of another
            network; too little memory.
    """
    _consent(preset, unverified, trust_remote_code)
    folder = None
    if preset.files:
        folder = _folder(preset, weights_dir)
        _check_revision(preset, folder)
        _check_hashes(preset, folder)
    _check_memory(preset)
    if contract is not None and type(contract) is not type(preset.contract):
        raise MolreError(
            f"{preset.name} reads {'slices' if preset.kind == '2d' else 'volumes'}, but the "
            "contract is not for these",
            fix="leave --contract out or give one of its kind",
        )
    backbone = _read(preset, folder, contract or preset.contract)
    counted = sum(p.numel() for p in backbone.network.parameters())
    if preset.parameters and abs(counted - preset.parameters) > TOLERANCE * preset.parameters:
        raise MolreError(
            f"has {counted:,} parameters, {preset.name} has {preset.parameters:,}",
            where=folder,
            fix=f"give the checkpoint of {preset.hub_id or preset.name}",
        )
    own = contract is None or contract.hash == preset.contract.hash
    backbone.contract_verified = preset.verified if own else None
    if folder is not None and backbone.weights.revision is None:
        backbone.weights = replace(backbone.weights, revision=revision_of(folder))
    return backbone


def _read(preset: Preset, folder: Path | None, contract: Any) -> Backbone:
    try:
        return preset.read(preset, folder, contract)
    except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
        # a damaged checkpoint: numbers and shapes that no network has
        said = (str(error).strip().splitlines() or [""])[0][:120]
        raise MolreError(
            f"cannot be read as {preset.name} ({type(error).__name__}: {said})",
            where=folder,
            fix="download it again",
        ) from error


def _consent(preset: Preset, unverified: bool, trust_remote_code: bool) -> None:
    needed = [] if preset.verified else ["--unverified"]
    needed += ["--trust-remote-code"] if preset.remote_code else []
    given = {"--unverified": unverified, "--trust-remote-code": trust_remote_code}
    if not all(given[flag] for flag in needed):
        why = preset.unverified or "reading it runs code that comes with its weights"
        raise MolreError(
            f"{preset.name} is not verified: {why}", fix=f"give {' '.join(needed)} to use it"
        )


def _folder(preset: Preset, weights_dir: Path | None) -> Path:
    """Where the files are: under ``weights_dir`` where given, else from the hub."""
    if weights_dir is not None:
        hub = preset.hub_id or preset.name
        for place in (preset.name, hub, hub.rsplit("/", 1)[-1], "."):
            if all(any((weights_dir / place).glob(pattern)) for pattern in preset.files):
                return weights_dir / place
        _refuse_pickles(weights_dir)
        raise MolreError(
            f"does not hold the files of {preset.name} ({', '.join(preset.files)})",
            where=weights_dir,
            fix=f"put them there, or into its folder {preset.name}" + _source(preset),
        )
    patterns = [*preset.files, "*.json"]
    folder = fetch(preset.hub_id, patterns, preset.revision) if preset.hub_id else None
    if folder is not None and all(any(folder.glob(pattern)) for pattern in preset.files):
        return folder
    raise MolreError(
        f"the weights of {preset.name} are not on this machine and cannot be fetched",
        fix=f"put {', '.join(preset.files)} into a folder and give it with --weights-dir"
        + _source(preset),
    )


def pedigree(preset: Preset, paths: list[Path]) -> Weights:
    """What a preset and the files it was read from say of weights."""
    return Weights(
        id=preset.hub_id or preset.name,
        sha256=hash_files(paths),
        license=preset.license,
        derivatives=preset.derivatives,
        pretraining=preset.pretraining,
    )


def check_images(preset: Preset, contract: Contract, channels: int, patch: int) -> None:
    """Whether a 2D network takes images of a contract.

    Raises:
        MolreError: other channels, or a size that its patches do not divide.
    """
    if len(contract.windows) != channels:
        raise MolreError(
            f"{preset.name} takes {channels} channels, the contract has "
            f"{len(contract.windows)} windows",
            fix=f"give {channels} windows with --contract FILE",
        )
    if contract.size % patch:
        raise MolreError(
            f"{preset.name}: images of {contract.size} do not divide into patches of {patch}",
            fix="give another size with --contract FILE",
        )


def _source(preset: Preset) -> str:
    if preset.gate:
        return f", after accepting the terms ({preset.license}) at {preset.gate}"
    last = f" ({preset.conversion})" if preset.conversion else ""
    return f", from https://huggingface.co/{preset.hub_id}{last}" if preset.hub_id else ""


def _refuse_pickles(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")) and any(folder.glob("*.bin")):
        safetensors_in(folder)  # says what to do with pickled weights


def _check_revision(preset: Preset, folder: Path) -> None:
    found = revision_of(folder)
    if preset.revision and found and found != preset.revision:
        raise MolreError(
            f"is revision {found[:12]} of {preset.hub_id}, {preset.name} needs "
            f"{preset.revision[:12]}",
            where=folder,
            fix=f"download revision {preset.revision}",
        )


def _check_hashes(preset: Preset, folder: Path) -> None:
    for name, wanted in preset.sha256.items():
        path = folder / name
        found = files.sha256(path) if path.is_file() else None
        if found != wanted:
            said = f"its SHA-256 is {found[:12]}" if found else "it is missing"
            raise MolreError(
                f"is not the file that {preset.name} was pinned to ({said}, needs {wanted[:12]})",
                where=path,
                fix="download it again",
            )


def _check_memory(preset: Preset) -> None:
    need, have = preset.weight_bytes, available_memory()
    if have is not None and need > have:
        raise MolreError(
            f"{preset.name} needs {need / 2**30:.1f} GiB of memory for its weights alone, "
            f"and {have / 2**30:.1f} GiB are free",
            fix="free memory or choose a smaller backbone (`molre list backbones`)",
        )


def available_memory() -> int | None:
    """Bytes that can be had: the machine's or the container's, whichever is less."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        found.append(1024 * int(fields["MemAvailable"].split()[0]))
    except (OSError, KeyError, ValueError):  # not Linux
        try:
            found.append(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        except (ValueError, OSError, AttributeError):
            return None
    try:
        limit, used = (int(Path(p).read_text(encoding="ascii")) for p in CGROUP_LIMITS)
        found.append(max(0, limit - used))
    except (OSError, ValueError):  # no container, or "max"
        pass
    return min(found)
