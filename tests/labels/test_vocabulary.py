"""Words of other data sets in the classes of a label map."""

import numpy as np
import pytest

from breastseg.errors import LabelError
from breastseg.labels import BCSS_CODES, BUILT_IN, LabelClass, LabelMap, Vocabulary, Word, all_but

WORDS = Vocabulary(
    "Other set",
    (
        Word(7, "cancer", ("tumor", "angioinvasion")),
        Word(9, "ducts", ("dcis", "normal_acinus_or_duct"), ("glands",)),
        Word(0, "rest", all_but("tumor", "angioinvasion", "dcis", "normal_acinus_or_duct")),
    ),
    empty=(255,),
    dropped=("frame",),
)


@pytest.mark.parametrize(
    ("name", "wanted", "parted"),
    [
        ("region5", (1, 0, 0), ("ducts", "rest")),
        ("region6", (1, 0, 0), ("ducts", "rest")),
        ("tumor", (1, 0, 2), ("ducts",)),
        ("bcss21", (0, 0, 0), None),
    ],
)
def test_a_word_that_a_map_parts_is_not_annotated(
    name: str, wanted: tuple[int, ...], parted: tuple[str, ...] | None
) -> None:
    if parted is None:
        with pytest.raises(LabelError, match="none of its classes is one of label map 'bcss21'"):
            WORDS.seen_in(BUILT_IN[name])
        return
    reading = WORDS.seen_in(BUILT_IN[name])
    assert reading.names == BUILT_IN[name].names
    assert reading.parted == parted
    masks = np.array([[7, 9, 0, 255]], np.uint8)
    assert reading.apply(masks, "m.png").tolist() == [[*wanted, 0]]
    for word, label in zip(("Cancer", "ducts", "rest"), wanted, strict=True):
        assert reading.label_of(word, "a.xml") == label
    assert reading.label_of("glands", "a.xml") == wanted[1]


def test_a_word_is_not_a_class_of_the_same_name() -> None:
    """ "other" of BEETLE has stroma in it, which "other" of region5 has not."""
    words = Vocabulary("B", (Word(1, "other", ("stroma", "fat")), Word(2, "t", ("tumor",))))
    reading = words.seen_in(BUILT_IN["region5"])
    assert reading.label_of("other", "x") == 0
    with pytest.raises(LabelError, match="x: class 'Stroma' is none of B"):
        reading.label_of("Stroma", "x")


def test_an_unknown_value_or_name_is_refused_by_name() -> None:
    reading = WORDS.seen_in(BUILT_IN["tumor"])
    with pytest.raises(LabelError, match=r"m\.png: value 3, 8 is no class of Other set \(it has 0"):
        reading.apply(np.array([[7, 3, 8]], np.uint8), "m.png")
    with pytest.raises(LabelError, match=r"a\.xml: class 'tumour' is none of Other set"):
        reading.label_of("tumour", "a.xml")


def test_a_map_without_one_of_the_codes_is_refused() -> None:
    own = LabelMap("own", (LabelClass("a", (1, 2, 3), "a", (1, 19)),))
    with pytest.raises(LabelError, match="Other set, class 'ducts': code 13, 20 is not in"):
        WORDS.seen_in(own)


def test_epithelium_that_does_not_invade_is_no_tumour_in_the_map_of_beetle() -> None:
    beetle = BUILT_IN["beetle"]
    codes = np.array([[BCSS_CODES.index(name) for name in ("tumor", "dcis", "metaplasia_NOS")]])
    assert beetle.apply(codes.astype(np.uint8), "x").tolist() == [[1, 2, 0]]
    assert beetle.names == ("invasive_epithelium", "non_invasive_epithelium", "necrosis", "other")
