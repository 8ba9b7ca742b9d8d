"""What a user sets to adapt a model with MoLRE."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from peft import PeftConfig

from molre.adapter.core import ROUTER_HIDDEN
from molre.adapter.peft_type import MOLRE

GateMode = Literal["mean", "cls", "token"]


@dataclass
class MoLREConfig(PeftConfig):
    """Configuration of :class:`~molre.adapter.tuner.MoLREModel`, for ``peft.get_peft_model``.

    Args:
        r: rank of each expert.
        num_experts: E, experts of one adapted layer.
        alpha: the delta is scaled by ``alpha / r``; None means ``r``, so by 1.
        use_rslora: scale by ``alpha / sqrt(r)`` instead, so that a larger rank is not damped.
        router_dim: hidden width of the router.
        gate_mode: what the router sees of a layer's input. ``mean``: its mean over the tokens,
            padding left out, and never in a causal decoder; ``cls``: its first token that is not
            padding; ``token``: each token for itself.
        dropout: on the input of the experts, in training; the router sees the input undropped.
        target_modules: names (a module matches by its name's end), a regular expression of whole
            names, or ``all-linear``. None takes the query and value projections; where they are
            fused with the keys' (``qkv``), the fused layer.
        exclude_modules: names or a regular expression to leave out.
        layers_to_transform: indices of the blocks to adapt; all of them when None.
        layers_pattern: name of the list of blocks, where peft cannot tell it from the names.
        modules_to_save: further modules to train and save, such as a new head.
        budget: adapt the last k blocks, k the largest that adds at most this share of the base
            model's parameters, such as 0.005.
        train_router: False leaves the router as it was initialized: a control.
        fixed_gates: E numbers that replace the router. Only such an adapter can be merged.
        init_weights: True starts B at zero, so that the adapted model starts as the base model;
            False starts it at random, for tests.

    Raises:
        ValueError: on a value out of range, naming it.

    Examples:
        >>> import torch
        >>> from peft import get_peft_model
        >>> from molre.adapter import MoLREConfig
        >>> base = torch.nn.Sequential(torch.nn.Linear(16, 16))
        >>> model = get_peft_model(base, MoLREConfig(r=2, num_experts=3, target_modules=["0"]))
        >>> tokens = torch.ones(1, 4, 16)
        >>> torch.equal(model(tokens), base(tokens))  # as the base model at the start
        True
    """

    r: int = 8
    num_experts: int = 6
    alpha: float | None = None
    use_rslora: bool = False
    router_dim: int = ROUTER_HIDDEN
    gate_mode: GateMode = "mean"
    dropout: float = 0.0
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    modules_to_save: list[str] | None = None
    budget: float | None = None
    train_router: bool = True
    fixed_gates: list[float] | None = None
    init_weights: bool = field(default=True, metadata={"help": "False only in tests."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = MOLRE
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)  # type: ignore[assignment]
        if isinstance(self.exclude_modules, list):
            self.exclude_modules = set(self.exclude_modules)  # type: ignore[assignment]
        self._check_sizes()
        self._check_choices()

    @property
    def scaling(self) -> float:
        """``alpha / r``, or ``alpha / sqrt(r)`` with ``use_rslora``."""
        alpha = self.r if self.alpha is None else self.alpha
        return float(alpha / (self.r**0.5 if self.use_rslora else self.r))

    def _check_sizes(self) -> None:
        for name in ("r", "num_experts", "router_dim"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}.")
        if self.alpha is not None and not self.alpha > 0:
            raise ValueError(f"alpha must be a number above 0, got {self.alpha}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}.")
        if self.budget is not None and not self.budget > 0:
            raise ValueError(f"budget is a share of the parameters above 0, got {self.budget}.")

    def _check_choices(self) -> None:
        if self.gate_mode not in get_args(GateMode):
            modes = ", ".join(get_args(GateMode))
            raise ValueError(f"gate_mode must be one of {modes}, got {self.gate_mode!r}.")
        if self.layers_pattern and self.layers_to_transform is None:
            raise ValueError("layers_pattern needs layers_to_transform: name the blocks to adapt.")
        expression = isinstance(self.target_modules, str) and self.target_modules != "all-linear"
        if expression and self.layers_to_transform is not None:
            raise ValueError(
                "layers_to_transform does not apply to a regular expression: list the "
                "target_modules, or write the block numbers into the expression."
            )
        if self.fixed_gates is not None:
            self._check_fixed_gates(self.fixed_gates)

    def _check_fixed_gates(self, fixed: list[float]) -> None:
        odd = next((gate for gate in fixed if not math.isfinite(gate)), None)
        if odd is not None:
            raise ValueError(f"fixed_gates must be finite numbers, got {odd}.")
        if len(fixed) != self.num_experts:
            raise ValueError(
                f"fixed_gates needs one number for each of the {self.num_experts} experts, "
                f"got {len(fixed)}."
            )
