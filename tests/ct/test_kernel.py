import pytest

from molre.ct.kernel import sharpness


@pytest.mark.parametrize(
    ("kernel", "wanted"),
    [
        ("STANDARD", "soft"), ("STD+", "soft"), ("SOFT", "soft"), ("BONEPLUS", "sharp"),
        ("BONE", "sharp"), ("EDGE", "sharp"), ("J40s\\3", "soft"), ("H31s", "soft"),
        ("Hr38f", "soft"), ("H60s", "sharp"), ("Hr59h\\3", "sharp"), ("B70f", "sharp"),
        ("UB", "soft"), ("UA", "soft"), ("YB", "sharp"), ("D", "sharp"), ("FC26", "soft"),
        ("FC68", "soft"), ("FC21", "soft"), ("FC30", "sharp"), ("FC81", "sharp"),
        (None, "unknown"), ("", "unknown"), ("Q-7", "unknown"),
    ],
)  # fmt: skip
def test_makers_names(kernel, wanted):
    assert sharpness(kernel) == wanted


@pytest.mark.parametrize(
    ("description", "wanted"),
    [
        ("Head bone 2.0", "sharp"),
        ("KNOCHEN", "sharp"),
        ("Hirn nativ 5mm", "soft"),
        ("Brain std", "soft"),
        ("AX 5/5", "unknown"),
    ],
)
def test_description_helps_where_the_kernel_says_nothing(description, wanted):
    assert sharpness(None, description) == wanted
    assert sharpness("STANDARD", description) == "soft"
