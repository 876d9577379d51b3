"""Label maps: the BCSS tables written out by hand, and every way a map can be wrong."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import LabelError
from breastseg.labels import (
    BCSS_CODES,
    BUILT_IN,
    LabelClass,
    LabelMap,
    label_map_of,
    load_label_map,
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


def one_class(*codes: int, name: str = "a") -> LabelClass:
    return LabelClass(name, (1, 2, 3), name, codes)


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


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_a_code_that_no_map_names_is_an_error(name: str) -> None:
    with pytest.raises(
        LabelError,
        match=f"m.png: code 22, 200 .*'{name}' .*0 to 21",
    ):
        BUILT_IN[name].apply(np.array([[1, 200], [22, 0]], np.uint8), "m.png")


def test_code_255_is_an_error_too() -> None:
    """255 is the mark for "unknown" inside the table, and a common value in a black-and-white
    mask."""
    with pytest.raises(LabelError, match="code 255 is not in"):
        BUILT_IN["region5"].apply(np.array([[255]], np.uint8), "m.png")


def test_the_error_lists_gaps_in_what_is_known() -> None:
    with pytest.raises(LabelError, match=r"it knows 0, 3 to 4, 7\)"):
        LabelMap("gaps", (one_class(3, 7), one_class(4, name="b"))).apply(
            np.array([[5]], np.uint8), "m.png"
        )


def test_palette_is_white_for_not_annotated() -> None:
    palette = BUILT_IN["region5"].palette()
    assert palette.shape == (256, 3)
    assert palette[0].tolist() == [255, 255, 255]
    assert palette[1].tolist() == [200, 0, 0]
    assert palette[5].tolist() == [255, 200, 0]
    assert palette[6].tolist() == [255, 255, 255]


@pytest.mark.parametrize("name", list(BUILT_IN))
def test_a_map_survives_json(name: str) -> None:
    label_map = BUILT_IN[name]
    again = LabelMap.from_dict(json.loads(json.dumps(label_map.to_dict())), "x")
    assert again == label_map
    assert again.fingerprint() == label_map.fingerprint()


def test_colours_differ_within_a_map() -> None:
    for label_map in BUILT_IN.values():
        assert len({c.color for c in label_map.classes}) == len(label_map.classes), label_map.name


def test_fingerprint_changes_with_a_code_a_name_or_a_colour() -> None:
    base = LabelMap("m", (LabelClass("a", (1, 2, 3), "A", (1,)),))
    others = [
        LabelMap("n", base.classes),
        LabelMap("m", (LabelClass("b", (1, 2, 3), "A", (1,)),)),
        LabelMap("m", (LabelClass("a", (1, 2, 4), "A", (1,)),)),
        LabelMap("m", (LabelClass("a", (1, 2, 3), "A", (2,)),)),
        LabelMap("m", base.classes, (0, 9)),
    ]
    assert len({m.fingerprint() for m in [base, *others]}) == 6


@pytest.mark.parametrize(
    ("classes", "not_annotated", "message"),
    [
        ((), (0,), "0 classes, wanted 1 to 253"),
        ((one_class(1), one_class(2)), (0,), "a class name occurs twice in a, a"),
        ((one_class(1), one_class(1, name="b")), (0,), "code 1 is in 'a' and in 'b'"),
        ((one_class(1, 1),), (0,), "code 1 is in 'a' and in 'a'"),
        ((one_class(0),), (0,), "code 0 is in 'a' and in 'not annotated'"),
        ((one_class(0),), (), "code 0 must be 'not annotated', it is never a class"),
        ((one_class(1),), (7,), "code 0 must be 'not annotated', it is never a class"),
        ((one_class(255),), (0,), "code 255 of 'a', wanted 0 to 254"),
        ((one_class(-1),), (0,), "code -1 of 'a', wanted 0 to 254"),
    ],
)
def test_wrong_maps(
    classes: tuple[LabelClass, ...], not_annotated: tuple[int, ...], message: str
) -> None:
    with pytest.raises(LabelError, match=re.escape(f"label map 'm': {message}")):
        LabelMap("m", classes, not_annotated)


def test_own_maps_as_yaml_and_json_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\n"
        "classes:\n"
        "- {name: gland, color: [1, 2, 3], codes: [4, 5]}\n"
        "not_annotated: [0, 9]\n"
    )
    (tmp_path / "own.json").write_text(
        '{"name": "own", "classes": [{"name": "gland", "color": [1, 2, 3], "codes": [4, 5]}],'
        ' "not_annotated": [0, 9]}'
    )
    own = load_label_map(tmp_path / "own.yaml")
    assert own == load_label_map(str(tmp_path / "own.json"))
    assert own == LabelMap("own", (LabelClass("gland", (1, 2, 3), "gland", (4, 5)),), (0, 9))
    assert own.apply(np.array([[0, 4, 5, 9]], np.uint8), "x").tolist() == [[0, 1, 1, 0]]


def test_loading_by_name() -> None:
    assert load_label_map("region6") is BUILT_IN["region6"]


@pytest.mark.parametrize("name", ["region7", "nowhere.yaml", "labels.txt", "."])
def test_unknown_maps_list_the_known(name: str) -> None:
    with pytest.raises(
        LabelError,
        match=f"label map '{re.escape(name)}': .*region6, tumor, beetle, bcss21",
    ):
        load_label_map(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", r"not YAML \(.* in line 1\), wanted a label map as YAML"),
        ("", "not a label map"),
        ("just words", "not a label map"),
        ("[1, 2]", "not a label map"),
        (
            "{name: m}",
            r"not a label map \(classes is missing, wanted a list\); wanted name, classes",
        ),
        ("{name: m, classes: 3}", "not a label map"),
        ("{name: m, classes: [3]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: [1, 2], codes: [1]}]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: red, codes: [1]}]}", "not a label map"),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 256], codes: [1]}]}",
            r"\(color of 'a' is 256, wanted a whole number from 0 to 255\)",
        ),
        ("{name: m, classes: [{name: a, color: [1, 2, 3], codes: 1}]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: [1, 2, 3], codes: [x]}]}", "not a label map"),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 3], codes: [0]}]}",
            "code 0 is in 'a' and in 'not annotated'",
        ),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 3], codes: [1]}], not_annotated: 0}",
            "not a label map",
        ),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        load_label_map(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(LabelError, match="not JSON"):
        load_label_map(tmp_path / "own.json")


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


@pytest.mark.parametrize("name", ["gland", "", "1", "tumour"])
def test_a_name_that_no_class_has_lists_the_classes(name: str) -> None:
    message = (
        f"f.geojson: class '{name}' is not in label map 'region5' (it has tumor, stroma,"
        " inflammatory, necrosis, other); rename it there or choose another --labels"
    )
    with pytest.raises(LabelError, match=re.escape(message)):
        BUILT_IN["region5"].label_of(name, "f.geojson")


def test_an_own_map_knows_its_own_names_and_not_those_of_bcss() -> None:
    """Its code 2 may be anything: the names of BCSS belong to the codes of BCSS."""
    own = LabelMap(
        "own",
        (
            LabelClass("gland", (1, 2, 3), "Epithelium", (1,)),
            LabelClass("fat", (4, 5, 6), "Stroma", (2,)),
        ),
    )
    assert [
        own.label_of(name, "x") for name in ("gland", "epithelium", "FAT", "stroma", "Ignore*")
    ] == [1, 1, 2, 2, 0]
    for name in ("dcis", "exclude", "other"):
        with pytest.raises(LabelError, match=f"class '{name}' is not in label map 'own'"):
            own.label_of(name, "x")
    renamed = LabelMap("region5", own.classes)
    with pytest.raises(LabelError, match="class 'dcis' is not in"):
        renamed.label_of("dcis", "x")


def test_a_class_with_a_star_that_the_map_has_is_a_class() -> None:
    own = LabelMap("own", (LabelClass("fold*", (1, 2, 3), "fold*", (1,)),))
    assert own.label_of("Fold*", "x") == 1
    assert own.label_of("Ignore*", "x") == 0


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_built_in_map_that_was_written_down_knows_the_names_of_codes_again(name: str) -> None:
    again = label_map_of(json.loads(json.dumps(BUILT_IN[name].to_dict())), "x")
    assert again is BUILT_IN[name]
    by_code = int(again.apply(np.array([[3]], np.uint8), "x")[0, 0])
    assert again.label_of("Lymphocytic_Infiltrate", "x") == by_code
    own = label_map_of({**BUILT_IN[name].to_dict(), "name": "mine"}, "x")
    with pytest.raises(LabelError, match="mucoid"):
        own.label_of("mucoid", "x")
    assert own.code_names == ()
