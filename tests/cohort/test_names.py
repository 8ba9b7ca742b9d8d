"""Which study a name in a label table stands for: its own, or none; never another one."""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from molre.cohort.cohort import write_facts, write_table
from molre.cohort.keys import open_salt, pseudonym
from molre.cohort.match import match_labels
from molre.cohort.scans import table
from molre.errors import MolreError
from tests.helpers.cohort.cohorts import SALT

FINDING = "skull_fracture"


@dataclass(frozen=True)
class Scan:
    """A study as ingest keeps it: what its headers say, and where it lies."""

    uid: str
    folder: str = "/data/scans/x"
    accession: str = ""
    patient: str = ""
    series: tuple[str, ...] = ("",)  # folders of its series below its own
    nifti: bool = False

    @property
    def key(self) -> str:
        return pseudonym(SALT, "study", self.uid)

    def rows(self) -> list[dict]:
        whose = self.patient or f"of study {self.uid}"
        aliases = sorted(pseudonym(SALT, "study", n) for n in {self.uid, self.accession} - {""})
        return [
            {
                "patient": pseudonym(SALT, "patient", whose),
                "study": self.key,
                "series": pseudonym(SALT, "series", f"{self.uid}.{number}"),
                "aliases": aliases,
                "path": self.folder,
                "files": self.files(name),
                "chosen": number == 0,
                "eligible": True,
                "content_hash": f"{self.uid} {number}",
            }
            for number, name in enumerate(self.series)
        ]

    def files(self, series: str) -> list[str]:
        if self.nifti:
            return [self.folder]
        below = f"{self.folder}/{series}" if series else self.folder
        return [f"{below}/{n}.dcm" for n in range(2)]


def cohort(path: Path, scans: list[Scan]) -> Path:
    open_salt(path / "salt", SALT)
    write_table(path / "scans.parquet", table(row for scan in scans for row in scan.rows()))
    write_facts(path, synthetic=False)
    return path


@dataclass(frozen=True)
class Format:
    """How a table is written."""

    encoding: str = "utf-8"
    delimiter: str = ","
    first: str = ""
    quoting: int = csv.QUOTE_MINIMAL
    end: str = "\r\n"


PLAIN = Format()


def label(
    path: Path, scans: list[Scan], names: list[str], column: str = "study", how: Format = PLAIN
) -> dict[str, str]:
    """Study that each name's label came to; the names of no study are in unmatched.csv."""
    folder = cohort(path / "c", scans)
    text = io.StringIO(how.first.format(how.delimiter))
    text.seek(0, io.SEEK_END)
    csv.writer(
        text, delimiter=how.delimiter, quoting=how.quoting, lineterminator=how.end
    ).writerows([[column, FINDING, "source"], *([n, 1, str(at)] for at, n in enumerate(names))])
    (path / "t.csv").write_bytes(text.getvalue().encode(how.encoding))
    try:
        match_labels(folder, path / "t.csv", id_column=column, overwrite=True)
    except MolreError as error:
        if "matches" in str(error) or "is the name of" in str(error):
            return {}
        raise
    labels = pl.read_parquet(folder / "labels.parquet").filter(pl.col("finding") == FINDING)
    strays = set(pl.read_csv(folder / "unmatched.csv", infer_schema=False)["id"])
    found = {names[int(at)]: k for at, k in labels.select("source", "study_id").iter_rows()}
    assert {n.strip() for n in names} <= {n.strip() for n in found} | strays
    return found


def hint(path: Path, scans: list[Scan], name: str, column: str = "study") -> str:
    """What is said of a name that stands for none, beside one that does."""
    assert label(path, scans, [scans[0].uid, name], column) == {scans[0].uid: scans[0].key}
    rows = pl.read_csv(path / "c" / "unmatched.csv", infer_schema=False)
    return rows.filter(pl.col("id") == name)["hint"].item() or ""


ONE = Scan("1.2.1", "/data/scans/one", "0012345", "PAT-1")
TWO = Scan("1.2.2", "/data/scans/two", "A2", "PAT-2", ("7", "0012"))
THREE = Scan("1.2.3", "/data/scans/three", "A3", "PAT-3", ("0013",))
ALL = [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("name", "study"),
    [
        ("1.2.1", ONE), ("1.2.2.1", TWO), ("0012345", ONE), ("PAT-3", THREE), ("one", ONE),
        ("scans/one", ONE), ("two/0012", TWO), ("/data/scans/two/7", TWO), ("D:\\old\\two", TWO),
        ('="0012345"', ONE), ("'0012345", ONE), ('"A3"', THREE), ("\u200bA3\ufeff", THREE),
        (ONE.key, ONE), ("/data/scans/three/0013/", THREE), ("three", THREE),
    ],
)  # fmt: skip
def test_a_study_goes_by_identifiers_and_by_paths_with_its_own_folder(tmp_path, name, study):
    assert label(tmp_path, ALL, [name]) == {name: study.key}


@pytest.mark.parametrize(
    "name",
    [
        "7", "0012", "0013", "CT/2022/0012", "CT/2022/A2", "x/7", "A2/9", "A", "1.2", "12345",
        "scans", "/data/scans", "/data/scans/four/7", "siteB/one", "a2", "\uff21\uff12",
        "12345.0", "1.23E+04", "12,345",
    ],
)  # fmt: skip
def test_a_number_a_series_folder_or_the_end_of_an_id_is_no_name(tmp_path, name):
    assert label(tmp_path, ALL, [name, "1.2.3"]) == {"1.2.3": THREE.key}


def test_of_one_study_alone_no_folder_is_known_to_be_its_own(tmp_path):
    alone = Scan("1.2.9", "/data/scans/nine", series=("S17",))
    assert label(tmp_path, [alone], ["S17"]) == label(tmp_path, [alone], ["nine"]) == {}
    (tmp_path / "t.csv").write_text(f"study,{FINDING}\nnine,1\n")
    with pytest.raises(MolreError, match="'nine'.*leads to a study.*write /data/scans/nine/S17"):
        match_labels(tmp_path / "c", tmp_path / "t.csv")
    whole = "/data/scans/nine/S17"
    assert label(tmp_path, [alone], [whole]) == {whole: alone.key}
    assert label(tmp_path, [alone], ["nine/S17"]) == {"nine/S17": alone.key}


def test_a_nifti_goes_by_its_name_without_suffix_and_by_no_piece_of_it(tmp_path):
    one = Scan("h1", "/bids/sub-01/anat/sub-01.run_ct.nii.gz", nifti=True)
    two = Scan("h2", "/bids/sub-02/anat/sub-02.run_ct.nii.gz", nifti=True)
    flat = [Scan("h3", "/flat/049.nii", nifti=True), Scan("h4", "/flat/050.nii", nifti=True)]
    named = ["sub-01.run_ct", "sub-02.run_ct.nii.gz", "sub-01", "049"]
    study = [one, two, one, flat[0]]
    for name, scan in zip(named, study, strict=True):
        assert label(tmp_path, [one, two, *flat], [name]) == {name: scan.key}
    for name in ("sub-02.run", "49", "run_ct", "anat"):
        assert label(tmp_path, [one, two, *flat], [name]) == {}


def test_layers_of_patients_studies_and_series_are_told_by_the_patient_with_two_studies(tmp_path):
    scans = [
        Scan("1.1", "/t/P1/S1", series=("CT Plain",)),
        Scan("1.2", "/t/P1/S2", series=("CT Plain",)),
        Scan("2.1", "/t/P2/S3", series=("CT thin",)),
    ]
    for name, study in (("S3", "2.1"), ("P2", "2.1"), ("P1/S2", "1.2"), ("S1", "1.1")):
        assert label(tmp_path, scans, [name]) == {name: pseudonym(SALT, "study", study)}
    for name in ("P1", "CT thin", "CT Plain", "t"):
        assert label(tmp_path, scans, [name]) == {}


def test_between_the_patients_folder_and_the_innermost_one_lies_the_studys(tmp_path):
    scans = [
        Scan(f"1.{n}", f"/t/COL/P{n}/01-01-2000-HEAD-{n}", series=("4.0-ROUTINE",)) for n in (1, 2)
    ]
    for name in ("P1", "01-01-2000-HEAD-1", "COL/P1", "P1/01-01-2000-HEAD-1/4.0-ROUTINE"):
        assert label(tmp_path, scans, [name]) == {name: scans[0].key}
    for name in ("4.0-ROUTINE", "COL", "t/COL", "COL/4.0-ROUTINE"):
        assert label(tmp_path, scans, [name]) == {}


def test_a_patients_id_is_a_name_where_there_is_one_study_and_the_column_lets_it(tmp_path):
    twice = [Scan("1.1", patient="P-1", folder="/t/a"), Scan("1.2", patient="P-1", folder="/t/b")]
    number = Scan("1.3", patient="123", folder="/t/c", accession="456")
    scans = [*twice, number]
    assert "2 studies" in hint(tmp_path, scans, "P-1")
    assert label(tmp_path, scans, ["123"], "patient_id") == {"123": number.key}
    assert label(tmp_path, scans, ["123"], "study") == {"123": number.key}
    assert label(tmp_path, scans, ["123", "1.1"], "study") == {"1.1": twice[0].key}
    assert label(tmp_path, scans, ["123"], "accession") == {}
    assert label(tmp_path, scans, ["456"], "patient_id") == {}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("12345", "leading zeros were lost"), ("12345.0", "decimal point, and leading zeros"),
        ("12,345", "separators"), ("1.2345E+04", "scientific"), ("1.2E+07", "digits were lost"),
        ("a2", "case differs"), ("A 2", "spaces or hyphens"), ("CT/A3", "only the end"),
        ("\uff21\uff12", "full-width"), ("00A2", ""), ("0013", "/data/scans/three/0013"),
        ("pat-2", "the cohort has 'PAT-2': case"),
    ],
)  # fmt: skip
def test_what_may_have_become_of_a_name_is_said(tmp_path, name, says):
    said = hint(tmp_path, ALL, name)
    assert says in said if says else said == ""


def test_if_nothing_matches_the_first_guess_is_in_the_error(tmp_path):
    (tmp_path / "t.csv").write_text(f"accession,{FINDING}\n9,0\n12345,1\n")
    with pytest.raises(MolreError, match="'12345' of column 'accession': .*'0012345'.*zeros"):
        match_labels(cohort(tmp_path / "c", ALL), tmp_path / "t.csv")


def test_names_of_folders_that_older_cohorts_hashed_are_left_out(tmp_path):
    scans = cohort(tmp_path / "c", ALL) / "scans.parquet"
    old = ["1.2.2", "A2", "/data/scans/two", "0012", "7", "two"]
    hashed = pl.lit([pseudonym(SALT, "study", name) for name in old])
    mine = pl.col("study") == TWO.key
    aliases = pl.when(mine).then(hashed).otherwise("aliases").alias("aliases")
    write_table(scans, pl.read_parquet(scans).with_columns(aliases))
    (tmp_path / "t.csv").write_text(f"study,{FINDING}\n0012,1\n1.2.1,0\n")
    assert match_labels(tmp_path / "c", tmp_path / "t.csv").matched == 1
    (tmp_path / "t.csv").write_text(f"study,{FINDING}\nA2,1\n")
    assert match_labels(tmp_path / "c", tmp_path / "t.csv", overwrite=True).matched == 1


POOL = st.sampled_from(["1", "7", "07", "0012", "12", "A1", "CT", "P7", "Jos\u00e9", "S2", "2022"])


FORMATS = st.builds(
    Format,
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(",;\t|"),
    st.sampled_from(["", "sep={}\r\n", '"sep={}"\n']),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\r\n", "\n"]),
)


@st.composite
def hospitals(draw: st.DrawFn) -> tuple[list[Scan], list[tuple[int, str]]]:
    """Studies whose identifiers and folders are drawn from few names, and rows that name them."""
    scans: list[Scan] = []
    for number in range(draw(st.integers(2, 4))):
        patient = draw(POOL)
        folder = "/".join(draw(st.lists(POOL, min_size=1, max_size=3)))
        series = tuple(draw(st.lists(POOL, min_size=1, max_size=2, unique=True)))
        accession = "" if draw(st.booleans()) else f"{draw(POOL)}/{number}{draw(POOL)}"
        scans.append(Scan(f"1.2.{number}", f"/d/{folder}/u{number}", accession, patient, series))
    rows = []
    for number, scan in enumerate(scans):
        own = scan.folder.split("/")
        names = [scan.uid, f"{scan.uid}.0", scan.folder, "/".join(own[2:]), own[-1], scan.accession]
        name = draw(st.sampled_from([n for n in names if n]))
        spelled = draw(st.sampled_from(["{}", ' "{}" ', '="{}"', "\ufeff{}", "'{}", "{}\u00a0"]))
        form = draw(st.sampled_from(["NFC", "NFD"]))
        rows.append((number, spelled.format(unicodedata.normalize(form, name))))
    return scans, draw(st.permutations(rows))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(([Scan("1.2.0", "/d/7/u0"), Scan("1.2.1", "/d/8/u1", series=("u0",))], [(0, "u0")]), PLAIN)
@given(drawn=hospitals(), how=FORMATS)
def test_removing_a_study_moves_no_label_to_another(tmp_path_factory, drawn, how):
    """A row comes to its own study, or to unmatched.csv; whichever studies are still there."""
    scans, rows = drawn
    path = tmp_path_factory.mktemp("removed")
    owner = {name: scans[number].key for number, name in rows}
    for gone in (None, *range(len(scans))):
        left = [scan for number, scan in enumerate(scans) if number != gone]
        found = label(path, left, list(owner), how=how)
        for name, key in owner.items():
            assert found.get(name, key) == key
        known = {scan.key: scan.uid for scan in left}
        by_uid = {n for n, key in owner.items() if known.get(key, "none") in n and "/" not in n}
        assert not found or by_uid <= set(found)
