"""The text of a report -> `Report`: the one function that everything here leads to."""

from dataclasses import replace
from pathlib import Path

from breastseg.mammography.reports.assessment import (
    choose_category,
    find_categories,
    find_densities,
    find_scores,
)
from breastseg.mammography.reports.examination import examined_side
from breastseg.mammography.reports.findings import find_findings
from breastseg.mammography.reports.fitness import check_language, check_organ
from breastseg.mammography.reports.identity import covered
from breastseg.mammography.reports.layout import lay_out
from breastseg.mammography.reports.reading import Decoded, read_text
from breastseg.mammography.reports.recommendations import find_recommendations
from breastseg.mammography.reports.values import Report
from breastseg.mammography.reports.vetting import vet
from breastseg.wording import counted


def read_report(path: str | Path) -> Report:
    """Read one file.

    Raises:
        InputError: it is no text, not English, or not of the breast.
    """
    path = Path(path)
    return structure(read_text(path), str(path))


def structure(decoded: Decoded, where: str) -> Report:
    """Read a text by rules and tables; no network and no model.

    Args:
        decoded: the text.
        where: the file, for errors; the report keeps its name without the folder.

    Raises:
        InputError: the text is not English, or not of the breast.
    """
    check_language(decoded.text, where)
    check_organ(decoded.text, where)
    text, names = covered(decoded.text)  # before all else: no value can come from a name
    laid = lay_out(text)
    notes = list(decoded.notes)
    if names:
        notes.append(
            f"{counted(names, 'place')} that may name a person: covered by asterisks, nothing was "
            f"read there."
        )
    found = find_findings(text, laid, examined_side(laid.sections, laid.sentences))
    categories, category_notes = find_categories(text, laid)
    notes += dict.fromkeys(category_notes)  # each once
    report = Report(
        name=Path(where).name,
        encoding=decoded.encoding,
        characters=len(decoded.text),
        notes=tuple(notes),
        sections=laid.sections,
        sentences=laid.sentences,
        category=choose_category(categories, laid),
        categories=tuple(categories),
        densities=tuple(find_densities(text, laid)),
        scores=tuple(find_scores(laid)),
        findings=tuple(found.findings),
        absent=tuple(found.absent),
        recommendations=tuple(find_recommendations(text, laid)),
        issues=(),
    )
    # Last: issues are what the values say of one another.
    return replace(report, issues=vet(report, found))
