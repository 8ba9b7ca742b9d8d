"""OUT/<study>/prediction.json and report.html of every study, and the tables of all of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from molre.cohort.rejects import write_rejects
from molre.ct.files.text_names import one_line
from molre.ct.listing import Reject
from molre.ct.survey import Study
from molre.folders import claim_map
from molre.model.answer import Answer
from molre.model.prediction import Prediction
from molre.model.reading import Reading
from molre.output.prediction import tables
from molre.output.prediction.json_file import write_prediction
from molre.output.prediction.overview import above_in_words, write_overview
from molre.output.prediction.report import write_prediction_report, write_refusal_report
from molre.paths import Paths
from molre.pipeline import Reader
from molre.progress import track
from molre.workflows.predict_studies import Studies
from molre.workflows.prediction_source import Former
from molre.workflows.study_answers import no_scans

OF_ALL = ("predictions.csv", "index.html", "rejects.csv")  # of this run, never of one before


@dataclass(frozen=True)
class PredictionFolder:
    """What ``predict`` left behind: an answer for every study, and files that are not scans."""

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
        lines += [f"{one_line(r.file)}: not a scan: {r.reason}" for r in self.others]
        return "\n".join([*lines, f"overview: {self.out / 'index.html'}"])

    def _line(self, answer: Answer) -> str:
        p = answer.prediction
        said = f" ({'; '.join(p.reasons)})" if p.reasons else ""
        if p.findings:
            said += f", {above_in_words(p)}"
        for remedy in [r.remedy for r in answer.rejects if r.remedy][:1]:
            said += f". {remedy[0].upper()}{remedy[1:]}"
        return f"{one_line(answer.place)}: {p.status}{said}: {self.out / p.study / 'report.html'}"


def write_predictions(
    reader: Reader,
    paths: Paths,
    out: str | Path,
    *,
    even_if_withheld: bool = False,
    hu_map: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    map_file: str | Path | None = None,
) -> PredictionFolder:
    """Predict every study found under ``paths``, see :func:`molre.predict`, into a folder.

    Series that are not axial CT (localizers, dose pages) inside a study that was read are named in
    its quality notes.

    A prediction that is there already is kept unless ``overwrite``, so that an interrupted run goes
    on, where it was made by the same model and molre from the same files, see
    :mod:`molre.workflows.prediction_source`; any other is replaced.

    Args:
        reader: the model.
        paths: files, folders and archives.
        out: folder to write.
        even_if_withheld: give probabilities of withheld scans.
        hu_map: how the values of a NIfTI become HU.
        threads: of torch; all cores by default.
        overwrite: keep nothing.
        map_file: also write which study is whose, see :mod:`molre.output.prediction.tables`.

    Raises:
        MolreError: nothing readable at all, or a map inside ``out``.
    """
    if threads:
        import torch

        torch.set_num_threads(threads)
    out = Path(out)
    if map_file is not None:
        claim_map(Path(map_file), out, tables.OF_PREDICTIONS, ",".join(tables.MAP_COLUMNS))
    found = Studies(reader, paths, even_if_withheld=even_if_withheld, hu_map=hu_map)
    for name in OF_ALL:
        (out / name).unlink(missing_ok=True)
    synthetic = reader.model.description.synthetic
    folder = _Folder(out, found, even_if_withheld, overwrite, synthetic)
    for answer in found.refused:
        folder.write_refusal(answer)
    read = [folder.answer(study) for study in track(found.studies, "reading studies")]
    answers = sorted([*read, *found.refused], key=lambda a: (a.inputs, a.prediction.study))
    others = no_scans(found.rejects, out)
    findings = [entry.id for entry in reader.model.description.findings]
    write_rejects(out / "rejects.csv", tables.rejected(answers, others))
    if map_file is not None:
        tables.write_map(Path(map_file), answers)
    write_overview(out / "index.html", answers, trained_on_synthetic=synthetic, others=len(others))
    tables.write_answers(out / "predictions.csv", answers, findings)  # last: the run is whole
    return PredictionFolder(out, tuple(answers), tuple(others))


class _Folder:
    """The folder of one run."""

    def __init__(
        self, out: Path, found: Studies, even_if_withheld: bool, overwrite: bool, synthetic: bool
    ) -> None:
        self.out, self.found, self.former = out, found, Former(out)
        self.even_if_withheld, self.overwrite = even_if_withheld, overwrite
        self.synthetic = synthetic

    def answer(self, study: Study) -> Answer:
        """Keep the answer that is there, or write a new one."""
        source = self.found.source(study)
        kept = None if self.overwrite else self._kept(study, source)
        if kept is not None:
            return kept
        answer, reading = self.found.answer(study, source)
        if reading is None:
            self.write_refusal(answer)
        else:
            self.former.forget_refusal(study.key)
            self._write(reading)
        return answer

    def write_refusal(self, answer: Answer) -> None:
        """Put it where an answer of before may be, which is not true any more."""
        prediction = answer.prediction
        folder = self.out / prediction.study
        (folder / "prediction.json").unlink(missing_ok=True)
        page = folder / "report.html"
        write_refusal_report(prediction, page, trained_on_synthetic=self.synthetic)
        write_prediction(prediction, folder / "prediction.json")

    def _kept(self, study: Study, source: str | None) -> Answer | None:
        former = self.former.find(study.key, source, self.even_if_withheld)
        return None if former is None else self.found.keep(study, former)

    def _write(self, reading: Reading) -> None:
        folder = self.out / reading.prediction.study
        (folder / "prediction.json").unlink(missing_ok=True)  # never beside another's page
        write_prediction_report(
            reading, folder / "report.html", trained_on_synthetic=self.synthetic
        )
        write_prediction(reading.prediction, folder / "prediction.json")
