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
        said = report.category.value
        message = f"BI-RADS {said.value}, but no recommendation."
        issues.append(issue("missing-recommendation", message, said))
    if not report.densities:
        issues.append(issue("missing-density", "The breast density is not said."))
    names = {one.name for one in report.sections if one.heading is not None}
    ends = {one.name for one in report.sections} & {"impression", "addendum", "recommendation"}
    if "findings" in names and not ends and report.category is None:
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
    sides = {one.side.value for one in report.findings if one.side is not None}
    if len(sides) == 1 and not sides & {"B"}:
        only = sides.pop()
        for advice in report.recommendations:
            if advice.kind.value not in _TISSUE or advice.side is None:
                continue
            if advice.side.value not in {only, "B"}:
                message = f"The {advice.kind.value} is advised for the side without a finding."
                issues.append(
                    issue("side-contradiction", message, report.findings[0].side, advice.side)
                )
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
    issues = []
    now = [one for one in report.categories if not one.prior]
    for words in now:
        for number in now:
            if words.form != "words" or number.form != "number":
                continue
            same = words.value.sentence == number.value.sentence
            near = same and abs(words.value.start - number.value.start) < 40
            if near and words.value.value[0] != number.value.value[0] and _is_only(number, now):
                message = (
                    f"The number says BI-RADS {number.value.value}, the words {words.value.value}."
                )
                issues.append(issue("category-words", message, number.value, words.value))
    numbers = [one for one in now if one.form == "number"]
    early = [one for one in numbers if _section(report, one) == "findings"]
    late = [one for one in numbers if _section(report, one) in LATER]
    if early and late and report.category is not None:
        highest = max(early, key=lambda one: CONCERN.index(one.value.value))
        if (
            highest.value.value != report.category.value.value
            and _section(report, report.category) != "addendum"
        ):
            message = (
                f"BI-RADS {highest.value.value} in the findings, "
                f"{report.category.value.value} in the impression."
            )
            issues.append(
                issue("category-contradiction", message, highest.value, report.category.value)
            )
    issues += _two_at_once(report, [one for one in numbers if one not in early])
    return issues


def _is_only(number: Category, now: list[Category]) -> bool:
    """Return whether no other number stands in the sentence, to which the words could belong."""
    sentence = number.value.sentence
    numbers = [one for one in now if one.form == "number" and one.value.sentence == sentence]
    return len(numbers) == 1


def _section(report: Report, category: Category) -> str:
    return report.sentences[category.value.sentence].section


def _two_at_once(report: Report, late: list[Category]) -> list[Issue]:
    """Two categories in one section without a side, in sentences that name neither a side nor a
    finding."""
    sided = {one.sentence for finding in report.findings for one in finding.mentions}
    bare = []
    for category in late:
        words = set(report.sentences[category.value.sentence].text.casefold().split())
        names_side = category.side is not None or bool(words & {"left", "right"})
        if not names_side and category.value.sentence not in sided:
            bare.append(category)
    listed = [one for one in report.sentences if one.section in LATER and _LISTED.match(one.text)]
    if listed:  # a category for each finding of a numbered list
        return []
    first: dict[str, Category] = {}
    for one in bare:
        known = first.setdefault(_section(report, one), one)
        if known.value.value[0] != one.value.value[0]:
            message = f"BI-RADS {known.value.value} and {one.value.value} for the same examination."
            return [issue("category-contradiction", message, known.value, one.value)]
    return []


def _advice(report: Report) -> list[Issue]:
    if report.category is None or not report.recommendations:
        return []
    said = report.category.value
    kinds = {one.kind.value for one in report.recommendations}
    against = _AGAINST.get(said.value, set())
    issues = []
    for one in report.recommendations:
        if one.kind.value not in against:
            continue
        message = f"BI-RADS {said.value} with the advice: {one.kind.value}."
        issues.append(issue("category-recommendation", message, said, one.kind))
    if said.value[0] in "0345" and kinds <= _TOO_LITTLE:
        message = f"BI-RADS {said.value}, but nothing is advised except routine screening."
        issues.append(
            issue("category-recommendation", message, said, report.recommendations[0].kind)
        )
    elif said.value[0] in "45" and kinds <= _TOO_LITTLE | {"short-interval follow-up"}:
        message = f"BI-RADS {said.value}, but a follow-up in place of a biopsy."
        issues.append(
            issue("category-recommendation", message, said, report.recommendations[0].kind)
        )
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
