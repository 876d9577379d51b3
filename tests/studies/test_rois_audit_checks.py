"""Each check of an audit by itself, on rows without images."""

import numpy as np

from breastseg.reporter import QUIET
from breastseg.studies.rois.audit.checks import (
    copies,
    given_away,
    one_sided,
    shared_patients,
    unknown,
)
from breastseg.studies.rois.audit.copies import Copy
from breastseg.studies.rois.audit.items import Item, Items


def item(
    name: str, label: str = "a", patient: str = "p", source: str = "s", part: str = "train"
) -> Item:
    return Item(name, label, patient, source, part, lambda: np.zeros((8, 8), np.uint8))


def held(*items: Item) -> Items:
    return Items("table", items, True)


def test_a_patient_in_two_parts() -> None:
    (finding,) = shared_patients(
        held(item("1"), item("2", part="test"), item("3", patient="q"), item("4", patient=""))
    )
    assert (finding.severity, finding.numbers) == (
        "leak",
        {"patients": 1, "of": 2, "names": ["p"]},
    )
    assert shared_patients(held(item("1"), item("2"), item("3", patient="q", part="test"))) == []


def test_what_nobody_knows() -> None:
    assert unknown(held(item("1"))) == []
    without_patient = unknown(held(item("1", patient="")))
    assert [finding.check for finding in without_patient] == ["unknown patients"]
    assert [finding.check for finding in unknown(held(item("1", part="")))] == ["split"]


def test_copies_by_what_they_cross() -> None:
    items = held(
        item("1"), item("2", part="test"), item("3", label="b"), item("4", patient="q"), item("5")
    )
    checks = {}
    for other in range(1, 5):
        found = copies(items, [Copy(0, other, 0)])
        checks[other] = [(finding.severity, finding.check) for finding in found]
    assert checks == {
        1: [("leak", "copies on two sides")],
        2: [("warning", "copies of two classes"), ("note", "copies")],
        3: [("warning", "copies of two patients"), ("note", "copies")],
        4: [("note", "copies")],
    }
    assert copies(items, []) == []
    (turned,) = copies(items, [Copy(0, 1, 3)])
    assert "1 of them turned" in turned.sentence


def test_a_source_of_one_class() -> None:
    mixed = [item(f"m{number}", label) for number in range(5) for label in "ab"]
    pure = [item(f"n{number}", "a", source="t") for number in range(5)]
    sizes = [(8, 8)] * 15
    (finding,) = one_sided(held(*mixed, *pure), sizes)
    assert (finding.severity, finding.check) == ("leak", "one source")
    assert finding.numbers == {"source": "t", "class": "a", "pictures": 5, "of": 10}
    # four images are too few to say so
    assert one_sided(held(*mixed, *pure[:4]), sizes[:14]) == []
    assert one_sided(held(*mixed), sizes[:10]) == []


def test_a_size_of_one_class_is_a_warning() -> None:
    mixed = [item(f"m{number}", label) for number in range(5) for label in "ab"]
    pure = [item(f"n{number}") for number in range(5)]
    (finding,) = one_sided(held(*mixed, *pure), [(8, 8)] * 10 + [(9, 9)] * 5)
    assert (finding.severity, finding.check) == ("warning", "one size of images")


def test_few_patients_and_whole_films_are_not_guessed() -> None:
    items = [item(str(number), "ab"[number % 2], str(number)) for number in range(9)]
    assert given_away(held(*items), QUIET) == []
    more = [item(str(number), "ab"[number % 2], str(number)) for number in range(12)]
    assert given_away(Items("films", tuple(more), False), QUIET) == []
