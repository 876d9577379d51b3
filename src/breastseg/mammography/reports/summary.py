"""A report as text in the order of BI-RADS, from what was read of it."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from breastseg.mammography.reports.values import Finding, Issue, Report

COMPOSITION = {
    "a": "almost entirely fatty",
    "b": "scattered areas of fibroglandular density",
    "c": "heterogeneously dense",
    "d": "extremely dense",
}
ASSESSMENT = {
    "0": "incomplete",
    "1": "negative",
    "2": "benign",
    "3": "probably benign",
    "4": "suspicious",
    "5": "highly suggestive of malignancy",
    "6": "known biopsy-proven malignancy",
}
SIDE_NAMES = {"L": "left", "R": "right", "B": "both sides"}


def summary(report: Report) -> str:
    """Return a report as text in the order of BI-RADS, with what is missing or contradicts itself
    at the end."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )

    def quoted(section: str) -> list[str]:
        """Return the sentences of a section, without its heading."""
        headings = set()
        for part in report.sections:
            if part.heading is not None:
                headings.add(part.heading.sentence)
        texts = []
        for number, sentence in enumerate(report.sentences):
            if sentence.section == section and number not in headings:
                texts.append(" ".join(sentence.text.split()))  # one line
        return texts

    def where(issue: Issue) -> str:
        """Return the places of an issue, as " (characters 12-20: 'left')"."""
        places = []
        for source in issue.sources:
            sentence = report.sentences[source.sentence]
            first = source.start - sentence.start
            last = source.end - sentence.start
            quoted_words = " ".join(sentence.text[first:last].split())
            places.append(f"characters {source.start}-{source.end}: '{quoted_words}'")
        return f" ({'; '.join(places)})" if places else ""

    absent = dict.fromkeys(absent.kind.value for absent in report.absent)  # each once, in order
    sided = []  # categories of one breast
    for category in report.categories:
        if category.side is not None and not category.prior:
            sided.append(category)
    return environment.get_template("summary.txt.j2").render(
        report=report,
        quoted=quoted,
        where=where,
        finding=described,
        composition=COMPOSITION,
        assessment=ASSESSMENT,
        sides=SIDE_NAMES,
        absent=list(absent),
        sided=sided,
    )


def described(finding: Finding) -> str:
    """Return a finding in one line, descriptors in the order of the BI-RADS lexicon."""
    words = []  # "possible new mass"
    for word in (finding.certainty, finding.change, finding.kind):
        if word is not None:
            words.append(word.value)
    side = "side not said"
    if finding.side is not None:
        side = SIDE_NAMES[finding.side.value]
    parts = [" ".join(words), side]
    for name in (
        "form",
        "shape",
        "margin",
        "opacity",
        "morphology",
        "distribution",
        "quadrant",
        "depth",
    ):
        word = getattr(finding, name)
        if word is not None:
            parts.append(f"{word.value} {_NOUNS.get(name, '')}".strip())
    if finding.clock is not None:
        parts.append(f"{_clock(finding.clock.value)} o'clock")
    if finding.from_nipple_mm is not None:
        parts.append(f"{finding.from_nipple_mm.value:g} mm from the nipple")
    if finding.size_mm is not None:
        parts.append(f"{_extents(finding.size_mm.mm)} mm")
    if finding.earlier_size_mm is not None:
        parts.append(f"earlier {_extents(finding.earlier_size_mm.mm)} mm")
    return ", ".join(parts)


_NOUNS = {"margin": "margin", "opacity": "density", "depth": "depth"}


def _clock(hours: float) -> str:
    return f"{int(hours)}:30" if hours % 1 else f"{hours:g}"


def _extents(mm: tuple[float, ...]) -> str:
    return " x ".join(f"{extent:g}" for extent in mm)
