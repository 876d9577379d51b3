"""Label maps: every code has one meaning, and every way a map can be wrong."""

import json
import re

import numpy as np
import pytest

from breastseg.errors import LabelError
from breastseg.labels import (
    BUILT_IN,
    LabelClass,
    LabelMap,
)


def one_class(*codes: int, name: str = "a") -> LabelClass:
    return LabelClass(name, (1, 2, 3), name, codes)


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


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("tumor", (1, False)),
        ("Not  Tumor", (1, True)),
        ("not stroma", (2, True)),
        ("Tumor: Positive", (1, False)),
    ],
)
def test_a_name_may_say_what_something_is_not(name: str, kind: tuple[int, bool]) -> None:
    assert BUILT_IN["region5"].kind_of(name, "x") == kind


def test_a_class_called_not_something_is_a_class() -> None:
    """The map "tumor" has a class "not tumor": it is that class, not the denial of tumour."""
    assert BUILT_IN["tumor"].kind_of("not tumor", "x") == (2, False)
