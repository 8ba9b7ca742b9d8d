"""From a few numbers to a classifier: what a model folder must know to be built again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from molre.arms.arms import blocks_adapters, slice_adapters
from molre.errors import did_you_mean
from molre.model.classifier import HeadCTClassifier


def _one_of(kinds: Callable[[], Iterable[str]]) -> AfterValidator:
    def known(kind: str) -> str:
        if kind not in kinds():
            raise ValueError(f"unknown adapter {kind!r}: {did_you_mean(kind, kinds())}")
        return kind

    return AfterValidator(known)


SliceKind = Annotated[str, _one_of(slice_adapters)]  # names of adapters in model.json
BlocksKind = Annotated[str, _one_of(blocks_adapters)]


class ClassifierSpec(BaseModel):
    """Architecture of a :class:`HeadCTClassifier`.

    ``dim`` is D, ``findings`` K; ``bank_size`` counts the shuffled control's stored slices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dim: int
    findings: int
    adapter: SliceKind = "none"
    num_experts: int = 6
    r: int = 8
    scaling: float = 1.0
    router_hidden: int = 32
    shared_query: bool = False
    dropout: float = 0.3
    bank_size: int = 512


def build_classifier(spec: ClassifierSpec) -> HeadCTClassifier:
    """A fresh classifier, weights drawn from torch's global generator.

    The head is drawn before the adapter, so that arms of one seed start with the same head and can
    be compared in pairs.
    """
    classifier = HeadCTClassifier(spec.dim, spec.findings, None, spec.shared_query, spec.dropout)
    classifier.adapter = slice_adapters()[spec.adapter].build(spec)
    return classifier
