"""Prediction: what molre says about one study, as a versioned JSON schema."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION = 2  # 2: a probability may be null; scan_synthetic, files, made_from
RESEARCH_ONLY = "Research use only. Not a medical device."


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_serialization_defaults_required=True
    )


class KeySlice(_Part):
    """The slice that weighed most for a finding."""

    index: int = Field(description="Slice index in the series used, 0 at the inferior end.")
    sop_instance_uid: str | None = Field(
        default=None, description="SOP Instance UID of its image; null for a NIfTI."
    )
    frame: int | None = Field(
        default=None, description="Frame in a multi-frame image, from 0; null elsewhere."
    )


class FindingScore(_Part):
    """One finding's probability; null where no calibration could be estimated in training."""

    id: str = Field(description="Of the findings table, such as epidural_hemorrhage.")
    name: str = Field(description="As printed.")
    category: str = Field(
        description="hemorrhage, infarction, trauma, mass_lesion, structural or chronic."
    )
    probability: float | None = Field(
        ge=0, le=1, description="That it is present, 0 to 1; null where it could not be calibrated."
    )
    calibrated: bool = Field(
        description="The calibrate split had enough patients of both classes for it."
    )
    threshold: float | None = Field(
        default=None,
        description="Probability from which it counts as found, 0 to 1; null if there is none.",
    )
    key_slice: KeySlice | None = Field(
        default=None, description="The slice that weighed most; null of a 3D backbone."
    )


class SeriesUsed(_Part):
    """Which series was read and why."""

    series_uid: str | None = Field(description="SeriesInstanceUID; null for a NIfTI.")
    slices: int = Field(description="Number of slices read.")
    why: str = Field(description="Why this series and not another of the study.")


class ModelUsed(_Part):
    """Which model read it."""

    arm: str = Field(description="What was trained, such as frozen or molre.")
    placement: str = Field(description="Where: slice, on embeddings, or blocks, in the backbone.")
    backbone: str = Field(description="Its name in the catalogue.")
    weights_sha256: str = Field(description="SHA-256 of the backbone's weights, 64 hex digits.")
    model_sha256: str = Field(description="SHA-256 of the model folder, 64 hex digits.")
    trained_on: str = Field(description="'patients' or 'synthetic phantoms'.")


class Routing(_Part):
    """What the router did: mean gate per expert over the scan, and its entropy."""

    mean_gates: list[float] = Field(
        description="Share of each expert, averaged over the slices; they sum to 1."
    )
    entropy: float = Field(description="Share of the maximum: 1 is uniform, 0 is one expert.")


class Prediction(_Part):
    """The answer for one study.

    ``status`` is ``scored``, ``withheld`` (read, but no probability can be trusted; ``findings``
    is empty unless asked for) or ``refused`` (not readable as head CT: ``series`` is null).

    A file of version 1 is read as well; what it lacks is null or empty.

    Examples:
        >>> import molre
        >>> reader = molre.load("runs/molre-0/model")
        >>> prediction = reader(molre.read("phantoms/study_00000"))
        >>> prediction.series.slices, prediction.scan_synthetic
        (8, True)
        >>> prediction == molre.Prediction.model_validate_json(prediction.model_dump_json())
        True
    """

    schema_version: int = Field(
        default=SCHEMA_VERSION, description="Of this format; a reader refuses newer ones."
    )
    molre_version: str = Field(description="Of the software that wrote it.")
    status: Literal["scored", "withheld", "refused"] = Field(
        description="scored; withheld: read, but not to be trusted; refused: not readable."
    )
    reasons: list[str] = Field(
        description="Why it is withheld or refused, one sentence each; empty where scored."
    )
    study: str = Field(description="Folder name: 16 hex digits, no patient data.")
    series: SeriesUsed | None = Field(
        default=None, description="Which series was read; null where refused."
    )
    model: ModelUsed = Field(description="Which model read it.")
    findings: list[FindingScore] = Field(
        default=[],
        description="Those that the model was trained on, in its order; empty unless scored, or "
        "asked for though withheld.",
    )
    no_key_slice: str | None = Field(
        default=None, description="Why no finding has a key slice; null where they have one."
    )
    routing: Routing | None = Field(
        default=None, description="What the router did; null for an arm without one."
    )
    familiarity: float | None = Field(
        default=None,
        description="Distance from the training scans over its threshold, without a unit; > 1 is "
        "far; null where there is none.",
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
    pixel_sha256: str | None = Field(
        default=None, description="SHA-256 of the HU that were read, 64 hex digits; null if none."
    )
    notice: str = Field(default=RESEARCH_ONLY, description="Always the same sentence.")
