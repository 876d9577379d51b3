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
_NOT_NOW = {"comparison", "history"}
"""Sections of earlier examinations."""


def find_categories(text: str, laid: Laid) -> tuple[list[Category], list[str]]:
    """Return all categories said, in order, and notes (a scale that was explained)."""
    categories: list[Category] = []
    notes: list[str] = []
    for number, sentence in enumerate(laid.sentences):
        numbered = _numbered(text, sentence, number)
        marks = find(CATEGORY_WORDS, text, sentence.start, sentence.end)
        in_words = {mark.value for mark in marks}
        in_numbers = {category.value.value for category in numbered}
        if len(in_words) >= _LIST or len(in_numbers) >= _LIST:
            notes.append("A list that explains the BI-RADS scale was left out.")
            continue
        categories += numbered
        categories += _worded(text, sentence, number, marks, numbered)
    return categories, notes


def _numbered(text: str, sentence: Sentence, number: int) -> list[Category]:
    """Return the categories of a sentence that are numbers, with the side that each is of."""
    categories: list[Category] = []
    last = sentence.start  # the end of what was read
    for prefix in _PREFIX.finditer(text, sentence.start, sentence.end):
        if prefix.start() < last or _is_density(text, prefix, sentence):
            continue
        prior = sentence.section in _NOT_NOW or ends_with(
            EARLIER_CATEGORY, text, sentence.start, prefix.start(), words_between=3, stops=".,;:"
        )
        # "BI-RADS R: 2, L: 4" first: the other pattern would read its first pair alone.
        match: re.Match[str] | None = _LETTERED.match(text, prefix.end(), sentence.end)
        if match is None:
            match = _VALUE.match(text, prefix.end(), sentence.end)
        pairs = []  # of side and code
        while match:
            pairs.append(match)
            last = match.end("code")
            match = _LETTERED.match(text, last, sentence.end)
        for pair in pairs:
            code = pair["code"].rstrip()
            start = pair.start("code")
            word = Word(start, start + len(code), number, _code_of(code))
            side = _side_of(text, pair, prefix, sentence, number, alone=len(pairs) == 1)
            categories.append(Category(word, "number", side, prior))
    return categories


def _code_of(code: str) -> str:
    """Return a category as its table has it: "4a" of "IV A"."""
    code = code.strip()
    # In capitals: the table takes Roman numbers in capitals only, so that "i" in a text is none.
    for mark in find(CATEGORY_NUMBERS, code.upper(), 0, len(code)):
        return mark.value
    return code.casefold()


def _is_density(text: str, prefix: re.Match[str], sentence: Sentence) -> bool:
    """Return whether a "BI-RADS" or "category" here is of the density: "BI-RADS density category
    3"."""
    first, last = prefix.span()
    after = text[last : min(sentence.end, last + 12)]
    before = text[max(sentence.start, first - 24) : first]
    same_sentence = before.rsplit(".", 1)[-1]
    # BI-RADS itself may follow the density: "dense tissue. BI-RADS 2".
    if _DENSITY_NEAR.search(same_sentence) and "RADS" not in prefix[0].upper():
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
    if not alone:  # of several codes it cannot be said whose a side outside of them is
        return None
    before = _BEFORE.search(text, sentence.start, prefix.start())
    if before:
        return _side_word(before[1], before.start(1), number)
    behind = _BEHIND.match(text, pair.end("code"), sentence.end)
    if behind is None:
        return None
    return _side_word(behind[1], behind.start(1), number)


def _side_word(way: str, start: int, number: int) -> Word | None:
    """Return the side that is written in some way at a character: "L" of "left", "B" of "both"."""
    is_both = way.casefold() in {"both", "bilateral"}
    letter = "B" if is_both else way[0].upper()
    if letter not in SIDES:
        return None
    return Word(start, start + len(way), number, letter)


def _worded(
    text: str, sentence: Sentence, number: int, marks: list[Mark], numbered: list[Category]
) -> list[Category]:
    """Return categories said in words: beside a number, after "Assessment:", or such as stand for
    one alone."""
    categories = []
    for mark in marks:
        is_beside = any(_is_beside(text, mark, category.value) for category in numbered)
        if sentence.section not in _ASSESSES and not is_beside:
            continue
        heading = text[: mark.start].rstrip(" \t\n:-").casefold()
        before = text[sentence.start : mark.start].strip(" \t\n:-")
        after = text[mark.end : sentence.end].strip(" .")
        is_whole = not before and not after  # "Assessment: Benign."
        is_headed = heading.endswith("assessment") and is_whole
        if is_beside or mark.value in _ALONE or is_headed:
            word = Word(mark.start, mark.end, number, mark.value)
            categories.append(Category(word, "words", None, False))
    return categories


def _is_beside(text: str, mark: Mark, word: Word) -> bool:
    """Return whether nothing but signs stands between words and a number: "2 - benign"."""
    between = text[mark.end : word.start]
    if word.end <= mark.start:
        between = text[word.end : mark.start]
    between = re.sub(_SYSTEM + r"|category", "", between, flags=re.IGNORECASE)
    return not between.strip(" \t\r\n:,-–().®")


def choose_category(categories: list[Category], laid: Laid) -> Category | None:
    """Return the category of the whole examination: of the last section that has one, the one of
    most concern.

    A number goes before words. Categories of earlier examinations do not count.
    """
    # An addendum corrects the impression, which sums up the findings; None is any section.
    for sections in ({"addendum"}, {"impression", "recommendation", "body"}, {"findings"}, None):
        numbers: list[Category] = []
        words: list[Category] = []
        for category in categories:
            section = laid.sentences[category.value.sentence].section
            if category.prior or (sections is not None and section not in sections):
                continue
            forms = numbers if category.form == "number" else words
            forms.append(category)
        chosen = numbers or words
        if chosen:
            return max(chosen, key=lambda category: CONCERN.index(category.value.value))
    return None


def find_densities(text: str, laid: Laid) -> list[Density]:
    """Return every density said, in order, but for the comparison's."""
    densities = []
    for number, sentence in enumerate(laid.sentences):
        if sentence.section in _NOT_NOW or sentence.section == "recommendation":
            continue
        marks = []
        for mark in find(DENSITIES, text, sentence.start, sentence.end):
            marks.append((mark, "words"))
        marks += _composed(text, sentence)
        side = _density_side(text, sentence, number)
        for mark, form in marks:
            word = Word(mark.start, mark.end, number, mark.value)
            densities.append(Density(word, form, side))
    return sorted(densities, key=lambda density: density.value.start)


def _composed(text: str, sentence: Sentence) -> list[tuple[Mark, str]]:
    """Return densities that are a letter or a number, each with its form."""
    start = sentence.start
    if sentence.section == "density":  # "BREAST COMPOSITION: c": the heading says of what
        start = text.rfind("\n", 0, sentence.start) + 1
    marks: dict[Mark, str] = {}
    for pattern in _COMPOSED:
        for match in pattern.finditer(text, start, sentence.end):
            form = "letter" if match.groupdict().get("letter") else "number"
            value = match[form].casefold()
            if form == "number":  # the older scale, 1 to 4
                value = "abcd"[int(value) - 1]
            first, last = match.span(form)
            if first >= sentence.start:
                marks[Mark(first, last, value)] = form
    return [(mark, marks[mark]) for mark in longest(marks)]


def _density_side(text: str, sentence: Sentence, number: int) -> Word | None:
    """Return the one breast that a sentence names, None for both or none."""
    first: Mark | None = None
    for mark in find(SIDES, text, sentence.start, sentence.end):
        if mark.value == "B":
            continue
        if first is not None and mark.value != first.value:
            return None
        first = first or mark
    if first is None or "breast" not in sentence.text.casefold():
        return None
    return Word(first.start, first.end, number, first.value)


def find_scores(laid: Laid) -> list[Word]:
    """Return scores of the British scale of five (M mammogram, U ultrasound, R either), as they
    stand."""
    scores = []
    for number, sentence in enumerate(laid.sentences):
        for match in _SCORE.finditer(sentence.text):
            start = sentence.start + match.start()
            scores.append(Word(start, start + 2, number, match[0]))  # a letter and a digit
    return scores
