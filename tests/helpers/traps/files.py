"""Traps of files: how a series lies on a disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.fileset import FileSet
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.helpers.ct.dicom_files import save_bare
from tests.helpers.ct.encode import LOSSLESS, save_encoded
from tests.helpers.traps.scan import Scan, scan, store, stored_slice
from tests.helpers.traps.trap import Trap


def _in_syntax(syntax: str) -> Callable[[Path], Scan]:
    def build(folder: Path) -> Scan:
        whole = scan()
        store(folder, whole, syntax=syntax)
        return whole

    return build


def _compressed(syntax: str) -> Callable[[Path], Scan]:
    def build(folder: Path) -> Scan:
        whole = scan(shape=(48, 40))
        for path in store(folder, whole):
            ds = dcmread(path)
            ds.compress(syntax, generate_instance_uid=False)
            ds.save_as(path)
        return whole

    return build


def _no_preamble(folder: Path) -> Scan:
    whole = scan()
    for i in range(12):
        save_bare(stored_slice(whole, i), folder / f"{i:03d}", implicit=True)
    return whole


def _dicomdir(folder: Path) -> Scan:
    whole = scan()
    loose = folder.parent / f"{folder.name}_loose"
    files = FileSet()
    for path in store(loose, whole):
        files.add(path)
    files.write(folder)
    shutil.rmtree(loose)
    return whole


def _dicomdir_outside(folder: Path) -> Scan:
    """The DICOMDIR names a file outside its folder that would go on with the series."""
    whole = _dicomdir(folder)
    store(folder.parent / "OUTSIDE", scan(14).keep([13]), names=["IM000013"])
    path = folder / "DICOMDIR"
    directory = dcmread(path)
    record = [r for r in directory.DirectoryRecordSequence if "ReferencedFileID" in r][-1]
    record.ReferencedFileID = ["..", "OUTSIDE", "IM000013"]
    directory.save_as(path)
    return whole


def _encoded(name: str, tail: bytes = b"") -> Callable[[Path], Scan]:
    """In a syntax that pydicom does not write, by imagecodecs; ``tail`` lies behind each frame."""

    def build(folder: Path) -> Scan:
        syntax, encode = LOSSLESS[name]
        whole = scan(shape=(64, 48))
        for i in range(12):
            ds = stored_slice(whole, i)
            stored = np.frombuffer(ds.PixelData, "<u2").reshape(whole.hu.shape[1:])
            ds.BitsStored, ds.HighBit = 16, 15
            save_encoded(ds, folder / f"{i:03d}.dcm", syntax, [encode(stored, 16) + tail])
        return whole

    return build


def _junk(folder: Path) -> Scan:
    whole = scan()
    store(folder, whole)
    (folder / "README.txt").write_text("head CT\n")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1" + bytes(60))
    (folder / "preview.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(200))
    (folder / "empty.dcm").write_bytes(b"")
    return whole


def _private(folder: Path) -> Scan:
    """Private elements, a wrong VR, values that break their VR."""
    whole = scan()

    def spoil(index: int, ds: Dataset) -> None:
        block = ds.private_block(0x0029, "SOME MAKER", create=True)
        block.add_new(1, "UN", b"\x00\xff" * 700)
        block.add_new(2, "OB", b"\xff\xfe" * 51)
        ds.StudyID = "a study identifier that is far longer than sixteen characters"
        ds.add_new(0x00101030, "LO", "seventy")  # a weight is a number
        ds.WindowCenter = "40"

    for path in store(folder, whole, edit=spoil):
        data = path.read_bytes()
        bad = data.replace(b"\x28\x00\x50\x10DS\x02\x0040", b"\x28\x00\x50\x10DS\x02\x00n/")
        assert bad != data
        path.write_bytes(bad)
    return whole


def _cut_off(folder: Path) -> Scan:
    whole = scan()
    paths = store(folder, whole)
    paths[11].write_bytes(paths[11].read_bytes()[:900])
    return whole.keep(range(11))


def _extensions(folder: Path) -> Scan:
    whole = scan()
    names = ["IM1", "IM2.ima", "3", "4.DCM", "5.img", "6.txt", *(f"{i}.jpg" for i in range(6, 12))]
    store(folder, whole, names=names)
    return whole


def _no_series_uid(folder: Path) -> Scan:
    whole = scan()

    def forget(index: int, ds: Dataset) -> None:
        del ds.SeriesInstanceUID

    store(folder, whole, edit=forget)
    return whole


def _one_slice(folder: Path) -> Scan:
    whole = scan().keep([6])
    store(folder, whole)
    return whole


FILES = (
    Trap("implicit", "implicit VR", "reads it, exact to the bit",
         _in_syntax(ImplicitVRLittleEndian)),
    Trap("big_endian", "big-endian", "reads it, exact to the bit",
         _in_syntax(ExplicitVRBigEndian)),
    Trap("deflated", "deflated", "reads it, exact to the bit, with a limit on what it inflates to",
         _in_syntax(DeflatedExplicitVRLittleEndian)),
    Trap("rle", "RLE", "reads it, exact to the bit", _in_syntax(RLELossless)),
    Trap("jpeg_ls", "JPEG-LS lossless", "reads it, exact to the bit",
         _compressed(JPEGLSLossless)),
    Trap("jpeg_2000", "JPEG 2000 lossless", "reads it, exact to the bit",
         _compressed(JPEG2000Lossless)),
    Trap("jpeg_lossless", "JPEG lossless", "reads it, exact to the bit",
         _encoded("jpeg lossless sv1")),
    Trap("htj2k", "High-Throughput JPEG 2000", "reads it, exact to the bit", _encoded("htj2k")),
    *(
        Trap(f"{name.split()[0]}_tail", f"{name} frames with bytes behind their end marker",
             "ignores what lies behind the end, and notes it",
             _encoded(name, b"\xff\xd9 what was in the buffer \xff"),
             ("12 compressed frames with bytes behind the end: ignored",), compare=False)
        for name in ("jpeg lossless sv1", "jpeg-ls", "j2k", "htj2k")
    ),
    Trap("no_preamble", "files without preamble and meta information",
         "recognizes them by their first element", _no_preamble),
    Trap("dicomdir", "a CD: DICOMDIR and files without extension",
         "looks at every file itself; the DICOMDIR is not followed", _dicomdir),
    Trap("dicomdir_outside", "a DICOMDIR that names a file outside its folder",
         "does not follow it", _dicomdir_outside),
    Trap("junk", "text, an image, an empty file and system files among the slices",
         "looks at the content of each file, not its name",
         _junk, ("preview.jpg: a JPEG image", "empty.dcm: an empty file")),
    Trap("private_and_bad_vr", "private elements, wrong VRs, a number that is none",
         "reads the elements it needs and no other", _private),
    Trap("cut_off", "the last file of a series cut off in its header",
         "names the file and reads the others", _cut_off, ("011.dcm",)),
    Trap("extensions", "DICOM files named .ima, .txt, .jpg or without extension",
         "looks at the content of each file, not its name", _extensions),
    Trap("no_series_uid", "files without a series UID", "groups by folder", _no_series_uid),
    Trap("one_slice", "a single slice", "reads it; its prediction is withheld for coverage",
         _one_slice),
)  # fmt: skip
