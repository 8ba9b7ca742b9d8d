"""A backbone cut in two before a block: what runs once, and what runs in every epoch.

Where only the last blocks are adapted, the tokens before them never change. They can be computed
once, kept, and the network resumed from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from molre.backbones.backbone import Backbone, Features
from molre.errors import MolreError

TOLERANCE = 1e-4


class Prefix(Backbone):
    """The part of a backbone before a block; its ``pooled`` is that block's input, flattened.

    Args:
        whole: the backbone, whose network is shared.
        block: name of the block within the network, such as ``blocks.10``.

    Raises:
        MolreError: the blocks are not one list that hands tokens (N, D) from one to the next.
    """

    def __init__(self, whole: Backbone, block: str):
        weights = replace(whole.weights, sha256=f"{whole.weights.sha256} before {block}")
        name = f"{whole.name}-before-{block}"
        trained = [p for p in whole.network.parameters() if p.requires_grad]
        super().__init__(name, whole.network, _no_features, 0, whole.contract, weights)
        for parameter in trained:  # a backbone freezes its network, and this one is shared
            parameter.requires_grad_(True)
        self.whole, self.block, self.precision = whole, block, whole.precision
        container, _, number = block.rpartition(".")
        if not number.isdigit():
            raise self._refusal()
        self._earlier = list(_children(whole.network, container))[: int(number)]
        self._block = whole.network.get_submodule(block)
        self._tuples = False
        self.shape = self._try()
        self.dim = self.shape[0] * self.shape[1]

    def forward(self, pixels: Tensor) -> Features:
        """The block's input for pixels of slices or volumes, as ``pooled`` (B, N * D)."""
        caught: list[Tensor] = []

        def catch(module: nn.Module, args: tuple[Any, ...]) -> None:
            caught.append(args[0])
            raise _Caught

        handle = self._block.register_forward_pre_hook(catch)
        try:
            self.whole(pixels)
        except _Caught:
            pass
        finally:
            handle.remove()
        return Features(None, caught[0].flatten(1))

    def resume(self, states: Tensor) -> Features:
        """The whole backbone's features, from the block's input.

        Args:
            states: (B, N, D) or (B, N * D); gradients flow into the blocks behind, not before.
        """
        states = states.reshape(len(states), *self.shape)
        blank = states.new_zeros(len(states), *self.contract.pixel_shape)

        def substitute(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            return (states, *args[1:])

        handle = self._block.register_forward_pre_hook(substitute)
        try:
            with _passing(self._earlier, self._tuples):
                return self.whole(blank)
        finally:
            handle.remove()

    def _try(self) -> tuple[int, int]:
        """Shape (N, D) of the block's input; resuming must give what the whole network gives."""
        parameter = next(self.parameters())
        generator = torch.Generator().manual_seed(0)
        size = (2, *self.contract.pixel_shape)
        pixels = torch.randn(size, generator=generator).to(parameter.device, parameter.dtype)
        shapes: list[tuple[int, ...]] = []

        def look(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            shapes.append(tuple(args[0].shape[1:]))
            self._tuples = isinstance(output, tuple)

        handle = self._block.register_forward_hook(look)
        try:
            with torch.inference_mode():
                expected = self.whole(pixels).pooled
                if len(shapes) == 1 and len(shapes[0]) == 2:
                    self.shape = (shapes[0][0], shapes[0][1])
                    got = self.resume(self.forward(pixels).pooled).pooled
                    if torch.allclose(got, expected, atol=TOLERANCE, rtol=TOLERANCE):
                        return self.shape
        except (RuntimeError, TypeError, ValueError, AttributeError, IndexError):
            pass
        finally:
            handle.remove()
        raise self._refusal()

    def _refusal(self) -> MolreError:
        return MolreError(
            f"{self.whole.name} cannot be resumed from the input of {self.block}",
            fix="train without the prefix cache (--set prefix_cache=false)",
        )


class _Caught(Exception):
    """The prefix has run; the rest of the network need not."""


def _no_features(network: nn.Module, pixels: Tensor) -> Features:  # forward is its own
    return Features(None, pixels)


def _children(network: nn.Module, container: str) -> Iterator[nn.Module]:
    return network.get_submodule(container).children()


@contextmanager
def _passing(blocks: list[nn.Module], tuples: bool) -> Iterator[None]:
    """Blocks that hand on what they are given, at no cost."""

    def hand_on(states: Tensor, *args: Any, **kwargs: Any) -> Any:
        return (states,) if tuples else states

    for block in blocks:
        block.forward = hand_on
    try:
        yield
    finally:
        for block in blocks:
            del block.forward
