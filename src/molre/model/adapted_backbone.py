"""A backbone with adapted layers: what is trained at placement ``blocks``, kept, and run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from molre.arms.arm import Arm, Settings
from molre.arms.arms import blocks_adapters
from molre.arms.sites import NOWHERE, Sites
from molre.backbones.backbone import Backbone, Features
from molre.embedding.chunks import in_halves
from molre.errors import MolreError, NotApplicable
from molre.model.unregistered import Unregistered

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
NETWORK_FILE = "network.safetensors"
CHUNK = 16  # slices a forward pass


class AdaptedBackbone(nn.Module):
    """A backbone and the weights that an arm adds to it or, trained as a whole, those it has.

    Its state dict holds only those weights, and trained as a whole what the network has counted.
    The backbone stays in evaluation mode, but for one that is trained from scratch, whose batch
    norm has no means to normalize by until it has seen some.

    Args:
        backbone: changed in place.
        model: the PeftModel around its network, or None where all of it is trained.
        sites: where it is adapted.
        bank: for the shuffled control, for each site what its router sees: float32 (M, d_in).

    Attributes:
        routed: the MoLRE layers by name within the network; none for the other arms.
    """

    def __init__(
        self,
        backbone: Backbone,
        model: Any,
        sites: Sites,
        bank: Mapping[str, Tensor] | None = None,
    ):
        super().__init__()
        from molre.adapter.layer import MoLRELayer

        self._backbone, self._model = Unregistered(backbone), Unregistered(model)
        self.sites = sites
        self.bank = dict(bank or {})
        backbone.eval()
        if model is None:
            backbone.requires_grad_(True)
        named = {
            n: p for n, p in backbone.network.named_parameters() if model is None or is_added(n)
        }
        self.weights = nn.ParameterDict({n.replace(".", "/"): p for n, p in named.items()})
        self.counts = _Counts(backbone.network if model is None else nn.Module())
        modules = backbone.network.named_modules()
        self.routed = {name: m for name, m in modules if isinstance(m, MoLRELayer)}

    @property
    def backbone(self) -> Backbone:
        """The backbone, adapted."""
        return self._backbone.content

    def train(self, mode: bool = True) -> AdaptedBackbone:
        """Training mode, which reaches only a network that is trained from scratch."""
        super().train(mode)
        self.backbone.network.train(mode and self.backbone.from_scratch)
        return self

    def forward(
        self, run: Callable[[Tensor], Features], inputs: Tensor, bank_index: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Embed slices.

        Args:
            run: the backbone, or a prefix's ``resume``.
            inputs: what ``run`` takes, (B, ...).
            bank_index: int64 (B,), see :func:`molre.model.classifier.bank_indices`.

        Returns:
            float32 (B, D), and the gates float32 (B, L, E) of the L routed layers, or None.
        """
        from molre.adapter.reading import noting, rerouted

        contexts = {
            name: bank.to(bank_index.device)[bank_index % len(bank)]
            for name, bank in self.bank.items()
        }
        with rerouted(self.routed, contexts), noting(self.routed) as seen:
            pooled = run(inputs).pooled.float()
            gates = list(seen().values())
        if len(gates) != len(self.routed):
            raise MolreError(
                f"{len(self.routed) - len(gates)} of {len(self.routed)} adapted layers of "
                f"{self.backbone.name} are never called, so this adapter does nothing there",
                fix="train again: molre now adapts layers that run",
            )
        return pooled, torch.stack(gates, dim=1) if gates else None

    def embed(self, pixels: Tensor, bank_index: Tensor) -> tuple[Tensor, Tensor | None]:
        """Embed a scan without gradients, on the backbone's device, in chunks.

        Args:
            pixels: (S, C, size, size).
            bank_index: int64 (S,).

        Returns:
            as :meth:`forward`, on the CPU.
        """
        device = next(self.backbone.parameters()).device

        def embed(x: Tensor, index: Tensor) -> tuple[Tensor, Tensor | None]:
            pooled, gates = self(self.backbone, x.to(device), index.to(device))
            return pooled.cpu(), None if gates is None else gates.cpu()

        with torch.inference_mode():
            return in_chunks(embed, pixels, bank_index, CHUNK, self.backbone)

    def save(self, folder: Path) -> tuple[str, ...]:
        """Write what was trained into a model folder; return the files' names in it.

        An adapter is written in peft's layout, as ``adapter/``; the base model is named by the id
        of its weights, never by a path.
        """
        from safetensors.torch import save_file

        model = self._model.content
        if model is None:
            state = {
                k: v.detach().contiguous() for k, v in self.backbone.network.state_dict().items()
            }
            save_file(state, folder / NETWORK_FILE)
            return (NETWORK_FILE,)
        model.peft_config["default"].base_model_name_or_path = self.backbone.weights.id
        # without it peft looks on the hub for a vocabulary that may have grown
        model.save_pretrained(str(folder / "adapter"), save_embedding_layers=False)
        (folder / "adapter" / "README.md").unlink(missing_ok=True)
        return tuple(f"adapter/{name}" for name in ADAPTER_FILES)


def adapt(backbone: Backbone, arm: Arm, settings: Settings) -> AdaptedBackbone:
    """Adapt a backbone for an arm, at its start: it answers as the frozen one.

    Args:
        backbone: changed in place; one without weights gets them from torch's generator.
        arm: that trains something inside a backbone.
        settings: how large it is, and where.

    An adapter is accepted only where a forward pass was seen to call every adapted layer, and a
    gradient to reach it.

    Raises:
        NotApplicable: the arm is not applicable to this backbone.
    """
    network, inside = backbone.network, arm.inside("blocks")
    assert inside is not None
    scratch = backbone.from_scratch
    called = None if scratch or inside.whole else modules_called(backbone)
    sites = arm.sites(network, settings, from_scratch=scratch, called=called)
    if inside.peft is None:
        if backbone.start is not None:
            backbone.start(network)
        return AdaptedBackbone(backbone, None, sites)
    model = _with_adapter(network, inside.peft(settings), sites)
    _check_runs(backbone)
    return AdaptedBackbone(backbone, model, sites)


def _with_adapter(network: nn.Module, asked: dict[str, Any], sites: Sites) -> Any:
    from peft import get_peft_config, get_peft_model

    import molre.adapter.tuner  # noqa: F401 - registers the method with peft

    config = get_peft_config(asked | {"target_modules": sorted(sites.layers)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of transformers, about peft
        return get_peft_model(network, config)


def modules_called(backbone: Backbone) -> set[str]:
    """Names within the network of the modules that one forward pass calls.

    Args:
        backbone: not adapted yet.
    """
    from molre.adapter.running import counting

    network = backbone.network
    modules = {
        n: m for n, m in network.named_modules() if not isinstance(m, torch.jit.ScriptModule)
    }
    with counting(modules) as calls, torch.no_grad():
        backbone(_one_input(backbone))
    scripted = {name for name, _ in network.named_modules()} - set(modules)
    return {name for name, times in calls.items() if times} | scripted


def _check_runs(backbone: Backbone) -> None:
    from molre.adapter.running import check

    pixels = _one_input(backbone)
    try:
        check(backbone.network, lambda: backbone(pixels).pooled)
    except ValueError as error:
        raise NotApplicable(
            str(error).rstrip("."),
            where="placement blocks",
            fix="use --placement slice or another backbone",
        ) from None


def _one_input(backbone: Backbone) -> Tensor:
    parameter = next(backbone.parameters())
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn((1, *backbone.contract.pixel_shape), generator=generator)
    return pixels.to(parameter.device)


def load(
    backbone: Backbone, folder: Path, kind: str, bank: Mapping[str, Tensor]
) -> AdaptedBackbone:
    """Put what a model folder holds back into its backbone.

    Args:
        backbone: changed in place.
        folder: of the model.
        kind: of adapter, as ``model.json`` calls it.
        bank: as in :class:`AdaptedBackbone`.

    Raises:
        MolreError: it was trained on another backbone.
    """
    from peft import PeftModel
    from safetensors.torch import load_file

    import molre.adapter.tuner  # noqa: F401 - registers the method with peft

    try:
        if blocks_adapters()[kind].whole:
            backbone.network.load_state_dict(load_file(folder / NETWORK_FILE))
            return AdaptedBackbone(backbone, None, NOWHERE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of transformers, about peft
            model = PeftModel.from_pretrained(backbone.network, str(folder / "adapter"))
    except (ValueError, RuntimeError, KeyError) as error:
        raise MolreError(
            f"the adapter does not fit this backbone ({str(error).splitlines()[0]})", where=folder
        ) from None
    return AdaptedBackbone(backbone, model, NOWHERE, bank)


class _Counts(nn.Module):
    """A network's buffers, shared, so that they are saved and restored with trained weights."""

    def __init__(self, network: nn.Module):
        super().__init__()
        for name, buffer in network.named_buffers():
            self.register_buffer(name.replace(".", "/"), buffer)


@contextmanager
def not_counting(network: nn.Module) -> Iterator[None]:
    """A second pass over the same inputs, of which batch norm has counted the first."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.training]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def is_added(name: str) -> bool:
    """Whether a weight, by its name, is an adapter's and so none of the backbone's own."""
    return ".lora_" in name or ".molre_" in name


def in_chunks(
    embed: Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]],
    slices: Tensor,
    bank_index: Tensor,
    size: int,
    network: nn.Module,
) -> tuple[Tensor, Tensor | None]:
    """Embed slices, ``size`` of them at a time; fewer without gradients, where they do not fit.

    Args:
        embed: what embeds a chunk, giving embeddings (B, D) and gates (B, L, E) or None.
        slices: (S, ...).
        bank_index: int64 (S,).
        size: of a chunk.
        network: that is run.

    Returns:
        embeddings (S, D), and gates (S, L, E) or None.
    """
    if torch.is_grad_enabled():  # a step that does not fit is taken again as a whole
        chunks = zip(slices.split(size), bank_index.split(size), strict=True)
        parts = [embed(x, index) for x, index in chunks]
    else:
        parts = in_halves(embed, [slices, bank_index], size, network, "a slice in the backbone")
    gates = [seen for _, seen in parts if seen is not None]
    return torch.cat([pooled for pooled, _ in parts]), torch.cat(gates) if gates else None
