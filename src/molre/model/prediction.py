"""Prediction: what molre says of one study, as a versioned JSON schema."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2  # 2: a probability may be null; scan_synthetic, files, made_from
RESEARCH_ONLY = "Research use only. Not a medical device."


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeySlice(_Part):
    """The slice that weighed most for a finding."""

    index: int = Field(description="Slice index in the series used, 0 at the inferior end.")
    sop_instance_uid: str | None = None
    frame: int | None = None


class FindingScore(_Part):
    """One finding's probability; null where no calibration could be estimated in training."""

    id: str
    name: str
    category: str
    probability: float | None = Field(
        ge=0, le=1, description="Null where the model could not be calibrated for it."
    )
    calibrated: bool
    threshold: float | None = Field(default=None, description="Probability scale; null if none.")
    key_slice: KeySlice | None = None


class SeriesUsed(_Part):
    """Which series was read and why."""

    series_uid: str | None
    slices: int
    why: str


class ModelUsed(_Part):
    """Which model spoke."""

    arm: str
    placement: str
    backbone: str
    weights_sha256: str
    model_sha256: str
    trained_on: str = Field(description="'patients' or 'synthetic phantoms'.")


class Routing(_Part):
    """What the router did: mean gate per expert over the scan, and its entropy."""

    mean_gates: list[float]
    entropy: float = Field(description="Share of the maximum: 1 is uniform, 0 is one expert.")


class Prediction(_Part):
    """The answer for one study.

    ``status`` is ``scored``, ``withheld`` (read, but no probability can be trusted; ``findings``
    is empty unless asked for) or ``refused`` (not readable as head CT: ``series`` is null).

    A file of version 1 is read as well; what it lacks is null or empty.
    """

    schema_version: int = SCHEMA_VERSION
    molre_version: str
    status: Literal["scored", "withheld", "refused"]
    reasons: list[str]
    study: str = Field(description="Folder name: 16 hex digits, no patient data.")
    series: SeriesUsed | None = None
    model: ModelUsed
    findings: list[FindingScore] = []
    no_key_slice: str | None = Field(
        default=None, description="Why no finding has a key slice; null where they have one."
    )
    routing: Routing | None = None
    familiarity: float | None = Field(
        default=None, description="Distance from the training scans over its threshold; > 1 is far."
    )
    quality: list[str] = Field(default=[], description="What was repaired or is unusual.")
    synthetic: bool = Field(description="True if the scan or the model's training is synthetic.")
    scan_synthetic: bool | None = Field(
        default=None, description="True if the scan is a phantom; null where it was not read."
    )
    files: list[str] = Field(
        default=[], description="Where refused: names of the files, without their folders."
    )
    made_from: str | None = Field(
        default=None,
        description="SHA-256 of place, size and times of the scan's files, and of the settings.",
    )
    pixel_sha256: str | None = None
    notice: str = RESEARCH_ONLY
