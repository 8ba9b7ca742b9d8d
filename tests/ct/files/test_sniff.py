import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from molre.ct.files.sniff import HEAD_BYTES, kind

NIFTI = (348).to_bytes(4, "little") + bytes(340) + b"n+1\0" + bytes(4)


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"", "an empty file"),
        (bytes(128) + b"DICM" + b"\x02\0\0\0UL\x04\0", "dicom"),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "dicom"),
        (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100", "dicom"),
        (b"\0\x08\0\x05CS\0\x0aISO_IR 100", "dicom"),
        (NIFTI, "nifti"),
        (gzip.compress(NIFTI, mtime=0), "nifti"),
        (b"PK\x03\x04" + bytes(30), "zip"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "a JPEG image"),
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        ("naïve text".encode(), "a text file"),
        (gzip.compress(b"something else", mtime=0), "a gzip file that holds no NIfTI or tar"),
        (b"\x93\xfa\x00\x01" * 20, "neither DICOM nor NIfTI"),
    ],
)
def test_content_not_name_decides(head, wanted):
    assert kind(head) == wanted


def test_large_compressed_nifti_is_known_by_its_first_bytes():
    noise = np.random.default_rng(0).bytes(100_000)
    assert kind(gzip.compress(NIFTI + noise)[:HEAD_BYTES]) == "nifti"


@given(st.binary(max_size=600))
def test_any_bytes_have_a_kind(head):
    assert kind(head)
