"""What ends a fit, with the studies involved: a number that is not finite, or a device that
fails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from molre.errors import MolreError
from molre.runs.studies import Studies
from molre.training.data import Batch
from molre.training.inference import Outputs

NAMED = 4  # studies named in a sentence, at most


class NotFinite(MolreError):
    """A loss that is not a number: of an embedding that is not, or of too large a step."""


def loss_not_finite(model: nn.Module, batch: Batch, studies: Studies) -> NotFinite:
    """The error that names the scans whose scores are not finite; all of them where none has.

    Args:
        model: as it was when the loss was not finite.
        batch: on which it was not.
        studies: of the split that the batch is of.
    """
    with torch.no_grad():
        logits = model(batch.embeddings, batch.mask, batch.bank_index, batch.dropout_noise).logits
    bad = [i for i, row in enumerate(logits) if not torch.isfinite(row).all()]
    rows = batch.rows[bad] if bad else batch.rows
    return NotFinite(
        f"the loss is not finite for {_named(studies, rows)}", fix="lower --set learning_rates"
    )


def device_failed(error: RuntimeError, batch: Batch, studies: Studies) -> MolreError:
    """The error that names the scans on which a device failed.

    Args:
        error: of the device.
        batch: it was at work on.
        studies: of the split that the batch is of.
    """
    return MolreError(
        f"the device failed ({str(error).splitlines()[0]}) on {_named(studies, batch.rows)}",
        fix="run the same command again to resume where it stopped; if it fails again, "
        "check what it names",
    )


def refuse_not_finite(outputs: Outputs, studies: Studies) -> None:
    """Refuse to keep, or to go on with, a model whose answers are not finite.

    Raises:
        NotFinite: naming a study of which it has none.
    """
    bad = np.flatnonzero(~np.isfinite(outputs.logits).all(axis=1))
    if len(bad):
        raise NotFinite(
            f"the model's answer is not finite for study {studies.study[bad[0]]}",
            fix="lower --set learning_rates",
        )


def _named(studies: Studies, rows: Sequence[int] | np.ndarray) -> str:
    names = [studies.study[i] for i in rows]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{'studies' if len(names) > 1 else 'study'} {', '.join(names[:NAMED])}{more}"
