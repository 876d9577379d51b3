"""What is read from the text of a mammography report: expected values are worked out by hand."""

import json
import random
from pathlib import Path

import pytest

from breastseg.mammography.reports.codes import VALUES, triple
from breastseg.mammography.reports.measures import measures_in
from breastseg.mammography.reports.quadrants import halves_at
from breastseg.mammography.reports.reading import Decoded
from breastseg.mammography.reports.record import as_json
from breastseg.mammography.reports.structure import read_report, structure
from breastseg.mammography.reports.summary import summary
from breastseg.mammography.reports.values import Report, Size, Source
from breastseg.mammography.reports.vocabulary import (
    CERTAINTIES,
    CHANGES,
    CONCERN,
    DENSITIES,
    DEPTHS,
    DESCRIPTORS,
    KINDS,
    QUADRANTS,
    SIDES,
)

EXAMPLES = Path(__file__).parents[1] / "samples/mammography_reports"
TEXTS = sorted(EXAMPLES.glob("*/*.txt"))


def read(text: str) -> Report:
    return structure(Decoded(text, "UTF-8"), "report.txt")


def said(text: str) -> list[dict[str, object]]:
    """Return the findings of a text without their places."""
    found = []
    for finding in read(text).findings:
        values: dict[str, object] = {}
        for name, value in vars(finding).items():
            if isinstance(value, Size):
                values[name] = list(value.mm)
            elif value is not None and name != "mentions":
                values[name] = value.value
        found.append(values)
    return found


def codes(text: str) -> set[str]:
    return {one.code for one in read(text).issues}


def absent(text: str) -> list[str]:
    return [one.kind.value for one in read(text).absent]


def places(value: object) -> list[Source]:
    """Return every place in a report."""
    if isinstance(value, Source):
        return [value]
    if isinstance(value, tuple):
        return [place for one in value for place in places(one)]
    if hasattr(value, "__dataclass_fields__"):
        return [place for one in vars(value).values() for place in places(one)]
    return []


def test_examples_are_as_many_as_told_and_each_has_its_truth():
    assert len(TEXTS) >= 40
    assert all(path.with_suffix(".json").is_file() for path in TEXTS)
    assert len(list((EXAMPLES / "held_out").glob("*.txt"))) >= 15


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_every_value_stands_at_its_characters(path):
    text = path.read_text(encoding="utf-8")
    report = read_report(path)
    found = places(report)
    assert found
    for place in found:
        sentence = report.sentences[place.sentence]
        assert sentence.start <= place.start < place.end <= sentence.end
    for sentence in report.sentences:
        assert text[sentence.start : sentence.end] == sentence.text
    for finding in report.findings:
        said_there = text[finding.kind.start : finding.kind.end].casefold()
        assert said_there in path.read_text(encoding="utf-8").casefold()
        for size in (finding.size_mm, finding.earlier_size_mm):
            if size is not None:
                assert any(letter.isdigit() for letter in text[size.start : size.end])


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_categories_and_densities_of_the_examples(path):
    """Numbers by field are printed by benchmarks/reports.py; these two are never to be wrong."""
    truth = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    report = read_report(path)
    assert (report.category.value.value if report.category else "") == truth["category"]
    first = report.densities[0].value.value if report.densities else ""
    assert first == truth["density"]


def test_same_text_gives_the_same_bytes():
    path = TEXTS[0]
    first, second = as_json(read_report(path)), as_json(read_report(path))
    assert json.dumps(first) == json.dumps(second)
    assert summary(read_report(path)) == summary(read_report(path))


@pytest.mark.parametrize(
    ("said_so", "category"),
    [
        ("BI-RADS 2", "2"), ("BIRADS: 4a", "4a"), ("ACR BI-RADS Category 4 B",
        "4b"), ("BI-RADS IV-C", "4c"),
        ("BI-RADS category five", "5"), ("BI-RADS V", "5"), ("Category 0",
        "0"), ("Final assessment: 3", "3"),
        ("BI-RADS Final Assessment Category: 1", "1"), ("highly suggestive of malignancy", "5"),
        ("Probably benign findings", "3"), ("Known biopsy-proven malignancy", "6"),
        ("BI-RADS\n 6", "6"), ("BI-RADS density c", None), ("previously BI-RADS 3", None),
        ("4 mm", None), ("benign cyst", None),
    ],
)  # fmt: skip
def test_category(said_so, category):
    report = read(f"FINDINGS: The breast tissue.\nIMPRESSION: {said_so}.")
    assert (report.category.value.value if report.category else None) == category


def test_category_of_each_side_and_the_higher_one_counts():
    report = read("IMPRESSION: BI-RADS right 2, left 4A for the breast.")
    sided = {one.side.value: one.value.value for one in report.categories if one.side}
    assert sided == {"R": "2", "L": "4a"}
    assert report.category is not None
    assert report.category.value.value == "4a"


def test_an_explained_scale_is_no_category():
    legend = "BI-RADS: 0 incomplete, 1 negative, 2 benign, 3 probably benign, 4 suspicious."
    report = read(f"FINDINGS: The breast.\nIMPRESSION: BI-RADS 2.\n\n{legend}")
    assert [one.value.value for one in report.categories] == ["2"]
    assert "scale" in report.notes[0]


def test_addendum_overrules_the_impression():
    report = read("IMPRESSION: The breast: BI-RADS 0.\n\nADDENDUM: Now BI-RADS 2.")
    assert report.category is not None
    assert report.category.value.value == "2"


@pytest.mark.parametrize(
    ("said_so", "density"),
    [
        ("almost entirely fatty", "a"), ("scattered areas of fibroglandular density", "b"),
        ("heterogeneously\ndense", "c"), ("extremely dense", "d"), ("Breast density: B",
        "b"), ("ACR c", "c"),
        ("density category 4", "d"), ("type 2 breast density", "b"), ("BI-RADS density a", "a"),
        ("The density is a concern", None), ("a mass of high density 3 mm", None),
    ],
)  # fmt: skip
def test_density(said_so, density):
    densities = read(f"FINDINGS: The breasts. {said_so}.").densities
    assert [one.value.value for one in densities] == ([density] if density else [])


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("12 mm", "size", (12.0,)), ("1.2 cm", "size", (12.0,)), ("1,2 cm", "size", (12.0,)),
        ("1.2 x 0.9 x 0.8 cm", "size", (12.0, 9.0, 8.0)), ("12mm x 9 mm", "size", (12.0, 9.0)),
        ("1.6 cm x 9 mm", "size", (16.0, 9.0)), ("12 by 9 mm", "size", (12.0, 9.0)), ("15-mm",
        "size", (15.0,)),
        ("6-8 mm", "size", (8.0,)), ("previously 9 mm", "earlier", (9.0,)), ("9 mm in 2020",
        "earlier", (9.0,)),
        ("was 9 mm previously", "earlier", (9.0,)), ("5 cm from the nipple", "nipple", (50.0,)),
        ("4 cm FN", "nipple", (40.0,)), ("N+5", "nipple", (50.0,)), ("2 o'clock", "clock", (2.0,)),
        ("at 10:30", "clock", (10.5,)), ("12 to 1 o'clock", "clock", (12.5,)), ("measuring 12 x 9",
        "unitless", (12.0, 9.0)),
    ],
)  # fmt: skip
def test_measures(text, kind, values):
    found = measures_in(text, 0, len(text))
    assert [(one.kind, one.values) for one in found] == [(kind, values)]


@pytest.mark.parametrize(
    "text", ["at 10:30 am", "skin thickness of 3 mm", "2019", "in 6 months", "13 o'clock", "0 mm"]
)
def test_what_is_no_measure(text):
    assert [one for one in measures_in(text, 0, len(text)) if one.kind != "unitless"] == []


def test_from_then_to_now():
    text = "decreased from 32 to 18 mm"
    assert [(one.kind, one.values) for one in measures_in(text, 0, len(text))] == [
        ("earlier", (32.0,)), ("size", (18.0,)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "denied", "present"),
    [
        ("No mass, calcification or distortion in the breast.", 3, 0),
        ("No evidence of a mass in the breast.", 1, 0),
        ("Calcifications are not seen in the breast.", 1, 0),
        ("The breast is without skin thickening.", 1, 0),
        ("Neither breast shows a mass.", 1, 0),
        ("No mass in the right breast, but a cyst in the left breast.", 1, 1),
        ("No mass; there is a cyst in the left breast.", 1, 1),
        ("No calcifications apart from a cyst in the left breast.", 1, 1),
        ("The mass in the left breast shows no change.", 0, 1),
        ("No significant change of the mass in the left breast.", 0, 1),
        ("The mass in the left breast was not seen in 2019.", 0, 1),
        ("A mass in the left breast cannot be excluded.", 0, 1),
        ("Left breast mass: no.", 1, 0),
    ],
)
def test_negation_and_its_end(sentence, denied, present):
    report = read(f"FINDINGS: {sentence}")
    assert (len(report.absent), len(report.findings)) == (denied, present)


def test_a_sentence_later_nothing_is_denied_any_more():
    assert said("FINDINGS: No mass. Calcifications in the left breast.") == [
        {"kind": "calcification", "side": "L"}
    ]


def test_adjectives_go_to_their_own_noun():
    text = "FINDINGS: In the left breast an oval 8 mm mass and grouped amorphous calcifications."
    assert said(text) == [
        {"kind": "mass", "side": "L", "shape": "oval", "size_mm": [8.0]},
        {
            "kind": "calcification",
            "side": "L",
            "morphology": "amorphous",
            "distribution": "grouped",
        },
    ]


def test_each_clause_has_its_own_place():
    text = (
        "FINDINGS: There is a mass in the right breast at 10 o'clock, and in the left breast a "
        "cyst at 2 o'clock."
    )
    assert said(text) == [
        {"kind": "mass", "side": "R", "clock": 10.0},
        {"kind": "cyst", "side": "L", "clock": 2.0},
    ]


def test_one_and_the_other_are_two():
    text = (
        "FINDINGS: Two oval masses in the right breast: one at 2 o'clock and one at 8 o'clock. "
        "Both are stable."
    )
    two = said(text)
    assert [one["clock"] for one in two] == [2.0, 8.0]
    assert all(one["shape"] == "oval" and one["change"] == "unchanged" for one in two)


def test_impression_speaks_of_the_same_mass():
    text = (
        "FINDINGS: A mass in the left breast. It measures 12 mm. Its margins are spiculated.\n"
        "IMPRESSION: Suspicious left breast mass."
    )
    (finding,) = read(text).findings
    assert len(finding.mentions) == 2
    assert finding.size_mm is not None
    assert finding.size_mm.mm == (12.0,)
    assert finding.margin is not None


def test_history_and_technique_are_no_findings():
    assert said("HISTORY: Lump in the left breast.\nFINDINGS: The breast is normal.") == []


def test_heading_of_a_side_holds_until_the_next():
    text = "RIGHT BREAST:\nOval mass.\nCyst.\nLEFT BREAST:\nCalcifications."
    assert [one["side"] for one in said(text)] == ["R", "R", "L"]


def test_then_and_now():
    text = (
        "FINDINGS: The mass in the left breast now measures 14 x 10 mm, previously 9 x 7 mm, "
        "and is larger."
    )
    (one,) = said(text)
    assert (one["size_mm"], one["earlier_size_mm"], one["change"]) == (
        [14.0, 10.0],
        [9.0, 7.0],
        "increased",
    )


@pytest.mark.parametrize(
    ("advice", "kind", "months"),
    [
        ("Annual screening mammography.", "routine screening", 12),
        ("Screening mammogram in 2 years.", "routine screening", 24),
        ("Follow-up in six months.", "short-interval follow-up", 6),
        ("Stereotactic biopsy is recommended.", "biopsy", None),
        ("Spot compression views.", "additional views", None),
        ("Prior mammograms are requested.", "compare with priors", None),
        ("Consider MRI.", "MRI", None),
    ],
)
def test_recommendation(advice, kind, months):
    (one,) = read(f"FINDINGS: The breast.\nRECOMMENDATION: {advice}").recommendations
    assert one.kind.value == kind
    assert (one.months.value if one.months else None) == months


@pytest.mark.parametrize(
    "sentence",
    [
        "No biopsy is needed.",
        "Biopsy-proven fibroadenoma.",
        "Status post biopsy.",
        "Biopsy is not recommended.",
    ],
)
def test_no_biopsy_is_advised(sentence):
    report = read(f"FINDINGS: The left breast.\nIMPRESSION: BI-RADS 2. {sentence}")
    assert [one for one in report.recommendations if one.kind.value == "biopsy"] == []


GOOD = (
    "FINDINGS: ACR b. Irregular 9 mm mass in the left breast at 2 o'clock.\nIMPRESSION: "
    "BI-RADS 4. Biopsy is recommended."
)


def test_a_good_report_has_no_issue():
    assert codes(GOOD) == set()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("BI-RADS 4. ", "", "missing-category"),
        ("ACR b. ", "", "missing-density"),
        ("in the left breast ", "", "missing-side"),
        (" Biopsy is recommended.", "", "missing-recommendation"),
        ("9 mm", "9 x 8", "size-without-unit"),
        ("BI-RADS 4.", "Mass in the right breast. BI-RADS 4.", "side-contradiction"),
        ("Biopsy is", "Biopsy of the right breast is", "side-contradiction"),
        ("FINDINGS:", "TECHNIQUE: Right CC and MLO.\nFINDINGS:", "side-contradiction"),
        ("2 o'clock.", "2 o'clock, BI-RADS 3.", "category-contradiction"),
        ("BI-RADS 4.", "BI-RADS 4, probably benign.", "category-words"),
        ("BI-RADS 4", "BI-RADS 2", "category-recommendation"),
        ("Biopsy is", "Annual screening is", "category-recommendation"),
        ("BI-RADS 4", "BI-RADS 1", "category-finding"),
        ("ACR b.", "ACR b. Extremely dense.", "density-contradiction"),
        ("2 o'clock", "2 o'clock, lower inner quadrant", "place-contradiction"),
        ("2 o'clock", "2 o'clock, increased, previously 12 mm", "change-contradiction"),
        ("2 o'clock.", "2 o'clock. No mass in the left breast.", "present-and-absent"),
    ],
)
def test_one_fault_one_issue(old, new, code):
    text = GOOD.replace(old, new)
    assert text != GOOD
    assert code in codes(text)


def test_missing_impression():
    text = "HISTORY: Screening.\nFINDINGS: The breast is dense. No mass."
    assert "missing-impression" in codes(text)


def test_issue_points_to_both_places():
    text = GOOD.replace("BI-RADS 4.", "Mass in the right breast. BI-RADS 4.")
    (one,) = [one for one in read(text).issues if one.code == "side-contradiction"]
    assert [text[place.start : place.end] for place in one.sources] == ["left", "right"]
    assert one.message == "In the findings it is left, in the impression right."


def test_a_limited_denial_contradicts_nothing():
    assert "present-and-absent" not in codes(
        GOOD.replace("2 o'clock.", "2 o'clock. No other mass.")
    )


def test_british_scores_are_not_converted():
    report = read("REPORT: Mass in the left breast.\nOPINION: M5. Biopsy advised.")
    assert report.category is None
    assert [one.value for one in report.scores] == ["M5"]


def test_mirrored_report_has_mirrored_findings():
    """Left and right exchanged in the text are exchanged in what is read, and nothing else
    changes."""
    text = (EXAMPLES / "tuned/33-numbered-impression.txt").read_text(encoding="utf-8")
    swap = {"LEFT": "RIGHT", "RIGHT": "LEFT", "left": "right", "right": "left"}
    mirrored = " ".join(swap.get(word, word) for word in text.replace("\n", " \n ").split(" "))
    plain = " ".join(text.replace("\n", " \n ").split(" "))
    other = {"L": "R", "R": "L", "B": "B"}
    first, second = said(plain), said(mirrored)
    assert [{**one, "side": other[str(one["side"])]} for one in first] == second


@pytest.mark.parametrize("side", ["L", "R"])
def test_quadrants_on_the_clock(side):
    outer, inner = (
        ({"upper", "outer"}, {"upper", "inner"})
        if side == "L"
        else ({"upper", "inner"}, {"upper", "outer"})
    )
    assert halves_at(2, side) == outer
    assert halves_at(10, side) == inner
    assert halves_at(12, side) == {"upper", "outer", "inner"}
    assert halves_at(3, side) >= {"upper", "lower"}


def test_every_word_has_a_code_of_its_own():
    tables = {"kind": KINDS, "side": SIDES, "category": CONCERN, "density": DENSITIES,
    "quadrant": QUADRANTS,
              "depth": DEPTHS, "change": CHANGES, "certainty": CERTAINTIES}  # fmt: skip
    tables |= {name: table for name, (_, table) in DESCRIPTORS.items()}
    for field, table in tables.items():
        found = [triple(field, value) for value in table]
        assert len({code[:2] for code in found}) == len(found)
        assert all(0 < len(code) <= 16 and 0 < len(meaning) <= 64 for code, _, meaning in found)
        assert set(VALUES.get(field, {})) <= set(table)


def test_damaged_texts_give_places_in_the_text():
    """Pieces cut, doubled and moved: whatever is read stands where it says."""
    draw = random.Random(5)
    texts = [path.read_text(encoding="utf-8") for path in TEXTS]
    for _ in range(60):
        text = draw.choice(texts)
        for _ in range(3):
            first = draw.randrange(len(text))
            last = min(len(text), first + draw.randint(1, 40))
            piece = draw.choice(["", "\n", ";", "no ", "L:", text[first:last] * 2, "\u2028", "1."])
            text = text[:first] + piece + text[last:]
        report = read(text + " breast breast the of in left")
        for place in places(report):
            sentence = report.sentences[place.sentence]
            assert sentence.start <= place.start < place.end <= sentence.end
