"""Files of a study that an earlier run of ingest found in other folders.

What a cohort holds does not depend on the runs that its files were given in: a study whose files
come from several folders, one run after the other, is the same as if all were given at once.
"""

from __future__ import annotations

import os
from dataclasses import replace

from molre.cohort import study_state as state
from molre.cohort.read_study import IngestSettings
from molre.ct.files.entries import outer
from molre.ct.listing import Listing, StudyFiles, list_studies
from molre.ct.patients import key_of, place_of, same


def with_known(listing: Listing, how: IngestSettings) -> Listing:
    """The listing, with the files that the cohort holds of its studies and that are still there."""
    files = dict[str, None]()
    places = set[str]()
    for listed in listing.studies:
        if not listed.nifti and (more := _known(listed, how) - set(listed.files)):
            places.add(place_of(listed.key))
            files |= dict.fromkeys(map(outer, sorted(more)))
    if not places:
        return listing
    mine = [s for s in listing.studies if place_of(s.key) in places]
    files = dict.fromkeys(outer(file) for s in mine for file in s.files) | files
    again = list_studies(list(files))
    # an archive may hold other studies too, which nobody asked for
    studies = [s for s in listing.studies if place_of(s.key) not in places]
    studies += [s for s in again.studies if place_of(s.key) in places]
    rejects = [r for r in listing.rejects if not r.study or place_of(r.study) not in places]
    rejects += [r for r in again.rejects if r.study and place_of(r.study) in places]
    return replace(
        listing,
        studies=tuple(sorted(studies, key=lambda listed: listed.key)),
        rejects=tuple(sorted(rejects, key=lambda r: r.file)),
    )


def _known(listed: StudyFiles, how: IngestSettings) -> set[str]:
    """Files on disk of the study, and of all who share its UID, as earlier runs kept them."""
    place = place_of(listed.key)
    keys = {listed.key, place, *(key_of(place, same(name)) for name in listed.patients)}
    found = set[str]()
    for key in keys:
        kept = state.load(state.file_of(how, replace(listed, key=key)))
        names = [*kept.files, *(n for row in kept.rows for n in row["files"])] if kept else []
        found |= {name for name in names if os.path.isfile(outer(name))}
    return found
