"""OUT/<study>/prediction.json and report.html of every study, and the tables of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import molre
from molre.cohort.rejects import write_rejects
from molre.ct.listing import Reject
from molre.ct.nifti.hu_map import HuMap
from molre.ct.read import read_found
from molre.ct.survey import Study, Survey, choose, nothing_found, survey
from molre.ct.volume import Volume
from molre.errors import MolreError, RefusedScan
from molre.folders import claim_map
from molre.model.prediction import Prediction
from molre.output import prediction_tables as tables
from molre.output.prediction_answers import (
    Answer,
    inputs_of,
    no_scans,
    place_of,
    printable,
    refused_files,
    refused_study,
)
from molre.output.prediction_html import write_prediction_report, write_refusal_report
from molre.output.prediction_json import write_prediction
from molre.output.prediction_overview import above_in_words, write_overview
from molre.output.prediction_source import Former, made_from
from molre.pipeline import Reader
from molre.progress import track

OF_ALL = ("predictions.csv", "index.html", "rejects.csv")  # of this run, never of one before


@dataclass(frozen=True)
class Written:
    """What ``predict`` left behind: an answer for every study, and files that are no scan."""

    out: Path
    answers: tuple[Answer, ...]
    others: tuple[Reject, ...] = ()

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """One for every study."""
        return tuple(answer.prediction for answer in self.answers)

    @property
    def exit_code(self) -> int:
        """0: every study answered; 1: some or all refused."""
        return 1 if any(p.status == "refused" for p in self.predictions) else 0

    def as_json(self) -> str:
        """All predictions as one JSON list."""
        return json.dumps([p.model_dump(mode="json") for p in self.predictions], indent=2)

    def as_text(self) -> str:
        """One line a study, and where the overview is."""
        lines = [self._line(answer) for answer in self.answers]
        lines += [f"{r.file}: not a scan: {r.reason}" for r in self.others]
        return "\n".join([*lines, f"overview: {self.out / 'index.html'}"])

    def _line(self, answer: Answer) -> str:
        p = answer.prediction
        said = f" ({'; '.join(p.reasons)})" if p.reasons else ""
        if p.findings:
            said += f", {above_in_words(p)}"
        for remedy in [r.remedy for r in answer.rejects if r.remedy][:1]:
            said += f". {remedy[0].upper()}{remedy[1:]}"
        return f"{answer.place}: {p.status}{said}: {self.out / p.study / 'report.html'}"


def write_predictions(
    reader: Reader,
    paths: Sequence[Path],
    out: Path,
    *,
    even_if_withheld: bool = False,
    hu_map: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    map_file: Path | None = None,
) -> Written:
    """Predict every study found under ``paths``.

    A study that cannot be read has an answer too, ``refused``, and stops no other. Series that are
    no axial CT (localizers, dose pages) inside a study that was read are named in its quality
    notes.

    A prediction that is there already is kept unless ``overwrite``, so that an interrupted run goes
    on, where it was made by the same model and molre from the same files, see
    :mod:`molre.output.prediction_source`; any other is replaced.

    Args:
        reader: the model.
        paths: files, folders and archives.
        out: folder to write.
        even_if_withheld: give probabilities of withheld scans.
        hu_map: how the values of a NIfTI become HU.
        threads: of torch.
        overwrite: keep nothing.
        map_file: also write which study is whose, see :mod:`molre.output.prediction_tables`.

    Raises:
        MolreError: nothing readable at all, or a map inside ``out``.
    """
    if threads:
        import torch

        torch.set_num_threads(threads)
    if map_file is not None:
        claim_map(map_file, out, tables.OF_PREDICTIONS, ",".join(tables.MAP_COLUMNS))
    values = HuMap.parse(hu_map) if hu_map else None
    given = [str(p) for p in paths]
    found = survey(given, hu_map=values)
    refused = refused_files(reader, found, given)
    if not found.studies and not refused:
        raise nothing_found(found.rejects, ", ".join(given))
    for name in OF_ALL:
        (out / name).unlink(missing_ok=True)
    work = _Work(reader, found, out, even_if_withheld, str(values and values.name), overwrite)
    for answer in refused:
        work.write_refusal(answer)
    read = [work.answer(study, given) for study in track(found.studies, "reading studies")]
    answers = sorted([*read, *refused], key=lambda a: (a.inputs, a.prediction.study))
    others = no_scans(found, out)
    findings = [entry.id for entry in reader.model.description.findings]
    write_rejects(out / "rejects.csv", tables.rejected(answers, others))
    if map_file is not None:
        tables.write_map(map_file, answers)
    synthetic = reader.model.description.synthetic
    write_overview(out / "index.html", answers, trained_on_synthetic=synthetic, others=len(others))
    tables.write_answers(out / "predictions.csv", answers, findings)  # last: the run is whole
    return Written(out, tuple(answers), tuple(others))


class _Work:
    """Studies of one run, one after the other."""

    def __init__(
        self,
        reader: Reader,
        found: Survey,
        out: Path,
        even_if_withheld: bool,
        hu_map: str,
        overwrite: bool,
    ) -> None:
        self.reader, self.found, self.out = reader, found, out
        self.even_if_withheld, self.overwrite = even_if_withheld, overwrite
        used = reader.model_used()
        self.settings = (used.model_sha256, used.weights_sha256, molre.__version__, hu_map)
        self.former, self.taken = Former(out), dict[str, str]()
        self.synthetic = reader.model.description.synthetic

    def answer(self, study: Study, given: Sequence[str]) -> Answer:
        """Predict it, or keep what is there, or say why it is refused."""
        refused = [r for r in self.found.rejects if r.study == study.key]
        entries = [file for series in study.series for file in series.files]
        # before the files are read: one that changes meanwhile makes the next run do it again
        source = made_from([*entries, *(r.file for r in refused)], *self.settings)
        kept = None
        if not self.overwrite:
            kept = self.former.find(study.key, source, self.even_if_withheld)
        if kept is not None and self.taken.setdefault(kept.study, study.key) == study.key:
            prediction = kept
        else:
            try:
                prediction = self._predict(study, refused, source)
            except MolreError as error:
                if error.exit_code != 1:
                    raise
                answer = refused_study(self.reader, study, error, given)
                self.write_refusal(answer)
                return answer
        return Answer(prediction, study.key, inputs_of(entries, given), place_of(study), study)

    def _predict(self, study: Study, refused: list[Reject], source: str | None) -> Prediction:
        volume, why, failed = _read(study)
        notes = [f"not read: {r.reason}" for r in refused]
        notes += [f"a better series could not be read: {reason}" for reason in failed]
        reading = self.reader.reading(
            volume.with_notes(*dict.fromkeys(map(printable, notes))),
            even_if_withheld=self.even_if_withheld,
            why=why,
        )
        told = {"study": self._name(volume, study.key), "made_from": source}
        reading = replace(reading, prediction=reading.prediction.model_copy(update=told))
        folder = self.out / reading.prediction.study
        self.former.forget_refusal(study.key)
        (folder / "prediction.json").unlink(missing_ok=True)  # never beside another's page
        write_prediction_report(
            reading, folder / "report.html", trained_on_synthetic=self.synthetic
        )
        write_prediction(reading.prediction, folder / "prediction.json")
        return reading.prediction

    def write_refusal(self, answer: Answer) -> None:
        """Put it where an answer of before may be, which is not true any more."""
        prediction = answer.prediction
        folder = self.out / prediction.study
        (folder / "prediction.json").unlink(missing_ok=True)
        page = folder / "report.html"
        write_refusal_report(prediction, page, trained_on_synthetic=self.synthetic)
        write_prediction(prediction, folder / "prediction.json")

    def _name(self, volume: Volume, key: str) -> str:
        """The study's folder; by its pixels where another study has it, as of one copied UID."""
        name = volume.study_folder
        if self.taken.setdefault(name, key) != key:
            name = volume.pixel_hash[:16]
            self.taken.setdefault(name, key)
        return name


def _read(study: Study) -> tuple[Volume, str, list[str]]:
    """The best series that can be read, why it was chosen, and what is wrong with better ones."""
    failed: list[str] = []
    while True:
        series, why = choose(study)
        try:
            return read_found(series), why, failed
        except RefusedScan as error:
            if len(study.series) == 1:
                raise
            failed.append(error.what)
            study = replace(study, series=study.series[1:])
