"""Every transfer syntax that is read, encoded by a library that shares no code with the decoders.

What went in has to come out: equal to the last bit, or within the error that the encoder was told.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from molre.ct.dicom.header import read_header
from molre.ct.dicom.pixels import stored_values
from molre.ct.files.entries import Entries
from molre.ct.read import read
from molre.errors import RefusedScan
from tests.helpers.ct.dicom_files import cube, enhanced, one_slice, save, set_pixels, write_series
from tests.helpers.ct.encode import (
    HTJ2K,
    HTJ2K_LOSSY,
    J2K,
    J2K_LOSSY,
    JPEG_LOSSLESS,
    JPEG_LS,
    JPEG_LS_NEAR,
    LOSSLESS,
    htj2k,
    j2k,
    jpeg_lossless,
    jpeg_ls,
    save_encoded,
)

PLAIN = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
}
SHAPES = [(32, 24), (13, 17), (1, 9), (9, 1)]


def _stored(path):
    data = path.read_bytes()
    with Entries() as entries:
        return stored_values(read_header(io.BytesIO(data), str(path), len(data)), entries)


def _image(shape, signed, bits, seed=0):
    """Any bits, so that every value that the header allows is among them."""
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    image = np.random.default_rng(seed).integers(low, high, shape)
    image.flat[:2] = low, high - 1
    return image.astype(np.int16 if signed else np.uint16)


def _slice(image, bits):
    ds = one_slice(np.zeros(image.shape[-2:], np.int16))
    set_pixels(ds, image)
    ds.BitsStored, ds.HighBit = bits, bits - 1
    return ds


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("values", [(False, 12), (False, 16), (True, 16)], ids=str)
@pytest.mark.parametrize("name", [*PLAIN, *LOSSLESS])
def test_lossless_pixels_come_out_as_they_went_in(tmp_path, name, values, shape):
    image = _image(shape, *values)
    ds = _slice(image, values[1])
    if name in PLAIN:
        path = save(ds, tmp_path / "one.dcm", PLAIN[name])
    else:
        syntax, encode = LOSSLESS[name]
        path = save_encoded(ds, tmp_path / "one.dcm", syntax, [encode(image, values[1])])
    found = _stored(path)
    np.testing.assert_array_equal(found[0], image)
    assert found.dtype == image.dtype


@pytest.mark.parametrize("name", [*PLAIN, *LOSSLESS])
def test_a_whole_series_in_hu(tmp_path, name):
    hu = cube()
    for path in write_series(tmp_path):
        ds = one_slice(hu[int(path.stem)], height=5.0 * int(path.stem))
        ds.SOPInstanceUID += f".{int(path.stem) + 1}"
        image = (hu[int(path.stem)].astype(int) + 1024).astype(np.uint16)
        if name in PLAIN:
            save(ds, path, PLAIN[name])
        else:
            save_encoded(ds, path, LOSSLESS[name][0], [LOSSLESS[name][1](image, 16)])
    np.testing.assert_array_equal(read(tmp_path).hu, hu)


@pytest.mark.parametrize("tail", [b"\xff", b"\xff\xd9", b"what was in the buffer\xff"], ids=repr)
@pytest.mark.parametrize("name", ["rle", *LOSSLESS])
def test_what_lies_behind_the_end_of_a_frame_is_ignored_with_a_note(tmp_path, name, tail):
    image = (_image((16, 20), False, 11) + 20).astype(np.uint16)
    ds = _slice(image, 12)
    if name == "rle":
        path = save(ds, tmp_path / "one.dcm", RLELossless)
        syntax, frame = RLELossless, next(generate_frames(dcmread(path).PixelData))
    else:
        syntax, frame = LOSSLESS[name][0], LOSSLESS[name][1](image, 12)
    path = save_encoded(ds, tmp_path / "one.dcm", syntax, [frame.rstrip(b"\0") + tail])
    volume = read(path)
    np.testing.assert_array_equal(volume.hu[0], image.astype(int) - 1024)
    assert "1 compressed frame with bytes behind the end: ignored" in volume.notes


@pytest.mark.parametrize("fragments", [1, 2, 3])
@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("name", ["jpeg lossless sv1", "jpeg-ls", "j2k", "htj2k"])
def test_a_frame_in_several_fragments(tmp_path, name, table, fragments):
    image = _image((40, 30), False, 12)
    syntax, encode = LOSSLESS[name]
    path = save_encoded(
        _slice(image, 12), tmp_path / "one.dcm", syntax, [encode(image, 12)],
        fragments=fragments, table=table,
    )  # fmt: skip
    np.testing.assert_array_equal(_stored(path)[0], image)


@pytest.mark.parametrize("how", ["table", "no table", "extended", "fragments"])
@pytest.mark.parametrize("name", ["jpeg lossless 4", "jpeg-ls", "j2k", "htj2k rpcl"])
def test_frames_of_an_enhanced_ct(tmp_path, name, how):
    hu = cube()
    syntax, encode = LOSSLESS[name]
    frames = [encode((image.astype(int) + 1024).astype(np.uint16), 16) for image in hu]
    path = save_encoded(
        enhanced(hu), tmp_path / "e.dcm", syntax, frames, table=how != "no table",
        extended=how == "extended", fragments=2 if how == "fragments" else 1,
    )  # fmt: skip
    np.testing.assert_array_equal(read(path).hu, hu)


@pytest.mark.parametrize("syntax", PLAIN.values(), ids=PLAIN)
def test_frames_of_an_enhanced_ct_without_compression(tmp_path, syntax):
    np.testing.assert_array_equal(read(save(enhanced(cube()), tmp_path / "e", syntax)).hu, cube())


@pytest.mark.parametrize("near", [1, 3, 10])
def test_near_lossless_jpeg_ls_is_as_near_as_it_says(tmp_path, near):
    image = _image((32, 24), False, 12)
    path = save_encoded(
        _slice(image, 12), tmp_path / "one.dcm", JPEG_LS_NEAR, [jpeg_ls(near)(image, 12)]
    )
    error = np.abs(_stored(path)[0].astype(int) - image)
    assert error.max() == near


@pytest.mark.parametrize("syntax", [J2K_LOSSY, HTJ2K_LOSSY])
def test_lossy_jpeg_2000_is_near_and_said_to_be_lossy(tmp_path, syntax):
    import imagecodecs

    rows, columns = np.mgrid[:64, :64]
    hu = (60 * np.sin(rows / 9) + 40 * np.cos(columns / 7)).astype(np.int16)
    hu[:4] = -1000
    ds = one_slice(hu)
    image = (hu.astype(int) + 1024).astype(np.uint16)
    if syntax == J2K_LOSSY:
        stream = imagecodecs.jpeg2k_encode(image, level=80, codecformat="j2k")
        theirs = imagecodecs.jpeg2k_decode(stream)
    else:
        stream = imagecodecs.htj2k_encode(image, level=0.0005, reversible=False)
        theirs = imagecodecs.htj2k_decode(stream)
    volume = read(save_encoded(ds, tmp_path / "one.dcm", syntax, [stream]))
    assert (
        np.abs(volume.hu[0].astype(int) - np.clip(theirs.astype(int) - 1024, -1024, 3071)).max()
        <= 1
    )
    assert 0 < np.abs(volume.hu[0].astype(int) - hu).mean() < 10
    assert any("lossy" in note for note in volume.notes)


SIGNED = np.array([[-1024, -1, 0, 1, 100, 2047, -2000, 37]] * 4, np.int16)


@pytest.mark.parametrize("bits", [12, 13, 16])
@pytest.mark.parametrize("name", ["j2k", "htj2k", "jpeg-ls", "jpeg lossless 1"])
def test_signed_header_over_a_stream_that_knows_no_sign(tmp_path, name, bits):
    """The bit patterns were encoded, cut to the stored bits or not: pydicom#1149 and others."""
    syntax, encode = LOSSLESS[name]
    pattern = (SIGNED.astype(int) & ((1 << bits) - 1)).astype(np.uint16)
    path = save_encoded(_slice(SIGNED, bits), tmp_path / "x.dcm", syntax, [encode(pattern, bits)])
    np.testing.assert_array_equal(_stored(path)[0], SIGNED)


@pytest.mark.parametrize("encode", [htj2k(), jpeg_ls()], ids=["htj2k", "jpeg-ls"])
def test_sign_extended_pattern_in_more_bits_than_the_header_says(tmp_path, encode):
    syntax = HTJ2K if encode(SIGNED.view(np.uint16), 16)[:2] == b"\xff\x4f" else JPEG_LS
    stream = encode(SIGNED.view(np.uint16), 16)
    path = save_encoded(_slice(SIGNED, 13), tmp_path / "one.dcm", syntax, [stream])
    np.testing.assert_array_equal(_stored(path)[0], SIGNED)


def test_unsigned_header_over_a_signed_stream(tmp_path):
    image = np.array([[0, 1, 1024, 2047, 4095, 3000]] * 3, np.uint16)
    fine = save_encoded(_slice(image, 12), tmp_path / "a", HTJ2K, [htj2k()(image.view("i2"), 16)])
    np.testing.assert_array_equal(_stored(fine)[0], image)
    wrapped = _image((4, 6), False, 16)
    stream = htj2k()(wrapped.view(np.int16), 16)
    path = save_encoded(_slice(wrapped, 16), tmp_path / "b", HTJ2K, [stream])
    np.testing.assert_array_equal(_stored(path)[0], wrapped)


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_stored_bits_than_the_stream_has_do_no_harm_while_values_fit(tmp_path, bits):
    image = _image((8, 6), False, 10)
    for syntax, stream in ((HTJ2K, htj2k()(image, 16)), (J2K, j2k(image, 14))):
        path = save_encoded(_slice(image, bits), tmp_path / "one.dcm", syntax, [stream])
        np.testing.assert_array_equal(_stored(path)[0], image)


CONTRADICTIONS = {
    "values beyond the stored bits": (_image((8, 6), False, 14), 12, HTJ2K, htj2k(), None),
    "signed values beyond the stored bits": (_image((8, 6), True, 14), 12, HTJ2K, htj2k(), None),
    "negative values under an unsigned header": (
        _image((8, 6), False, 12), 12, HTJ2K, htj2k(), SIGNED[:1].repeat(8, 0)[:, :6],
    ),
    "twelve bits under a signed header of sixteen": (
        _image((8, 6), True, 16), 16, J2K, j2k, _image((8, 6), False, 12),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_values_that_may_mean_two_things_are_refused(tmp_path, name):
    image, bits, syntax, encode, other = CONTRADICTIONS[name]
    ds = _slice(image, bits)
    stream = encode(image if other is None else other, 12 if other is not None else 16)
    with pytest.raises(RefusedScan, match="may mean either"):
        _stored(save_encoded(ds, tmp_path / "one.dcm", syntax, [stream]))


def test_bits_above_the_stored_ones_count_for_nothing_in_lossless_jpeg_and_rle(tmp_path):
    """Old files keep overlays there, and DICOM lets them (PS3.5, 8.1.1)."""
    image = _image((8, 6), False, 12)
    overlaid = image | np.uint16(0xA000)
    stream = jpeg_lossless(1)(overlaid, 16)
    path = save_encoded(_slice(image, 12), tmp_path / "a", JPEG_LOSSLESS, [stream])
    np.testing.assert_array_equal(_stored(path)[0], image)
    ds = _slice(overlaid, 12)
    np.testing.assert_array_equal(_stored(save(ds, tmp_path / "b", RLELossless))[0], image)


@pytest.mark.parametrize("name", ["jpeg lossless 1", "jpeg-ls", "j2k", "htj2k"])
def test_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path, name):
    syntax, encode = LOSSLESS[name]
    ds = _slice(_image((8, 6), False, 12), 12)
    path = save_encoded(ds, tmp_path / "x.dcm", syntax, [encode(_image((6, 8), False, 12), 12)])
    with pytest.raises(RefusedScan, match="6 x 8 pixels"):
        _stored(path)


def test_lossless_and_lossy_12_bit_jpeg_are_told_apart(tmp_path):
    """JPEG Extended in 12 bits has no decoder here, even under the syntax of lossless JPEG."""
    import imagecodecs

    image = _image((16, 16), False, 12)
    stream = imagecodecs.jpeg_encode(image, level=90, bitspersample=12)
    path = save_encoded(_slice(image, 12), tmp_path / "one.dcm", JPEG_LOSSLESS, [stream])
    with pytest.raises(RefusedScan, match="unexpected marker"):
        _stored(path)


def test_pieces_under_an_uncompressed_syntax_are_refused(tmp_path):
    """The items' own headers would be taken for pixels."""
    image = _image((8, 6), False, 12)
    path = save_encoded(_slice(image, 12), tmp_path / "x", JPEG_LOSSLESS, [image.tobytes()])
    raw = path.read_bytes().replace(JPEG_LOSSLESS.encode(), b"1.2.840.10008.1.2.1\0\0\0")
    path.write_bytes(raw)
    with pytest.raises(RefusedScan):
        _stored(path)


def test_warnings_that_a_decoder_prints_are_heard(tmp_path, capfd):
    """libjpeg fills in what is missing, prints one line and returns an image."""
    image = _image((40, 30), False, 12)
    stream = jpeg_lossless(1)(image, 12)
    path = save_encoded(
        _slice(image, 12), tmp_path / "one.dcm", JPEG_LOSSLESS, [stream[:-300] + stream[-2:]]
    )
    with pytest.raises(RefusedScan, match="Corrupt JPEG data"):
        _stored(path)
    assert capfd.readouterr().err == ""


def test_strange_application_data_do_not_end_the_process(tmp_path):
    """gdcm gives up, with the process, at a version of JFIF that it does not know."""
    image = _image((8, 6), False, 12)
    stream = jpeg_lossless(1)(image, 12)
    at = stream.index(b"JFIF") + 5
    strange = stream[:at] + b"\x09" + stream[at + 1 :]
    assert strange != stream
    path = save_encoded(_slice(image, 12), tmp_path / "one.dcm", JPEG_LOSSLESS, [strange])
    np.testing.assert_array_equal(_stored(path)[0], image)
