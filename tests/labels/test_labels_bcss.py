"""The codes of BCSS and their groupings, written out by hand."""

import numpy as np
import pytest

from breastseg.labels import (
    BCSS_CODES,
    BUILT_IN,
)

NAMES = {
    "region5": ("tumor", "stroma", "inflammatory", "necrosis", "other"),
    "region6": ("tumor", "stroma", "inflammatory", "necrosis", "other", "dcis"),
    "tumor": ("tumor", "not tumor"),
}


# code: (name in the release, region5, region6, tumor); None is "not annotated". bcss21 keeps every
# name but the first.
BY_HAND = {
    0: ("outside_roi", None, None, None),
    1: ("tumor", "tumor", "tumor", "tumor"),
    2: ("stroma", "stroma", "stroma", "not tumor"),
    3: ("lymphocytic_infiltrate", "inflammatory", "inflammatory", "not tumor"),
    4: ("necrosis_or_debris", "necrosis", "necrosis", "not tumor"),
    5: ("glandular_secretions", "other", "other", "not tumor"),
    6: ("blood", "other", "other", "not tumor"),
    7: ("exclude", None, None, None),
    8: ("metaplasia_NOS", "other", "other", "not tumor"),
    9: ("fat", "other", "other", "not tumor"),
    10: ("plasma_cells", "inflammatory", "inflammatory", "not tumor"),
    11: ("other_immune_infiltrate", "inflammatory", "inflammatory", "not tumor"),
    12: ("mucoid_material", "other", "other", "not tumor"),
    13: ("normal_acinus_or_duct", "other", "other", "not tumor"),
    14: ("lymphatics", "other", "other", "not tumor"),
    15: ("undetermined", None, None, None),
    16: ("nerve", "other", "other", "not tumor"),
    17: ("skin_adnexa", "other", "other", "not tumor"),
    18: ("blood_vessel", "other", "other", "not tumor"),
    19: ("angioinvasion", "tumor", "tumor", "tumor"),
    20: ("dcis", "tumor", "dcis", "tumor"),
    21: ("other", "other", "other", "not tumor"),
}


@pytest.mark.parametrize("code", range(22))
def test_what_each_bcss_code_becomes(code: int) -> None:
    name, *wanted = BY_HAND[code]
    assert BCSS_CODES[code] == name
    pixel = np.array([[code]], np.uint8)
    for map_name, class_name in zip(("region5", "region6", "tumor"), wanted, strict=True):
        expected = 0 if class_name is None else NAMES[map_name].index(class_name) + 1
        assert BUILT_IN[map_name].apply(pixel, "x").tolist() == [[expected]], map_name
    assert BUILT_IN["bcss21"].apply(pixel, "x").tolist() == [[code]]


def test_class_names_and_order() -> None:
    assert {name: BUILT_IN[name].names for name in NAMES} == NAMES
    assert BUILT_IN["bcss21"].names == BCSS_CODES[1:]
    assert len(BUILT_IN["bcss21"].classes) == 21
    assert list(BUILT_IN) == ["region5", "region6", "tumor", "beetle", "bcss21"]


def test_colours_differ_within_a_map() -> None:
    for label_map in BUILT_IN.values():
        assert len({c.color for c in label_map.classes}) == len(label_map.classes), label_map.name


@pytest.mark.parametrize("code", range(22))
@pytest.mark.parametrize("name", [*NAMES, "bcss21"])
def test_a_bcss_name_is_what_its_code_is(name: str, code: int) -> None:
    """But where a map has a class of that name itself, it is that class."""
    label_map = BUILT_IN[name]
    expected = int(label_map.apply(np.array([[code]], np.uint8), "x")[0, 0])
    assert label_map.label_of(BCSS_CODES[code], "x") == expected


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("tumor", 1),
        ("Tumor", 1),
        ("  STROMA ", 2),
        ("Immune cells", 3),
        ("inflammatory", 3),
        ("plasma_cells", 3),
        ("Necrosis", 4),
        ("DCIS", 1),
        ("Other", 5),
        ("exclude", 0),
        ("outside_roi", 0),
        ("Ignore*", 0),
        ("Region*", 0),
    ],
)
def test_classes_by_the_names_that_people_write(name: str, label: int) -> None:
    assert BUILT_IN["region5"].label_of(name, "x") == label
