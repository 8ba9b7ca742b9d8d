"""The tamperings that were tried, and what finds each: a table of docs/how-to/audit.md.

Who tampers knows molre: whatever seals a file is made anew, and where a row says "derived again",
all that follows is written by molre's own functions.
"""

from __future__ import annotations

from tests.helpers.audit.tampered_claims import CLAIMS
from tests.helpers.audit.tampered_cohort import COHORT
from tests.helpers.audit.tampered_model import MODEL
from tests.helpers.audit.tampered_numbers import NUMBERS
from tests.helpers.audit.tampered_pages import PAGES
from tests.helpers.audit.tampered_predictions import PREDICTIONS
from tests.helpers.audit.tampered_settings import SETTINGS
from tests.helpers.audit.tampered_together import TOGETHER
from tests.helpers.audit.tampering import Tampering

TAMPERINGS: tuple[Tampering, ...] = (
    *NUMBERS,
    *PAGES,
    *PREDICTIONS,
    *MODEL,
    *SETTINGS,
    *COHORT,
    *CLAIMS,
    *TOGETHER,
)

# What was tried and nothing finds, or only what has to be asked for.
LIMITS: tuple[tuple[str, str], ...] = (
    (
        "losses, loads and tune AUC of epochs other than the chosen one, whole rates among them",
        "`--retrain`",
    ),
    (
        "weights trained further, on test scans too, with a history made to match",
        "`--retrain`; flagged where test is then read far better than calibrate",
    ),
    (
        "settings such as weight decay or dropout's seed, that nothing else follows from",
        "`--retrain`, where they had an effect",
    ),
    (
        "train and test exchanged after training, with the center of the model forged to match",
        "`--retrain`",
    ),
    ("labels of training studies, each count staying the same, derived again", "`--retrain`"),
    (
        "labels of test studies in `labels.parquet` changed or struck, derived again: they are the "
        "truth that the rest is measured by",
        "nothing; the participant flow counts studies without labels",
    ),
    ("scans that are themselves untrue, headers and pixels alike", "nothing"),
    ("a phantom whose headers, sources and flags all say patient", "nothing"),
    ("hard patients struck from the files that were ingested, before `molre ingest`", "nothing"),
    ("embeddings of a few studies that are not among those drawn", "`--reread` with more studies"),
    (
        "an adapter inside the backbone exchanged, embeddings and predictions made anew from it",
        "`--retrain`",
    ),
    ("at `blocks`, a random router called a trained one", "`--retrain`"),
    ("the same scan in train and test in another kernel, under two pseudonyms", "nothing"),
    ("a run of another seed made unlike any by long training", "nothing; the seed is flagged"),
    ("another series of a study chosen in `scans.parquet`, derived again", "nothing"),
    ("a run left out of a comparison and deleted, or moved elsewhere", "nothing"),
    ("a seed struck from a benchmark's `config.yaml`, its cells deleted", "nothing"),
    ("pairs of a consistency check that are not among those drawn", "`--reread` with more studies"),
    ("times, versions of packages and measured seconds", "nothing"),
    (
        "changes below the tolerance: 1e-4 of a logit or a gate, 1e-6 of a probability, 1e-9 of "
        "what is recomputed by the same arithmetic, 0.5 % of an embedding's length",
        "nothing",
    ),
)


def as_markdown(bench: list[tuple[str, str, str]]) -> str:
    """The tables of docs/how-to/audit.md.

    Args:
        bench: what is done to a benchmark, the check that finds it, and its outcome.
    """
    rows = [(row.what, row.check, row.outcome) for row in TAMPERINGS] + bench
    found = [f"| {what} | {check} | {outcome} |" for what, check, outcome in rows]
    limits = [f"| {what} | {finder} |" for what, finder in LIMITS]
    head = ["| changed | found by (the check begins with) | outcome |", "| --- | --- | --- |"]
    none = ["", "| changed | found by |", "| --- | --- |"]
    return "\n".join([*head, *found, *none, *limits])
