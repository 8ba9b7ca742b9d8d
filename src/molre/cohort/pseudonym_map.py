"""Who is who: pseudonyms beside identifiers, written only on request."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from molre import files
from molre.cohort import keys
from molre.cohort import study_state as state
from molre.cohort.read_study import IngestSettings, patient_key
from molre.ct.listing import list_studies
from molre.ct.patients import study_uid
from molre.ct.survey import Study, look
from molre.folders import claim_map
from molre.progress import track

COLUMNS = ("patient", "study", "patient_id", "accession", "study_instance_uid")
OF_COHORT = "the tables of a cohort"


def write_map(paths: Sequence[str | Path], cohort: Path, salt: bytes, out: Path) -> int:
    """Write a CSV of identifiers and their pseudonyms, readable by its owner only (mode 0600).

    Patient ID (0010,0020), accession number (0008,0050) and Study Instance UID (0020,000D). A
    study without a UID has none of them to map.

    Args:
        paths: as given to ``ingest``.
        cohort: its folder, which the map may not lie in.
        salt: the cohort's.
        out: the CSV; replaced where it is there.

    Returns:
        Number of studies in it.

    Raises:
        MolreError: ``out`` lies in the cohort, which is made to be passed on.
    """
    claim_map(out, cohort, OF_COHORT, ",".join(COLUMNS))
    rows, how = [], IngestSettings(Path(os.path.abspath(cohort)), salt)
    for listed in track(list_studies([str(p) for p in paths]).studies, "reading identifiers"):
        known = study_uid(listed.key) is not None
        study = look(state.settled(listed, how))[0] if known else None
        if study:
            rows.append(_row(study, salt))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([COLUMNS, *sorted(rows)])
    with files.atomic(out) as part:
        files.create_private(part, text.getvalue().encode(errors="surrogatepass"))
    return len(rows)


def _row(study: Study, salt: bytes) -> tuple[str, ...]:
    return (
        patient_key(study, "", salt),
        keys.pseudonym(salt, "study", study.key),
        study.patient_id or "",
        study.accession or "",
        study_uid(study.key) or "",
    )
