"""``predict(reader, paths)``: an answer for every study, and nothing on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import molre
from molre.ct.best_series import read_best
from molre.ct.listing import Reject
from molre.ct.nifti.hu_map import HuMap
from molre.ct.survey import Study, nothing_found, survey
from molre.errors import MolreError
from molre.model.answer import Answer
from molre.model.prediction import Prediction
from molre.model.reading import Reading
from molre.paths import Paths, as_paths
from molre.pipeline import Reader
from molre.workflows.prediction_source import made_from
from molre.workflows.study_answers import (
    answer_of,
    files_of,
    printable,
    refused_files,
    refused_study,
)


def predict(
    reader: Reader, paths: Paths, *, even_if_withheld: bool = False, hu_map: str | None = None
) -> Iterator[Answer]:
    """Predict every study found under some paths, one after the other; nothing is written.

    Of a study whose best series cannot be read the next best one is; the notes of the prediction
    say so. A study that cannot be read at all has an answer too, ``refused``, and stops no other.

    Args:
        reader: of :func:`molre.load`.
        paths: files, folders and archives; one or several.
        even_if_withheld: give probabilities of withheld scans.
        hu_map: how the values of a NIfTI that is not in HU become HU, see
            :mod:`molre.ct.nifti.hu_map`.

    Returns:
        The answers as they come: studies without a head CT first, then the others by their keys.
        Each has a ``prediction``, see :class:`molre.Prediction`, and says which of the paths it
        is of. Headers have been read by then, pixels are read study by study.

    Raises:
        MolreError: nothing is there that could be a scan.

    Examples:
        >>> import molre
        >>> reader = molre.load("runs/molre-0/model")
        >>> for answer in molre.predict(reader, "phantoms/study_00000"):
        ...     print(answer.inputs, answer.prediction.series.slices, answer.rejects)
        (1,) 8 ()
    """
    found = Studies(reader, paths, even_if_withheld=even_if_withheld, hu_map=hu_map)
    return _each(found)


def _each(found: Studies) -> Iterator[Answer]:
    yield from found.refused
    for study in found.studies:
        answer, _ = found.answer(study, found.source(study))
        yield answer


class Studies:
    """The studies under some paths, and what a model answers to each.

    Args:
        reader: the model.
        paths: files, folders and archives.
        even_if_withheld: give probabilities of withheld scans.
        hu_map: how the values of a NIfTI become HU.

    Attributes:
        paths: as given.
        studies: that have a series to read.
        refused: answers for those that have none.
        rejects: every file that is in no series.

    Raises:
        MolreError: nothing is there that could be a scan.
    """

    def __init__(
        self,
        reader: Reader,
        paths: Paths,
        *,
        even_if_withheld: bool = False,
        hu_map: str | None = None,
    ) -> None:
        values = HuMap.parse(hu_map) if hu_map else None
        self.paths = [str(path) for path in as_paths(paths)]
        found = survey(self.paths, hu_map=values)
        self.studies, self.rejects = found.studies, found.rejects
        self.refused = refused_files(reader, found, self.paths)
        if not self.studies and not self.refused:
            raise nothing_found(self.rejects, ", ".join(self.paths))
        self._reader, self._even_if_withheld = reader, even_if_withheld
        used = reader.model_used()
        hu = str(values and values.name)
        self._settings = (used.model_sha256, used.weights_sha256, molre.__version__, hu)
        self._named: dict[str, str] = {}

    def source(self, study: Study) -> str | None:
        """What its answer is made from now, see :mod:`molre.workflows.prediction_source`."""
        entries = [*files_of(study), *(r.file for r in self._refused(study))]
        return made_from(entries, *self._settings)

    def answer(self, study: Study, source: str | None) -> tuple[Answer, Reading | None]:
        """Read the study; the reading holds its pixels, and is None where it is refused.

        Args:
            study: one of them.
            source: its own, from before its files are read here: one that changes meanwhile makes
                the next run do it again.
        """
        try:
            reading = self._read(study, source)
        except MolreError as error:
            if error.exit_code != 1:
                raise
            return refused_study(self._reader, study, error, self.paths), None
        return answer_of(study, reading.prediction, self.paths), reading

    def keep(self, study: Study, former: Prediction) -> Answer | None:
        """A former answer, where its name is not another study's."""
        if not self._is_named(former.study, study):
            return None
        return answer_of(study, former, self.paths)

    def _read(self, study: Study, source: str | None) -> Reading:
        best = read_best(study)
        notes = [f"not read: {r.reason}" for r in self._refused(study)] + best.notes
        volume = best.volume.with_notes(*dict.fromkeys(map(printable, notes)))
        reading = self._reader.reading(
            volume, even_if_withheld=self._even_if_withheld, why=best.why
        )
        name = volume.study_folder
        if not self._is_named(name, study):  # as of one copied UID
            name = volume.pixel_hash[:16]
            self._is_named(name, study)
        told = {"study": name, "made_from": source}
        return replace(reading, prediction=reading.prediction.model_copy(update=told))

    def _refused(self, study: Study) -> list[Reject]:
        return [reject for reject in self.rejects if reject.study == study.key]

    def _is_named(self, name: str, study: Study) -> bool:
        """Whether the name is this study's; a free one is from now on."""
        return self._named.setdefault(name, study.key) == study.key
