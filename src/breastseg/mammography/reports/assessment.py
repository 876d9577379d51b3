"""BI-RADS categories, breast density and British scores of a report."""

import re

from breastseg.mammography.reports.layout import Laid
from breastseg.mammography.reports.matching import Mark, ends_with, find, longest
from breastseg.mammography.reports.phrases import EARLIER_CATEGORY
from breastseg.mammography.reports.values import Category, Density, Sentence, Word
from breastseg.mammography.reports.vocabulary import (
    CATEGORY_NUMBERS,
    CATEGORY_WORDS,
    CONCERN,
    DENSITIES,
    SIDES,
)

_SIDE = r"(?P<side>left|right|lt|rt|bilateral|both|L|R)?"
_SYSTEM = (
    r"(?:ACR[\s-]*)?(?:BI[\s-]?RADS(?:®|\(R\))?|BR(?=[\s-]?[0-6])"
    r"|ACR(?=[\s:]+(?:category\s*)?[0-6]\b))"
)
_PREFIX = re.compile(
    rf"(?<!\w)(?:{_SYSTEM}"
    r"|(?:final\s+|overall\s+)?assessment(?:\s+category)?(?=\s*[:=]?\s*[0-6][abc]?\b)"
    rf"|category(?=\s*:?\s*[0-6IV]))",
    re.IGNORECASE,
)
_FILL = (
    r"(?:[\s:=,(–-]|\b(?:category|categories|code|assessment|classification|score|final"
    r"|overall|is|of|for|the|breast|number)\b)*"
)
_CODE = r"(?:(?:[0-6]|iii|ii|iv|vi|v|i)[\s-]?(?:[abc]\b)?|zero|one|two|three|four|five|six)"
_VALUE = re.compile(
    rf"{_FILL}(?:\b{_SIDE}[\s:,-]*(?:breast)?{_FILL})?(?P<code>(?<![\d.]){_CODE})"
    r"(?![\w.]*\d)(?!\w)(?!\s*(?:mm|cm|months?|years?|%))",
    re.IGNORECASE,
)
_LETTERED = re.compile(
    r"[\s:,;/]*(?:and\s+)?(?P<side>left|right|L|R)\s?:?\s*(?P<code>[0-6]\s?[abcABC]?)(?!\w)"
)
_BEFORE = re.compile(
    r"(?<!\w)(left|right|lt|rt|L|R)(?:\s+(?:breast|side))?\s*[:(–-]*\s*$", re.IGNORECASE
)
_BEHIND = re.compile(
    r"[\s,(]*(?:(?:on|in|for)\s+(?:the\s+)?)?(left|right|both|bilateral)\b", re.IGNORECASE
)
_DENSITY_NEAR = re.compile(r"dens|composition|pattern|parenchym|tissue", re.IGNORECASE)
_LETTER = r"(?P<letter>(?-i:[b-dA-D])(?!\w)|a(?=\s*(?:[.,;)|]|$)))"
_NUMBER = r"(?P<number>[1-4](?!\w|\.\d|\s*(?:mm|cm|%|x\b)))"
_ABOUT = (
    r"(?:breast\s+|tissue\s+|fibroglandular\s+|parenchymal\s+)*"
    r"(?:densit(?:y|ies)|dens|composition|pattern|tissue(?=\s+(?:type|category)))"
)
_IS = r"(?:[\s:=(,-]|\b(?:is|are|category|type|class|grade|ACR|BI-?RADS)\b)*"
_OF = r"(?:[\s:(,-]|\b(?:category|type|density)\b)*"
_COMPOSED = (
    re.compile(rf"(?<!\w){_ABOUT}{_IS}{_LETTER}", re.IGNORECASE),
    re.compile(rf"(?<!\w){_ABOUT}{_IS}{_NUMBER}", re.IGNORECASE),
    re.compile(rf"(?<!\w)(?:ACR|BI-?RADS){_OF}{_LETTER}", re.IGNORECASE),
    re.compile(
        r"(?<!\w)(?:type|category|ACR)\s+(?:(?P<number>[1-4])|(?P<letter>[a-dA-D]))\s+"
        r"(?:breast\s+|fibroglandular\s+)*(?:densit|composition|tissue|parenchym)",
        re.IGNORECASE,
    ),
    re.compile(r"(?<!\w)(?P<letter>(?-i:[A-D]))\s+densit", re.IGNORECASE),
    re.compile(rf"\((?:category|type|ACR|density)\s*{_LETTER}\)", re.IGNORECASE),
)
_SCORE = re.compile(r"(?<!\w)[MUR][1-5](?!\w)")
_ASSESSES = ("addendum", "impression", "recommendation")
"""Sections in which words alone are an assessment, the one that counts most in front."""
_ALONE = {"0", "3", "5", "6"}
"""Categories whose words are an assessment without a number; "negative" or "benign" alone may be of
one finding."""
_LIST = 4
"""A sentence with so many categories explains the scale."""


def find_categories(text: str, laid: Laid) -> tuple[list[Category], list[str]]:
    """Return all categories said, in order, and notes (a scale that was explained)."""
    found: list[Category] = []
    notes: list[str] = []
    for number, sentence in enumerate(laid.sentences):
        numbered = _numbered(text, sentence, number)
        worded = find(CATEGORY_WORDS, text, sentence.start, sentence.end)
        scale = {mark.value for mark in worded}
        if len(scale) >= _LIST or len({one.value.value for one in numbered}) >= _LIST:
            notes.append("A list that explains the BI-RADS scale was left out.")
            continue
        found += numbered
        found += _worded(text, sentence, number, worded, numbered)
    return found, notes


def _numbered(text: str, sentence: Sentence, number: int) -> list[Category]:
    found: list[Category] = []
    last = sentence.start
    for prefix in _PREFIX.finditer(text, sentence.start, sentence.end):
        if prefix.start() < last or _is_density(text, prefix, sentence):
            continue
        prior = sentence.section in {"comparison", "history"} or ends_with(
            EARLIER_CATEGORY, text, sentence.start, prefix.start(), words_between=3, stops=".,;:"
        )
        match: re.Match[str] | None = _LETTERED.match(text, prefix.end(), sentence.end)
        if match is None:
            match = _VALUE.match(text, prefix.end(), sentence.end)
        pairs = []
        while match:
            pairs.append(match)
            last = match.end("code")
            match = _LETTERED.match(text, last, sentence.end)
        for pair in pairs:
            code = pair["code"]
            value = _code_of(code)
            start = pair.start("code")
            word = Word(start, start + len(code.rstrip()), number, value)
            side = _side_of(text, pair, prefix, sentence, number, alone=len(pairs) == 1)
            found.append(Category(word, "number", side, prior))
    return found


def _code_of(code: str) -> str:
    for mark in find(CATEGORY_NUMBERS, code.strip().upper(), 0, len(code.strip())):
        return mark.value
    return code.strip().casefold()


def _is_density(text: str, prefix: re.Match[str], sentence: Sentence) -> bool:
    """Return whether a "BI-RADS" or "category" here is of the density: "BI-RADS density category
    3"."""
    after = text[prefix.end() : min(sentence.end, prefix.end() + 12)]
    before = text[max(sentence.start, prefix.start() - 24) : prefix.start()]
    if _DENSITY_NEAR.search(before.rsplit(".", 1)[-1]) and "RADS" not in prefix[0].upper():
        return True
    return bool(re.match(r"\W*(?:breast\s+)?(?:dens|composition)", after, re.IGNORECASE))


def _side_of(
    text: str,
    pair: re.Match[str],
    prefix: re.Match[str],
    sentence: Sentence,
    number: int,
    *,
    alone: bool,
) -> Word | None:
    """Return the side said inside ("BI-RADS right: 2"), right before ("Right: BI-RADS 2") or behind
    ("BI-RADS 2 left")."""
    if pair["side"]:
        return _side_word(pair["side"], pair.start("side"), number)
    if not alone:
        return None
    before = _BEFORE.search(text, sentence.start, prefix.start())
    if before:
        return _side_word(before[1], before.start(1), number)
    behind = _BEHIND.match(text, pair.end("code"), sentence.end)
    return _side_word(behind[1], behind.start(1), number) if behind else None


def _side_word(said: str, start: int, number: int) -> Word | None:
    letter = "B" if said.casefold() in {"both", "bilateral"} else said[0].upper()
    return Word(start, start + len(said), number, letter) if letter in SIDES else None


def _worded(
    text: str, sentence: Sentence, number: int, marks: list[Mark], numbered: list[Category]
) -> list[Category]:
    """Return categories said in words: beside a number, after "Assessment:", or such as stand for
    one alone."""
    found = []
    for mark in marks:
        beside = any(_beside(text, mark, one.value) for one in numbered)
        opening = not text[sentence.start : mark.start].strip(" \t\n:-")
        if sentence.section not in _ASSESSES and not beside:
            continue
        heading = text[: mark.start].rstrip(" \t\n:-").casefold().endswith("assessment")
        whole = opening and not text[mark.end : sentence.end].strip(" .")
        if beside or mark.value in _ALONE or (heading and whole):
            word = Word(mark.start, mark.end, number, mark.value)
            found.append(Category(word, "words", None, False))
    return found


def _beside(text: str, mark: Mark, word: Word) -> bool:
    between = text[word.end : mark.start] if word.end <= mark.start else text[mark.end : word.start]
    between = re.sub(_SYSTEM + r"|category", "", between, flags=re.IGNORECASE)
    return not between.strip(" \t\r\n:,-–().®")


def choose_category(categories: list[Category], laid: Laid) -> Category | None:
    """Return the category of the whole examination: of the last section that has one, the one of
    most concern.

    A number goes before words. Categories of earlier examinations do not count.
    """
    now = [one for one in categories if not one.prior]
    for sections in ({"addendum"}, {"impression", "recommendation", "body"}, {"findings"}, None):
        there = [
            one for one in now
            if sections is None or laid.sentences[one.value.sentence].section in sections
        ]  # fmt: skip
        numbers = [one for one in there if one.form == "number"]
        chosen = numbers or there
        if chosen:
            return max(chosen, key=lambda one: CONCERN.index(one.value.value))
    return None


def find_densities(text: str, laid: Laid) -> list[Density]:
    """Return every density said, in order, but for the comparison's."""
    found = []
    for number, sentence in enumerate(laid.sentences):
        if sentence.section in {"comparison", "history", "recommendation"}:
            continue
        start = sentence.start
        end = sentence.end
        for mark in find(DENSITIES, text, start, end):
            word = Word(mark.start, mark.end, number, mark.value)
            found.append(Density(word, "words", _density_side(text, sentence, number)))
        for mark, form in _composed(text, sentence):
            word = Word(mark.start, mark.end, number, mark.value)
            found.append(Density(word, form, _density_side(text, sentence, number)))
    return sorted(found, key=lambda one: one.value.start)


def _composed(text: str, sentence: Sentence) -> list[tuple[Mark, str]]:
    start = sentence.start
    if sentence.section == "density":  # "BREAST COMPOSITION: c": the heading says of what
        start = text.rfind("\n", 0, sentence.start) + 1
    marks: dict[Mark, str] = {}
    for pattern in _COMPOSED:
        for match in pattern.finditer(text, start, sentence.end):
            name = "letter" if match.groupdict().get("letter") else "number"
            said = match[name].casefold()
            first = match.start(name)
            if first >= sentence.start:
                value = said if name == "letter" else "abcd"[int(said) - 1]
                marks[Mark(first, match.end(name), value)] = name
    kept = longest(marks)
    return [(mark, marks[mark]) for mark in kept]


def _density_side(text: str, sentence: Sentence, number: int) -> Word | None:
    marks = [one for one in find(SIDES, text, sentence.start, sentence.end) if one.value != "B"]
    if len({one.value for one in marks}) != 1 or "breast" not in sentence.text.casefold():
        return None
    return Word(marks[0].start, marks[0].end, number, marks[0].value)


def find_scores(laid: Laid) -> list[Word]:
    """Return scores of the British scale of five (M mammogram, U ultrasound, R either), as they
    stand."""
    found = []
    for number, sentence in enumerate(laid.sentences):
        for match in _SCORE.finditer(sentence.text):
            start = sentence.start + match.start()
            found.append(Word(start, start + 2, number, match[0]))
    return found
