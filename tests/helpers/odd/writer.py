"""Write the files of a plan, and say which sets of slices a reader may rightly give."""

from __future__ import annotations

import os
import random
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.uid import SecondaryCaptureImageStorage

from tests.helpers.ct.dicom_files import TURNS, UID, first_voxel
from tests.helpers.odd.files import Elements, elements_of, file_bytes
from tests.helpers.odd.head import scanned
from tests.helpers.odd.plan import Plan
from tests.helpers.traps.objects import multi_frame
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
Image = tuple[Elements, np.ndarray]  # all but the pixels, and the pixels as stored
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
        images = list(_main_images(plan, main, drawn))
        if extra is not None:
            images += _other_images(plan, extra)
    contents = [file_bytes(plan, image, pixels) for image, pixels in images]
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


def _main_images(plan: Plan, what: Scan, drawn: random.Random) -> Iterator[Image]:
    for i, (image, pixels) in enumerate(_images(plan, what, f"{UID}.1.1")):
        _vary(plan, image, i, drawn)
        _lose(plan, image)
        _lie(plan, image, drawn)
        yield image, _values(plan, image, pixels)


def _other_images(plan: Plan, what: Scan) -> Iterator[Image]:
    series = f"{UID}.1.2" if plan.own_series else f"{UID}.1.1"
    tells = TELLS[plan.extra]
    for i, (image, pixels) in enumerate(_images(plan, what, series)):
        image["SOPInstanceUID"] = f"{UID}.9.{i + 1}"
        _lose(plan, image, keep=tuple(tells))
        image.update(tells)
        if plan.extra == "kernel gone":
            image.pop("ConvolutionKernel", None)
        if plan.extra == "localizer":
            image["ImageOrientationPatient"] = [0, 1, 0, 0, 0, -1]
        yield image, _values(plan, image, pixels)


def _images(plan: Plan, what: Scan, series: str) -> Iterator[Image]:
    """The slices of a set with nothing odd; what they say alike is asked of the first."""
    signed, turn = plan.values == "signed", TURNS[plan.turn]
    intercept, kind = (0, np.int16) if signed else (-1024, np.uint16)
    alike = elements_of(stored_slice(what, 0, turn, series, (1.0, float(intercept)), signed))
    del alike["PixelData"]
    alike |= {"AcquisitionTime": "101500", "ReconstructionDiameter": 240}
    alike |= {"SliceThickness": plan.step}
    across = (what.orientation, what.spacing, what.hu.shape[1:], turn)
    for i, hu in enumerate(what.hu):
        own = {"SOPInstanceUID": f"{series}.{i + 1}", "InstanceNumber": i + 1}
        own |= {"ImagePositionPatient": first_voxel(what.origins[i], *across)}
        yield alike | own, turn.stored((hu.astype(int) - intercept).astype(kind))


def _vary(plan: Plan, image: Elements, index: int, drawn: random.Random) -> None:
    some = drawn.random() < 0.3
    if plan.varies == "kernel absent" and some:
        image.pop("ConvolutionKernel")
    elif plan.varies == "kernel value":
        image["ConvolutionKernel"] = ["H31s", str(1 + index % 3)]
    elif plan.varies == "spacing":
        across = 1 + (index % 2) * 2e-6
        image["PixelSpacing"] = [round(float(v) * across, 7) for v in image["PixelSpacing"]]
    elif plan.varies == "series uid":
        image["SeriesInstanceUID"] = f"{UID}.1.7.{index + 1}"
    elif plan.varies == "acquisition":
        image["AcquisitionNumber"] = index + 1
    elif plan.varies == "image type" and some:
        image["ImageType"] = ["ORIGINAL", "PRIMARY", "AXIAL", "REFERENCE"]
    elif plan.varies == "thickness":
        image["SliceThickness"] = plan.step + 1e-4 * (index % 3)
    elif plan.varies == "patient absent" and some:
        image["PatientID"] = ""
    elif plan.varies == "time":
        image["AcquisitionTime"] = f"1015{index:02d}.25"


def _lose(plan: Plan, image: Elements, keep: Sequence[str] = ()) -> None:
    for keyword in plan.absent:
        if keyword not in keep:
            image.pop(keyword, None)


def _lie(plan: Plan, image: Elements, drawn: random.Random) -> None:
    if plan.lies == "slice location":
        image["SliceLocation"] = drawn.uniform(-500, 500)
    elif plan.lies == "spacing between slices":
        image["SpacingBetweenSlices"] = 20.706
    elif plan.lies == "patient position":
        image["PatientPosition"] = "FFP"
    elif plan.lies == "gantry tilt":
        image["GantryDetectorTilt"] = 30 - plan.tilt
    elif plan.lies == "instance numbers" and "InstanceNumber" in image:
        image["InstanceNumber"] = drawn.randint(1, 500)
    elif plan.lies == "series description":
        image["SeriesDescription"] = "Thorax 1.0 B60f"


def _values(plan: Plan, image: Elements, pixels: np.ndarray) -> np.ndarray:
    """Change what tells HU; the pixels as they are stored then."""
    if plan.values in ("padded", "intercept lost, padded"):
        pixels = pixels.astype(np.int16)
        pixels[..., 0, :2] = -2000
        image |= {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15}
        image["PixelPaddingValue"] = -2000
    if plan.values.startswith("intercept lost"):
        image.pop("RescaleIntercept", None)
        image.pop("RescaleSlope", None)
    if plan.values == "times ten":
        pixels = ((pixels.astype(int) - 1024) * 10).astype(np.int16)
        image |= {"PixelRepresentation": 1, "BitsStored": 16, "HighBit": 15, "RescaleIntercept": 0}
    return pixels


def _enhanced(plan: Plan, main: Scan, extra: Scan | None) -> Image:
    """All images as frames; what tells the other set apart stands in its frames' groups."""
    sets = [(main, {})] if extra is None else [(main, {}), (extra, TELLS[plan.extra])]
    image = elements_of(multi_frame(main.keep([0])))
    (shared,), (frame,) = (image[f"{of}FunctionalGroupsSequence"] for of in ("Shared", "PerFrame"))
    (kind,) = shared["CTImageFrameTypeSequence"]
    for name in ("CTImageFrameType", "CTReconstruction", "PixelMeasures"):
        del shared[f"{name}Sequence"]
    frames: list[Elements] = []
    for what, tells in sets:
        told = {
            "FrameType": kind["FrameType"],
            "ConvolutionKernel": "H31s",
            "ReconstructionDiameter": 240,
            "KVP": 120,
            "SliceThickness": plan.step,
            "PixelSpacing": list(main.spacing),
        }
        told |= {"FrameType": tells.get("ImageType", told["FrameType"])}
        told |= {keyword: value for keyword, value in tells.items() if keyword in told}
        groups = {
            name: [{k: told[k] for k in keywords if told[k] is not None}]
            for name, keywords in FRAME_GROUPS.items()
        }
        (content,) = frame["FrameContentSequence"]
        content |= {"FrameAcquisitionNumber": tells.get("AcquisitionNumber", 1)}
        time = tells.get("AcquisitionTime", "101500")
        content |= {"FrameAcquisitionDateTime": f"20200131{time}"}
        for origin in what.origins:
            number = len(frames) + 1
            own = {"InStackPositionNumber": number, "DimensionIndexValues": [number]}
            place = {"ImagePositionPatient": [round(float(v), 6) for v in origin]}
            places = {"FrameContentSequence": [content | own], "PlanePositionSequence": [place]}
            frames.append(groups | places)
    del image["PixelData"]
    image |= {"NumberOfFrames": len(frames), "PerFrameFunctionalGroupsSequence": frames}
    hu = np.concatenate([what.hu for what, _ in sets])
    pixels = _values(plan, image, (hu.astype(int) + 1024).astype(np.uint16))
    if plan.values.startswith("intercept lost"):
        del shared["PixelValueTransformationSequence"]
    elif plan.values == "times ten":
        shared["PixelValueTransformationSequence"][0]["RescaleIntercept"] = 0
    return image, pixels


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
        with tarfile.open(folder / "study.tar.gz", "w:gz", compresslevel=1) as tar:
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
