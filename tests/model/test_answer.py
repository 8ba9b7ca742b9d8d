"""An answer joins a prediction to whose it is, and tells nobody by being printed."""

from __future__ import annotations

from molre.model.answer import Answer
from molre.model.prediction import ModelUsed, Prediction


def test_no_identifier_is_in_what_is_printed() -> None:
    used = ModelUsed(
        arm="molre", placement="slice", backbone="b", weights_sha256="0", model_sha256="0",
        trained_on="patients",
    )  # fmt: skip
    said = Prediction(
        molre_version="0", status="refused", reasons=["is MR"], study="0" * 16, model=used,
        synthetic=False,
    )  # fmt: skip
    answer = Answer(said, "1.2.840.77", (1,), "/data/a", patient_id="PID-7", accession="ACC-9")
    assert "/data/a" in repr(answer)
    for secret in ("1.2.840.77", "PID-7", "ACC-9"):
        assert secret not in repr(answer)
