"""Compressed pixels to stored values: every frame is checked, decoded and checked again."""

from __future__ import annotations

import warnings

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import pixel_array

from molre.ct.dicom import rle
from molre.ct.dicom.codestream import Codestream, DamagedStreamError, inspect
from molre.ct.dicom.decoder_stderr import decoder_words
from molre.ct.dicom.header import Header
from molre.ct.dicom.remarks import Remarks
from molre.ct.dicom.syntax import DECODERS, LOSSY, RLE
from molre.ct.dicom.unused_bits import misplaced, uses_more, values
from molre.errors import RefusedScan, raise_of_machine

_TABLES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")


def decode(dataset: Dataset, header: Header, remarks: Remarks) -> np.ndarray:
    """Stored values of all frames, int (frames, rows, columns).

    Args:
        dataset: the whole file.
        header: its header; its transfer syntax is a compressed one.
        remarks: grows; what lies behind the end of a frame is ignored.

    Raises:
        RefusedScan: damaged, cut off, of another size than the header says, a decoder complains
            (Rust panics included), or the values fit the header in no certain way.
    """
    frames = _frames(dataset, header)
    if header.syntax == RLE:
        planes = [_rle(frame, header) for frame in frames]
        remarks.behind += [header.file for plane in planes if plane.behind]
        _replace_pixels(dataset, [plane.essence for plane in planes])
        raw = np.array(_by_decoder(dataset, header))
        if uses_more(raw, header.bits_stored) and (uncertain := misplaced(header)):
            raise uncertain
        return values(raw, header, remarks)
    streams = [_inspect(frame, header) for frame in frames]
    remarks.behind += [header.file for stream in streams if stream.behind]
    _replace_pixels(dataset, [stream.essence for stream in streams])
    stored = _by_decoder(dataset, header)
    out = np.empty(stored.shape, np.dtype(f"{'i' if header.signed else 'u'}4"))
    for index, stream in enumerate(streams):
        out[index] = _as_header_says(stored[index], stream, header)
    if header.bits_allocated == 16:
        return out.astype(np.int16 if header.signed else np.uint16)
    return out


def _frames(dataset: Dataset, header: Header) -> list[bytes]:
    """The compressed frames, as the decoder will find them."""
    table = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an end that is missing, among others
            if all(keyword in dataset for keyword in _TABLES):
                table = tuple(dataset[keyword].value for keyword in _TABLES)
            found = generate_frames(
                dataset.PixelData, number_of_frames=header.frames, extended_offsets=table
            )
            frames = list(found)
    except Exception as error:
        raise_of_machine(error)
        raise damaged(header, f"{type(error).__name__} in its fragments") from error
    if len(frames) != header.frames:
        raise damaged(header, f"{len(frames)} frames of {header.frames}")
    return frames


def _inspect(frame: bytes, header: Header) -> Codestream:
    try:
        stream = inspect(frame, header.syntax)
    except DamagedStreamError as error:
        raise damaged(header, str(error)) from error
    there = (stream.rows, stream.columns, stream.components)
    if there != (header.rows, header.columns, 1) or stream.precision > header.bits_allocated:
        raise RefusedScan(
            f"its compressed image has {stream.rows} x {stream.columns} pixels of "
            f"{stream.precision} bits and {stream.components} colors, its header says "
            f"{header.rows} x {header.columns} of {header.bits_allocated}",
            where=header.file,
            fix="export the file again",
        )
    return stream


def _replace_pixels(dataset: Dataset, frames: list[bytes]) -> None:
    """What was checked, and nothing else, goes to the decoder."""
    for keyword in _TABLES:
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.PixelData = encapsulate(frames)


def _by_decoder(dataset: Dataset, header: Header) -> np.ndarray:
    """Values as the decoder gives them, in the header's sign but not corrected in any way."""
    try:
        with warnings.catch_warnings(), decoder_words() as said:
            warnings.simplefilter("ignore")
            stored = pixel_array(
                dataset,
                raw=True,
                decoding_plugin=DECODERS[header.syntax],
                apply_jls_sign_correction=False,
                apply_j2k_sign_correction=False,
                correct_unused_bits=False,
            )
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # pyo3's PanicException is no Exception
        raise_of_machine(error)
        raise damaged(header, type(error).__name__) from error
    if said:
        raise damaged(header, "; ".join(said))
    return in_frames(stored, header)


def _as_header_says(stored: np.ndarray, stream: Codestream, header: Header) -> np.ndarray:
    """Values of one frame with the header's sign and bits.

    Where the stream and the header differ in sign or bits, a value may be the header's bit
    pattern taken for a number of another kind. Whatever is certain is put right.
    """
    bits, precision = header.bits_stored, stream.precision
    kind = "i" if stream.signed else "u"
    values = stored.view(f"{kind}{stored.dtype.itemsize}").astype(np.int64)
    low, high = (-(1 << bits - 1), 1 << bits - 1) if header.signed else (0, 1 << bits)

    def fits(candidate: np.ndarray, beyond: int = 0) -> bool:
        return bool(candidate.min() >= low - beyond and candidate.max() < high + beyond)

    # the error of lossy compression may lead a little out of the range
    if header.signed == stream.signed and fits(values, (header.syntax in LOSSY) << bits - 4):
        return values
    pattern = values & ((1 << precision) - 1)
    if header.signed:
        by_stream, by_header = _extended(pattern, precision), _extended(pattern, bits)
        # a stream with fewer bits than the header may hold all positive numbers, or patterns
        certain = precision >= bits or bool(pattern.max() < 1 << precision - 1)
        if certain and fits(by_stream):
            return by_stream
        if precision > bits and pattern.max() < 1 << bits:
            return by_header
    elif precision == bits or (values.min() >= 0 and fits(values)):
        return pattern
    raise RefusedScan(
        f"its header says {_kind(header.signed, bits)}, its compressed image "
        f"{_kind(stream.signed, precision)}, and its values may mean either",
        where=header.file,
        fix="export it again, uncompressed",
    )


def _extended(pattern: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement of so many bits as numbers; bits above are not looked at."""
    return ((pattern & ((1 << bits) - 1)) ^ (1 << bits - 1)) - (1 << bits - 1)


def _kind(signed: bool, bits: int) -> str:
    return f"{'signed' if signed else 'unsigned'} values of {bits} bits"


def _rle(frame: bytes, header: Header) -> rle.Frame:
    try:
        return rle.inspect(frame, header.rows, header.columns)
    except DamagedStreamError as error:
        raise damaged(header, str(error)) from error


def in_frames(stored: np.ndarray, header: Header) -> np.ndarray:
    """Decoded values as (frames, rows, columns).

    Raises:
        RefusedScan: they are no integers, or not as many as the header says.
    """
    wanted = (header.frames, header.rows, header.columns)
    if stored.size != np.prod(wanted) or stored.dtype.kind not in "iu":
        raise RefusedScan(
            f"its pixels decode to {stored.dtype} {stored.shape}, not to integers {wanted}",
            where=header.file,
            fix="export the file again",
        )
    return stored.reshape(wanted)


def damaged(header: Header, words: str) -> RefusedScan:
    """Pixels that cannot be decoded, or not to anything certain."""
    return RefusedScan(
        f"its pixels cannot be decoded ({words}: damaged, cut off or in an unknown compression)",
        where=header.file,
        fix="export the file again, uncompressed",
    )
