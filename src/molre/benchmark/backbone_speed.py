"""How fast a backbone is here, and how much it computes: for an estimate before anything starts.

Weights are not needed: a network of the published shape takes the same time at random weights.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn

from molre.backbones import catalogue
from molre.benchmark.config import BackboneChoice
from molre.benchmark.inspect_backbone import reasons, slot_of
from molre.errors import MolreError
from molre.training.config import TrainConfig

ENOUGH = 2.0  # seconds of measuring, after the first pass
LARGE = 200.0  # GFLOP a pass from which on one pass is enough, and no warm-up


@dataclass(frozen=True)
class Measured:
    """What a backbone takes.

    Attributes:
        name, slot, parameters, dim: as in :class:`molre.benchmark.inspect_backbone.BackboneFacts`.
        unit: ``slice`` or ``volume``, what one pass is over.
        pixels: shape of one.
        most: units a scan, at most.
        seconds: of one pass over one unit, here: on a CPU of one thread, by the processor's clock,
            so that other work on the machine does not count; None where it could not be run.
        gflops: of one pass, counted; None where torch cannot.
        random: measured at random weights.
        reasons: why arms are not applicable.
        problem: why it could not be run.
    """

    name: str
    slot: str
    parameters: int
    dim: int
    unit: str
    pixels: tuple[int, ...]
    most: int
    seconds: float | None = None
    gflops: float | None = None
    random: bool = True
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def measure(choice: BackboneChoice, configs: Mapping[str, TrainConfig], device: str) -> Measured:
    """Run a backbone once or a few times.

    Args:
        choice: the backbone; of a published one the network is built, no weights are read.
        configs: a run's configuration for each placement.
        device: torch device.

    Raises:
        MolreError: unknown, or of an unpublished shape and without weights.
    """
    preset = catalogue.presets().get(choice.backbone)
    contract: Any
    if preset is not None:
        with torch.device("meta"):
            network = preset.skeleton()
        contract, dim, kind = choice.own_contract() or preset.contract, preset.dim, preset.kind
    else:
        backbone = choice.request().load()
        network, contract = backbone.network, backbone.contract
        dim, kind = backbone.dim, backbone.kind
    shape = tuple(contract.pixel_shape)
    gflops = _gflops(network, shape)
    seconds, problem = _seconds(network, shape, device, gflops)
    return Measured(
        name=choice.backbone,
        slot=slot_of(choice),
        parameters=sum(p.numel() for p in network.parameters()),
        dim=dim,
        unit="slice" if kind == "2d" else "volume",
        pixels=shape,
        most=contract.max_slices if kind == "2d" else 1,
        seconds=seconds,
        gflops=gflops,
        random=preset is not None,
        reasons=reasons(network, preset is not None and not preset.files, configs),
        problem=problem,
    )


def _gflops(network: nn.Module, shape: tuple[int, ...]) -> float | None:
    """Floating-point operations of one pass, counted on shapes alone."""
    from copy import deepcopy

    from torch.utils.flop_counter import FlopCounterMode

    try:
        shapes = deepcopy(network).to("meta").eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            shapes(torch.zeros(1, *shape, device="meta"))
        return float(counter.get_total_flops()) / 1e9
    except (RuntimeError, NotImplementedError, ValueError, TypeError, AttributeError):
        return None


def _made(network: nn.Module, device: str) -> nn.Module:
    """The network in memory; one that has only shapes gets some numbers, as fast as can be."""
    if not any(p.is_meta for p in network.parameters()):
        return network.to(device).eval()
    network = network.to_empty(device=device).eval()
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.detach().fill_(0.02 if tensor.is_floating_point() else 0)
    return network


def _seconds(
    network: nn.Module, shape: tuple[int, ...], device: str, gflops: float | None
) -> tuple[float | None, str]:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)  # as embedding does, in several processes
        network = _made(network, device)
        pixels = torch.randn(1, *shape, device=device)
        large = device == "cpu" and gflops is not None and gflops > LARGE
        if not large:
            _pass(network, pixels, device)  # the first one also makes ready
        times, started = [_pass(network, pixels, device)], time.perf_counter()
        while not large and time.perf_counter() - started < ENOUGH and len(times) < 20:
            times.append(_pass(network, pixels, device))
        return min(times), ""
    except (RuntimeError, MemoryError, MolreError) as error:
        return None, str(error).splitlines()[0][:200]
    finally:
        torch.set_num_threads(threads)


def _pass(network: nn.Module, pixels: torch.Tensor, device: str) -> float:
    kind = torch.device(device).type
    half = torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda")
    clock = time.process_time if kind == "cpu" else time.perf_counter
    started = clock()
    with torch.inference_mode(), half:
        network(pixels)
    if kind == "cuda":
        torch.cuda.synchronize()
    return clock() - started
