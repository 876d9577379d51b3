"""Findings that contradict the category, their own sizes and places, or a denial."""

from breastseg.mammography.reports.issues import issue
from breastseg.mammography.reports.quadrants import halves_at
from breastseg.mammography.reports.values import Absent, Finding, Issue, Report

_SUSPICIOUS = {
    "margin": {"spiculated", "indistinct", "microlobulated"},
    "morphology": {"amorphous", "coarse heterogeneous", "fine pleomorphic", "fine linear"},
}
_NOT_NEGATIVE = {"mass", "asymmetry", "architectural distortion", "calcification"}
_CHANGED = 0.2
"""Sizes that differ by more than a fifth are not "unchanged"."""


def check_findings(report: Report) -> list[Issue]:
    """Return the issues of single findings."""
    return [
        *_against_category(report),
        *_places(report),
        *_changes(report),
        *_present_and_absent(report),
    ]


def _against_category(report: Report) -> list[Issue]:
    if report.category is None or report.category.value.value not in {"1", "2"}:
        return []
    category = report.category.value
    issues = []
    for finding in report.findings:
        if finding.change is not None and finding.change.value == "resolved":
            continue
        # Category 1 is a breast with nothing in it; 2 has findings, none of them suspicious.
        is_not_negative = category.value == "1" and finding.kind.value in _NOT_NEGATIVE
        if is_not_negative or _is_suspicious(finding):
            message = f"BI-RADS {category.value}, but there is a finding: {finding.kind.value}."
            issues.append(issue("category-finding", message, category, finding.kind))
    return issues


def _is_suspicious(finding: Finding) -> bool:
    """Return whether a descriptor of a finding is one that asks for a biopsy."""
    for name, values in _SUSPICIOUS.items():
        word = getattr(finding, name)
        if word is not None and word.value in values:
            return True
    return False


def _places(report: Report) -> list[Issue]:
    """Clock positions and quadrants of one finding that exclude each other."""
    issues = []
    for finding in report.findings:
        clock = finding.clock
        quadrant = finding.quadrant
        side = finding.side
        if clock is None or quadrant is None or side is None or side.value == "B":
            continue
        possible = halves_at(clock.value, side.value)
        halves = set(quadrant.value.split()) & {"upper", "lower", "outer", "inner"}
        if not halves <= possible:
            message = f"{clock.value:g} o'clock of this side is not {quadrant.value}."
            issues.append(issue("place-contradiction", message, clock, quadrant, side))
    return issues


def _changes(report: Report) -> list[Issue]:
    """Changes that the sizes of then and now deny; the longest extents are compared."""
    issues = []
    for finding in report.findings:
        now = finding.size_mm
        then = finding.earlier_size_mm
        change = finding.change
        if now is None or then is None or change is None:
            continue
        now_mm = max(now.mm)
        then_mm = max(then.mm)
        ratio = now_mm / then_mm
        wrong = {
            "increased": ratio < 1,
            "decreased": ratio > 1,
            "unchanged": abs(ratio - 1) > _CHANGED,
            "new": True,  # what is new has no earlier size
        }
        if wrong.get(change.value, False):
            word = change.value.capitalize()
            message = f"{word}, but {then_mm:g} mm then and {now_mm:g} mm now."
            issues.append(issue("change-contradiction", message, change, then, now))
    return issues


def _present_and_absent(report: Report) -> list[Issue]:
    """A kind that one sentence denies without any limit, on a side on which another sentence has
    it."""
    issues = []
    for absent in report.absent:
        if _is_limited(report, absent):
            continue
        for finding in report.findings:
            if finding.kind.value != absent.kind.value or not _same_side(finding, absent):
                continue
            if _is_exception(finding, absent):
                continue
            message = f"There is a finding and there is none: {absent.kind.value}."
            issues.append(issue("present-and-absent", message, finding.kind, absent.kind))
            break  # one contradiction of a denial is enough
    return issues


def _is_limited(report: Report, absent: Absent) -> bool:
    """Return whether more stands between the denial and the kind than lists have: "no suspicious
    ..." denies some only."""
    sentence = report.sentences[absent.kind.sentence]
    words = sentence.text.casefold()
    limits = ("suspicious", "other", "new", "dominant", "associated", "further", "additional",
    "central",
              "solid", "discrete", "enlarged", "focal", "significant", "residual")  # fmt: skip
    return any(limit in words for limit in limits)


def _same_side(finding: Finding, absent: Absent) -> bool:
    """Return whether a denial is of the side of a finding; one without a side is of both."""
    if finding.side is None or absent.side is None:
        return absent.side is None
    return absent.side.value in {finding.side.value, "B"}


def _is_exception(finding: Finding, absent: Absent) -> bool:
    """Return whether the denial goes on to the finding itself: "no calcifications apart from
    ..."."""
    return any(mention.sentence == absent.kind.sentence for mention in finding.mentions)
