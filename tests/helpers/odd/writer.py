"""Write the files of a plan, and say which sets of slices a reader may rightly give."""

from __future__ import annotations

import os
import random
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import SecondaryCaptureImageStorage

from tests.helpers.ct.dicom_files import TURNS, UID
from tests.helpers.odd.files import file_bytes
from tests.helpers.odd.head import scanned
from tests.helpers.odd.plan import Plan
from tests.helpers.traps.objects import item, multi_frame
from tests.helpers.traps.scan import OTHER, Scan, stored_slice

TELLS: dict[str, dict[str, object]] = {
    "acquisition": {"AcquisitionNumber": 2},
    "time": {"AcquisitionTime": "101745"},
    "derived": {"ImageType": ["DERIVED", "PRIMARY", "AXIAL", "FILTERED"]},
    "energy": {"KVP": 80},
    "thin": {"SliceThickness": 1.25},
    "kernel": {"ConvolutionKernel": "H60s"},
    "kernel gone": {"ConvolutionKernel": None},
    "contrast": {"ContrastBolusAgent": "Iomeprol", "AcquisitionNumber": 2},
    "patient": {"PatientID": "P2"},
    "diameter": {"ReconstructionDiameter": 480},
    "silent": {},
    "copy": {},
    "localizer": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    "secondary": {"SOPClassUID": SecondaryCaptureImageStorage},
    "projection": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL", "MAX_IP"]},
}
FRAME_GROUPS = {
    "CTImageFrameTypeSequence": ("FrameType",),
    "CTReconstructionSequence": ("ConvolutionKernel", "ReconstructionDiameter"),
    "CTXRayDetailsSequence": ("KVP",),
    "PixelMeasuresSequence": ("SliceThickness", "PixelSpacing"),
}
NEVER_READ = ("localizer", "secondary", "projection")
BESIDE = {
    "jpeg": ("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200)),
    "pdf": ("report.pdf", b"%PDF-1.4\n" + bytes(200)),
    "text": ("README.txt", b"A study.\n"),
    ".DS_Store": (".DS_Store", b"\x00\x00\x00\x01Bud1" + bytes(200)),
    "html": ("index.html", b"<!DOCTYPE html><title>x</title>"),
}


@dataclass(frozen=True)
class Written:
    """Files of a study.

    Attributes:
        main: the head as it was sent.
        other: another set that would be a right answer too, or None.
    """

    main: Scan
    other: Scan | None


def write(plan: Plan, folder: Path) -> Written:
    """Write the plan's files into a new folder."""
    main = scanned(plan)
    if plan.lost:
        main = main.keep([i for i in range(len(main.hu)) if i != len(main.hu) // 2])
    extra = _extra(plan, main)
    drawn = random.Random(plan.seed)
    if plan.enhanced:
        images = [_enhanced(plan, main, extra)]
    else:
        images = [_image(plan, main, i, drawn) for i in range(len(main.hu))]
        if extra is not None:
            images += [_other_image(plan, extra, i) for i in range(len(extra.hu))]
    contents = [file_bytes(plan, image) for image in images]
    _pack(plan, folder, _names(plan, len(contents), drawn), contents)
    if plan.beside != "nothing":
        name, content = BESIDE[plan.beside]
        (folder / name).write_bytes(content)
    unread = plan.extra in ("copy", *NEVER_READ) and not plan.silent
    return Written(main, None if unread else extra)


def _extra(plan: Plan, main: Scan) -> Scan | None:
    if plan.extra == "none":
        return None
    if plan.extra == "copy":
        return main
    half = 0.5 if plan.covers == "upper half" else 0.0
    step = plan.step / 2 if plan.extra == "thin" else None
    found = scanned(plan, plan.offset * plan.step, step, half)
    if plan.extra == "localizer":
        found = found.keep([len(found.hu) // 2])
    return replace(found, hu=found.hu + np.int16(OTHER))


def _rescale(plan: Plan) -> tuple[bool, float]:
    """Signed or not, and the intercept that the pixels are stored with."""
    return (True, 0.0) if plan.values == "signed" else (False, -1024.0)


def _image(plan: Plan, what: Scan, index: int, drawn: random.Random) -> Dataset:
    signed, intercept = _rescale(plan)
    ds = stored_slice(what, index, TURNS[plan.turn], rescale=(1.0, intercept), signed=signed)
    ds.AcquisitionTime, ds.ReconstructionDiameter = "101500", 240
    ds.SliceThickness = plan.step
    _vary(plan, ds, index, drawn)
    _lose(plan, ds)
    _lie(plan, ds, drawn)
    _values(plan, ds)
    return ds


def _other_image(plan: Plan, what: Scan, index: int) -> Dataset:
    signed, intercept = _rescale(plan)
    series = f"{UID}.1.2" if plan.own_series else f"{UID}.1.1"
    ds = stored_slice(what, index, TURNS[plan.turn], series, (1.0, intercept), signed)
    ds.SOPInstanceUID = f"{UID}.9.{index + 1}"
    ds.AcquisitionTime, ds.ReconstructionDiameter = "101500", 240
    ds.SliceThickness = plan.step
    _lose(plan, ds, keep=tuple(TELLS[plan.extra]))
    for keyword, value in TELLS[plan.extra].items():
        if value is None:
            ds.pop(keyword, None)
        else:
            setattr(ds, keyword, value)
    if plan.extra == "localizer":
        ds.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    _values(plan, ds)
    return ds


def _vary(plan: Plan, ds: Dataset, index: int, drawn: random.Random) -> None:
    some = drawn.random() < 0.3
    if plan.varies == "kernel absent" and some:
        del ds.ConvolutionKernel
    elif plan.varies == "kernel value":
        ds.ConvolutionKernel = ["H31s", str(1 + index % 3)]
    elif plan.varies == "spacing":
        across = 1 + (index % 2) * 2e-6
        ds.PixelSpacing = [round(float(v) * across, 7) for v in ds.PixelSpacing]
    elif plan.varies == "series uid":
        ds.SeriesInstanceUID = f"{UID}.1.7.{index + 1}"
    elif plan.varies == "acquisition":
        ds.AcquisitionNumber = index + 1
    elif plan.varies == "image type" and some:
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "REFERENCE"]
    elif plan.varies == "thickness":
        ds.SliceThickness = plan.step + 1e-4 * (index % 3)
    elif plan.varies == "patient absent" and some:
        ds.PatientID = ""
    elif plan.varies == "time":
        ds.AcquisitionTime = f"1015{index:02d}.25"


def _lose(plan: Plan, ds: Dataset, keep: Sequence[str] = ()) -> None:
    for keyword in plan.absent:
        if keyword in ds and keyword not in keep:
            delattr(ds, keyword)


def _lie(plan: Plan, ds: Dataset, drawn: random.Random) -> None:
    if plan.lies == "slice location":
        ds.SliceLocation = drawn.uniform(-500, 500)
    elif plan.lies == "spacing between slices":
        ds.SpacingBetweenSlices = 20.706
    elif plan.lies == "patient position":
        ds.PatientPosition = "FFP"
    elif plan.lies == "gantry tilt":
        ds.GantryDetectorTilt = 30 - plan.tilt
    elif plan.lies == "instance numbers" and "InstanceNumber" in ds:
        ds.InstanceNumber = drawn.randint(1, 500)
    elif plan.lies == "series description":
        ds.SeriesDescription = "Thorax 1.0 B60f"


def _values(plan: Plan, ds: Dataset) -> None:
    if plan.values in ("padded", "intercept lost, padded"):
        pixels = np.frombuffer(ds.PixelData, dtype="<u2").astype("<i2").reshape(_shape(ds)).copy()
        pixels[..., 0, :2] = -2000
        ds.PixelData, ds.PixelRepresentation = pixels.tobytes(), 1
        ds.BitsStored, ds.HighBit = 16, 15
        ds.PixelPaddingValue = -2000
    if plan.values.startswith("intercept lost"):
        ds.pop("RescaleIntercept", None)
        ds.pop("RescaleSlope", None)
    if plan.values == "times ten":
        pixels = np.frombuffer(ds.PixelData, dtype="<u2").astype(int)
        ds.PixelData = ((pixels - 1024) * 10).astype("<i2").tobytes()
        ds.PixelRepresentation, ds.BitsStored, ds.HighBit = 1, 16, 15
        ds.RescaleIntercept = 0


def _shape(ds: Dataset) -> tuple[int, ...]:
    """Of a classic image or of all frames."""
    frames = (int(ds.NumberOfFrames),) if "NumberOfFrames" in ds else ()
    return (*frames, ds.Rows, ds.Columns)


def _enhanced(plan: Plan, main: Scan, extra: Scan | None) -> Dataset:
    """All images as frames; what tells the other set apart stands in its frames' groups."""
    both = main
    if extra is not None:
        both = replace(
            main,
            hu=np.concatenate([main.hu, extra.hu]),
            origins=np.concatenate([main.origins, extra.origins]),
        )
    ds = multi_frame(both)
    shared = ds.SharedFunctionalGroupsSequence[0]
    kind = shared.CTImageFrameTypeSequence
    del shared.CTImageFrameTypeSequence
    del shared.CTReconstructionSequence
    del shared.PixelMeasuresSequence
    for i, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        tells = TELLS[plan.extra] if i >= len(main.hu) else {}
        told = {
            "FrameType": tells.get("ImageType", list(kind[0].FrameType)),
            "ConvolutionKernel": tells.get("ConvolutionKernel", "H31s"),
            "ReconstructionDiameter": tells.get("ReconstructionDiameter", 240),
            "KVP": tells.get("KVP", 120),
            "SliceThickness": tells.get("SliceThickness", plan.step),
            "PixelSpacing": list(main.spacing),
        }
        for name, keywords in FRAME_GROUPS.items():
            group = {k: told[k] for k in keywords if told[k] is not None}
            setattr(frame, name, Items([item(**group)]))
        content = frame.FrameContentSequence[0]
        content.FrameAcquisitionNumber = tells.get("AcquisitionNumber", 1)
        content.FrameAcquisitionDateTime = f"20200131{tells.get('AcquisitionTime', '101500')}"
    _values(plan, ds)
    if plan.values.startswith("intercept lost"):
        del shared.PixelValueTransformationSequence
    elif plan.values == "times ten":
        shared.PixelValueTransformationSequence[0].RescaleIntercept = 0
    return ds


def _names(plan: Plan, count: int, drawn: random.Random) -> list[str]:
    numbers = list(range(count))
    if plan.names == "reversed":
        numbers.reverse()
    elif plan.names == "shuffled":
        drawn.shuffle(numbers)
    form = {
        "no suffix": "IM{:06d}",
        "unicode": "Schädel Nº {:03d} — 頭部.dcm",
        "latin1": "sch\udce4del{:03d}.dcm",
        "uids": "1.2.840.113619.2.55.3.{:d}",
        "Version2": "Version2_{:03d}",
        "README": "README{:03d}.dcm",
        "upper": "{:03d}.DCM",
    }.get(plan.names, "{:03d}.dcm")
    return [form.format(n) for n in numbers]


def _pack(plan: Plan, folder: Path, names: list[str], contents: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if plan.packing in ("files", "folders"):
        for i, (name, content) in enumerate(zip(names, contents, strict=True)):
            place = folder / f"DIR{i % 3}" if plan.packing == "folders" else folder
            place.mkdir(exist_ok=True)
            with open(os.fsencode(place / name), "wb") as file:
                file.write(content)
        return
    names = [name.replace("\udce4", "ae") for name in names]
    if plan.packing == "tar.gz":
        with tarfile.open(folder / "study.tar.gz", "w:gz") as tar:
            for name, content in zip(names, contents, strict=True):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, BytesIO(content))
        return
    parts = 2 if plan.packing == "two zips" else 1
    for part in range(parts):
        with zipfile.ZipFile(folder / f"part{part}.zip", "w") as archive:
            for i, (name, content) in enumerate(zip(names, contents, strict=True)):
                if i % parts == part:
                    archive.writestr(name, content)
