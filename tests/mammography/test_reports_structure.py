"""What is read from the text of a mammography report: expected values are worked out by hand."""

import json
import random
from pathlib import Path

import pytest

from breastseg.mammography.reports.record import as_json
from breastseg.mammography.reports.structure import read_report
from breastseg.mammography.reports.summary import summary
from breastseg.mammography.reports.values import Source
from report_texts import read, said

EXAMPLES = Path(__file__).parents[1] / "samples/mammography_reports"
TEXTS = sorted(EXAMPLES.glob("*/*.txt"))


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
