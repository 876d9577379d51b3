"""What is missing in a report or contradicts itself, in sentences with the places they are
about."""

import re

from breastseg.mammography.reports.examination import examined_side
from breastseg.mammography.reports.finding_checks import check_findings
from breastseg.mammography.reports.findings import LATER, Found
from breastseg.mammography.reports.issues import issue
from breastseg.mammography.reports.values import Category, Issue, Report, Source, Word
from breastseg.mammography.reports.vocabulary import CONCERN

_TISSUE = {"biopsy", "surgery", "aspiration"}
_AGAINST = {
    "1": _TISSUE,
    "2": _TISSUE | {"short-interval follow-up"},
}
"""Category -> advice that contradicts it."""
_TOO_LITTLE = {"routine screening"}
_LISTED = re.compile(r"\s*\d[.)]")


def vet(report: Report, found: Found) -> tuple[Issue, ...]:
    """Return all issues of a report that is read but for them."""
    unitless = []
    for size in found.unitless:
        unitless.append(issue("size-without-unit", "A size has no unit: write mm or cm.", size))
    issues = [
        *_missing(report),
        *unitless,
        *_sides(report, found),
        *_categories(report),
        *_advice(report),
        *_densities(report),
        *check_findings(report),
    ]
    return tuple(issues)


def _missing(report: Report) -> list[Issue]:
    issues = []
    if report.category is None:
        extra = ""
        if report.scores:
            extra = f" ({report.scores[0].value} is of the British scale and is not converted)"
        issues.append(issue("missing-category", f"There is no BI-RADS category{extra}."))
    elif not report.recommendations:
        category = report.category.value
        message = f"BI-RADS {category.value}, but no recommendation."
        issues.append(issue("missing-recommendation", message, category))
    if not report.densities:
        issues.append(issue("missing-density", "The breast density is not said."))
    names = set()
    headed = set()
    for section in report.sections:
        names.add(section.name)
        if section.heading is not None:
            headed.add(section.name)
    has_end = bool(names & {"impression", "addendum", "recommendation"})
    # A report without headings has no impression to miss.
    if "findings" in headed and not has_end and report.category is None:
        issues.append(issue("missing-impression", "There are headings, but none of an impression."))
    for finding in report.findings:
        resolved = finding.change is not None and finding.change.value == "resolved"
        if finding.side is None and not resolved:
            message = f"Of which side is the {finding.kind.value}?"
            issues.append(issue("missing-side", message, finding.kind))
    return issues


def _sides(report: Report, found: Found) -> list[Issue]:
    issues = []
    for first, second in found.clashes:
        message = f"In the findings it is {_name(first)}, in the impression {_name(second)}."
        issues.append(issue("side-contradiction", message, first, second))
    sides = set()
    for finding in report.findings:
        if finding.side is not None:
            sides.add(finding.side.value)
    # With findings on both sides any advice has one on its side.
    if len(sides) == 1 and "B" not in sides:
        only = sides.pop()
        first_side = report.findings[0].side
        for advice in report.recommendations:
            if advice.kind.value not in _TISSUE or advice.side is None:
                continue
            if advice.side.value not in {only, "B"}:
                message = f"The {advice.kind.value} is advised for the side without a finding."
                issues.append(issue("side-contradiction", message, first_side, advice.side))
    issues += _other_breast(report)
    return issues


def _name(side: Source) -> str:
    names = {"L": "left", "R": "right", "B": "both sides"}
    return names[side.value] if isinstance(side, Word) else "one side"


def _other_breast(report: Report) -> list[Issue]:
    """Compare the one side that a technique names with the sides of findings."""
    only = examined_side(report.sections, report.sentences)
    if only is None:
        return []
    message = "The technique names one breast, a finding is in the other."
    issues = []
    for finding in report.findings:
        if finding.side is not None and finding.side.value not in {only.value, "B"}:
            issues.append(issue("side-contradiction", message, only, finding.side))
    return issues


def _categories(report: Report) -> list[Issue]:
    """Categories that contradict one another; those of earlier examinations do not count."""
    numbers: list[Category] = []
    words: list[Category] = []
    for category in report.categories:
        if not category.prior:
            (numbers if category.form == "number" else words).append(category)
    issues = _against_words(numbers, words)
    early: list[Category] = []
    others: list[Category] = []
    for number in numbers:
        is_early = _section(report, number) == "findings"
        (early if is_early else others).append(number)
    has_late = any(_section(report, number) in LATER for number in others)
    final = report.category
    if early and has_late and final is not None:
        highest = max(early, key=lambda number: CONCERN.index(number.value.value))
        # An addendum is there to say otherwise.
        is_corrected = _section(report, final) == "addendum"
        if highest.value.value != final.value.value and not is_corrected:
            message = (
                f"BI-RADS {highest.value.value} in the findings, "
                f"{final.value.value} in the impression."
            )
            issues.append(issue("category-contradiction", message, highest.value, final.value))
    issues += _two_at_once(report, others)
    return issues


def _against_words(numbers: list[Category], words: list[Category]) -> list[Issue]:
    """Words beside a number that mean another one: "BI-RADS 4, benign"."""
    issues = []
    for word in words:
        of_sentence = []
        for number in numbers:
            if number.value.sentence == word.value.sentence:
                of_sentence.append(number)
        if len(of_sentence) != 1:  # of several, the words may belong to another one
            continue
        number = of_sentence[0]
        is_near = abs(word.value.start - number.value.start) < 40
        # The first letter: "suspicious" goes with 4, 4a, 4b and 4c.
        if is_near and word.value.value[0] != number.value.value[0]:
            message = f"The number says BI-RADS {number.value.value}, the words {word.value.value}."
            issues.append(issue("category-words", message, number.value, word.value))
    return issues


def _section(report: Report, category: Category) -> str:
    return report.sentences[category.value.sentence].section


def _two_at_once(report: Report, late: list[Category]) -> list[Issue]:
    """Two categories in one section without a side, in sentences that name neither a side nor a
    finding."""
    for sentence in report.sentences:
        # A numbered list has a category for each finding.
        if sentence.section in LATER and _LISTED.match(sentence.text):
            return []
    of_findings: set[int] = set()  # sentences that speak of a finding
    for finding in report.findings:
        for mention in finding.mentions:
            of_findings.add(mention.sentence)
    first: dict[str, Category] = {}  # of each section
    for category in late:
        number = category.value.sentence
        words = set(report.sentences[number].text.casefold().split())
        names_side = category.side is not None or bool(words & {"left", "right"})
        if names_side or number in of_findings:
            continue
        known = first.setdefault(_section(report, category), category).value
        value = category.value
        if known.value[0] != value.value[0]:
            message = f"BI-RADS {known.value} and {value.value} for the same examination."
            return [issue("category-contradiction", message, known, value)]
    return []


def _advice(report: Report) -> list[Issue]:
    if report.category is None or not report.recommendations:
        return []
    category = report.category.value
    against = _AGAINST.get(category.value, set())
    kinds = set()
    issues = []
    for advice in report.recommendations:
        kinds.add(advice.kind.value)
        if advice.kind.value in against:
            message = f"BI-RADS {category.value} with the advice: {advice.kind.value}."
            issues.append(issue("category-recommendation", message, category, advice.kind))
    first_kind = report.recommendations[0].kind
    if category.value[0] in "0345" and kinds <= _TOO_LITTLE:
        message = f"BI-RADS {category.value}, but nothing is advised except routine screening."
        issues.append(issue("category-recommendation", message, category, first_kind))
    elif category.value[0] in "45" and kinds <= _TOO_LITTLE | {"short-interval follow-up"}:
        message = f"BI-RADS {category.value}, but a follow-up in place of a biopsy."
        issues.append(issue("category-recommendation", message, category, first_kind))
    return issues


def _densities(report: Report) -> list[Issue]:
    first: dict[str, Word] = {}
    for density in report.densities:
        side = density.side.value if density.side is not None else ""
        known = first.setdefault(side, density.value)
        if known.value != density.value.value:
            message = f"Density {known.value} in one place, {density.value.value} in another."
            return [issue("density-contradiction", message, known, density.value)]
    return []
