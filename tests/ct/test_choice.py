"""Which series is chosen, for one difference at a time."""

from __future__ import annotations

import pytest

from molre.ct.read import read
from molre.ct.survey import choose, survey
from tests.helpers.ct.dicom_files import UID, cube, write_series
from tests.helpers.ct.two_sets import TELLING, two_sets
from tests.helpers.ct.varying import same

WHOLE = cube(28)
AXIAL = {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}


def _chosen(tmp_path, first, second, slices=(28, 28), step=(5.0, 5.0)):
    """Index of the series that is chosen of two that differ in some header elements."""
    for i, header in enumerate((first, second)):
        hu = WHOLE[: slices[i]]
        write_series(tmp_path / str(i), hu, uid=f"{UID}.1.{i}", step=step[i], **header)
    (study,) = survey([tmp_path]).studies
    series, why = choose(study)
    assert why
    return int(series.uid[-1])


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"ConvolutionKernel": "H60s"}, {"ConvolutionKernel": "H31s"}),
        ({"ConvolutionKernel": ["Hr60f", "3"]}, {"ConvolutionKernel": ["Hr38f", "3"]}),
        (
            {"Manufacturer": "GE", "ConvolutionKernel": "BONEPLUS"},
            {"Manufacturer": "GE", "ConvolutionKernel": "STANDARD"},
        ),
        (
            {"Manufacturer": "Philips", "ConvolutionKernel": "YB"},
            {"Manufacturer": "Philips", "ConvolutionKernel": "UB"},
        ),
        (
            {"Manufacturer": "TOSHIBA", "ConvolutionKernel": "FC30"},
            {"Manufacturer": "TOSHIBA", "ConvolutionKernel": "FC26"},
        ),
        ({"SeriesDescription": "Bone", "ConvolutionKernel": ""}, {"ConvolutionKernel": ""}),
        ({"ContrastBolusAgent": "Omnipaque"}, {}),
        ({"SeriesDescription": "HEAD CTA 1.0"}, {"SeriesDescription": "HEAD PLAIN"}),
        ({"SeriesDescription": "NECK 3.0", "BodyPartExamined": "NECK"}, {}),
        ({"ImageType": ["DERIVED", "SECONDARY", "AXIAL"]}, AXIAL),
        ({"LossyImageCompression": "01"}, {}),
    ],
)
def test_better_series_wins_whichever_comes_first(tmp_path, worse, better):
    assert _chosen(tmp_path / "a", worse, better) == 1
    assert _chosen(tmp_path / "b", better, worse) == 0


def test_whole_head_beats_a_piece_of_it(tmp_path):
    assert _chosen(tmp_path, {}, {}, slices=(6, 28)) == 1


def test_missing_slice_counts_against_a_series(tmp_path):
    uneven = [5.0] * 10 + [10.0] + [5.0] * 16
    assert _chosen(tmp_path, {}, {}, step=(uneven, 5.0)) == 1


def test_of_equals_the_choice_is_stable(tmp_path):
    assert _chosen(tmp_path, {}, {}) == 0


def test_whole_head_in_a_bone_kernel_beats_a_soft_piece_of_20_mm(tmp_path):
    sharp = {"ConvolutionKernel": "H60s"}
    assert _chosen(tmp_path, {}, sharp, slices=(4, 28)) == 1


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_equal_passes_the_first_is_read_whatever_the_files_are_called(tmp_path, names):
    def again(index, ds):
        ds.AcquisitionNumber = 2
        ds.SOPInstanceUID = f"{UID}.0.{index}"

    write_series(tmp_path / names[0], WHOLE)
    write_series(tmp_path / names[1], WHOLE, edit=again)
    (study,) = survey([tmp_path]).studies
    series, _ = choose(study)
    assert series.stack.members[0].plane.acquisition_number == 1


@pytest.mark.parametrize(
    "element", ["derived", "contrast agent", "kernel", "absence of the kernel"]
)
@pytest.mark.parametrize("offset", [0.0, 0.3, 2.5])
def test_of_two_sets_in_a_series_the_better_is_read_whichever_is_first(tmp_path, element, offset):
    tell = TELLING[element]
    better, _ = two_sets(tmp_path / "a", tell, offset)
    volume = read(tmp_path / "a")
    assert same(better, volume.hu, volume.origins)
    _, better = two_sets(tmp_path / "b", lambda ds, n, i: tell(ds, 1 - n, i), offset)
    volume = read(tmp_path / "b")
    assert same(better, volume.hu, volume.origins)
