"""OUT/<study>/prediction.json and report.html of every study, OUT/rejects.csv of the rest."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import molre
from molre import files
from molre.ct.hu_map import HuMap
from molre.ct.listing import Reject
from molre.ct.read import read_found
from molre.ct.survey import Study, Survey, choose, survey
from molre.ct.volume import Volume
from molre.errors import MolreError, RefusedScan
from molre.model.prediction import Prediction
from molre.output.prediction_html import write_prediction_report
from molre.output.prediction_json import write_prediction
from molre.pipeline import Reader
from molre.progress import track


@dataclass(frozen=True)
class Written:
    """What ``predict`` left behind."""

    out: Path
    predictions: tuple[Prediction, ...]
    rejects: tuple[Reject, ...]

    @property
    def exit_code(self) -> int:
        """0: every study answered; 1: some or all rejected."""
        return 1 if self.rejects else 0

    def as_json(self) -> str:
        """All predictions as one JSON list."""
        return json.dumps([p.model_dump(mode="json") for p in self.predictions], indent=2)

    def as_text(self) -> str:
        """One line a study."""
        lines = []
        for p in self.predictions:
            why = f" ({'; '.join(p.reasons)})" if p.reasons else ""
            lines.append(f"{p.study}: {p.status}{why}: {self.out / p.study / 'report.html'}")
        lines += [f"{r.file}: rejected: {r.reason}. {r.remedy}" for r in self.rejects]
        return "\n".join(lines)


def write_predictions(
    reader: Reader,
    paths: Sequence[Path],
    out: Path,
    *,
    even_if_withheld: bool = False,
    hu_map: str | None = None,
    threads: int | None = None,
    overwrite: bool = False,
) -> Written:
    """Predict every study found under ``paths``.

    A study that cannot be read is one row of rejects.csv and stops no other. Series that are no
    axial CT (localizers, dose pages) inside a study that was read are named in its quality notes.

    A prediction that the same model left there is kept unless ``overwrite``, so that an
    interrupted run goes on; any other is replaced.

    Raises:
        MolreError: nothing readable at all.
    """
    if threads:
        import torch

        torch.set_num_threads(threads)
    values = HuMap.parse(hu_map) if hu_map else None
    found = survey([str(p) for p in paths], hu_map=values)
    if not found.studies:
        raise MolreError(*_nothing(paths, found.rejects), fix="give a head CT study")
    predictions, rejects = [], list(_loose(found))
    for study in track(found.studies, "reading studies"):
        try:
            predictions.append(_predict(reader, study, found, out, even_if_withheld, overwrite))
        except MolreError as error:
            if error.exit_code != 1:
                raise
            rejects.append(Reject(study.folder, None, error.what, error.fix or ""))
    _write_rejects(rejects, out)
    return Written(out, tuple(predictions), tuple(rejects))


def _predict(
    reader: Reader, study: Study, found: Survey, out: Path, even_if_withheld: bool, overwrite: bool
) -> Prediction:
    kept = None if overwrite else _kept(reader, study, out, even_if_withheld)
    if kept is not None:
        return kept
    volume, why, failed = _read(study)
    folder = out / volume.study_folder
    refused = [f"not read: {r.reason}" for r in found.rejects if r.study == study.key]
    refused += [f"a better series could not be read: {reason}" for reason in failed]
    reading = reader.reading(
        volume.with_notes(*dict.fromkeys(refused)), even_if_withheld=even_if_withheld, why=why
    )
    write_prediction_report(reading, folder / "report.html")
    write_prediction(reading.prediction, folder / "prediction.json")
    return reading.prediction


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


def _kept(reader: Reader, study: Study, out: Path, even_if_withheld: bool) -> Prediction | None:
    """The prediction that is there already, if this model would only make it again."""
    folder = out / hashlib.sha256(study.key.encode()).hexdigest()[:16]
    try:
        text = (folder / "prediction.json").read_text(encoding="utf-8")
        old = Prediction.model_validate_json(text)
    except (OSError, ValueError):
        return None
    same = old.model.model_sha256 == reader.model.sha256 and old.molre_version == molre.__version__
    alike = old.status == "scored" or bool(old.findings) == even_if_withheld
    return old if same and alike and (folder / "report.html").exists() else None


def _loose(found: Survey) -> Iterable[Reject]:
    """Rejected files that belong to no study that was read."""
    read = {study.key for study in found.studies}
    return [r for r in found.rejects if r.study not in read]


def _nothing(paths: Sequence[Path], rejects: Sequence[Reject]) -> tuple[str]:
    reasons = list(dict.fromkeys(r.reason for r in rejects))[:3]
    said = f" ({'; '.join(reasons)})" if reasons else ""
    return (f"{', '.join(map(str, paths))}: no head CT study is there{said}",)


def _write_rejects(rejects: Sequence[Reject], out: Path) -> None:
    if not rejects:
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "reason", "remedy"])
    writer.writerows([r.file, r.reason, r.remedy] for r in rejects)
    files.write_text(out / "rejects.csv", text.getvalue())
