"""Fields that teach the laboratory: a class that the fields of one hospital lack, and nothing there
has."""

from types import SimpleNamespace

import pandas as pd

from breastseg.data.audit.fields import one_sided
from breastseg.data.audit.leaks import Split
from breastseg.labels import BUILT_IN

NAMES = list(BUILT_IN["tumor"].names)


def told(
    rows: dict[str, tuple[str, int, int]], taught: tuple[str, ...] | None = None
) -> list[tuple[object, object]]:
    """Return class and hospitals of each finding, of regions of (hospital, fact, pixels) of the
    first class."""
    index = list(rows)
    facts = pd.DataFrame(0, index=index, columns=NAMES)
    pixels = pd.DataFrame(0, index=index, columns=NAMES)
    for name, (_, fact, px) in rows.items():
        facts.loc[name, NAMES[0]] = fact
        pixels.loc[name, NAMES[0]] = px
    regions = pd.DataFrame({"site": [row[0] for row in rows.values()]}, index=index)
    data = SimpleNamespace(
        regions=regions, facts=facts, class_pixels=pixels, label_map=BUILT_IN["tumor"]
    )
    used = None
    if taught is not None:
        part = ["train" if name in taught else "test" for name in index]
        used = Split("x", pd.DataFrame({"region": index, "part": part}), True)
    found = one_sided(data, used)  # type: ignore[arg-type]
    return [(one.numbers["class"], one.numbers["sites"]) for one in found]


def test_a_hospital_that_only_lacks_the_class_is_named() -> None:
    assert told({"a": ("X", -1, 0), "b": ("Y", 1, 0)}) == [(NAMES[0], ["X"])]
    assert told({"a": ("", -1, 0)}) == [(NAMES[0], ["an unknown hospital"])]


def test_a_hospital_that_has_it_somewhere_is_not() -> None:
    assert told({"a": ("X", -1, 0), "b": ("X", 1, 0)}) == []
    assert told({"a": ("X", -1, 0), "b": ("X", 0, 40)}) == []


def test_only_what_trains_counts() -> None:
    rows = {"a": ("X", -1, 0), "b": ("X", 1, 0)}
    assert told(rows, taught=("a",)) == [(NAMES[0], ["X"])]
    assert told(rows, taught=("b",)) == []
