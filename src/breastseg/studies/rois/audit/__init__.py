"""audit_regions(): what would make scores on films or regions worthless.

OUT/audit.json   findings, leaks first, with their numbers
"""

from pathlib import Path

from breastseg.data.audit.findings import Finding, by_severity
from breastseg.files import own_folder, write_json
from breastseg.json_files import JsonObject
from breastseg.reporter import TERMINAL, Reporter
from breastseg.studies.rois.audit.checks import (
    copies,
    given_away,
    one_sided,
    shared_patients,
    unknown,
)
from breastseg.studies.rois.audit.copies import find_copies
from breastseg.studies.rois.audit.items import Items, read_items, thumbnails

__all__ = ["audit_regions"]


def audit_regions(
    source: str | Path,
    out: str | Path | None = None,
    *,
    split: str | Path | None = None,
    reporter: Reporter = TERMINAL,
) -> JsonObject:
    """Look for patients and copies on two sides, and for what gives classes away.

    Args:
        source: a folder of prepared films, a folder of `classify`, or a table of images.
        out: folder for audit.json; None writes nothing.
        split: of prepared films: a table with film and split.
        reporter: who hears of it.

    Returns:
        what audit.json holds: "findings" and how many images were looked at.

    Raises:
        DatasetError: a table that does not fit.
        InputError: nothing that can be audited.
        ImageError: an image that cannot be read.
    """
    groups = read_items(Path(source), None if split is None else Path(split))
    if out is None:
        return _report(groups, reporter)
    settings = {"audited": [[group.title, len(group.items)] for group in groups]}
    with own_folder(Path(out), "mammo audit", settings):
        report = _report(groups, reporter)
        write_json(Path(out) / "audit.json", report)
    return report


def _report(groups: list[Items], reporter: Reporter) -> JsonObject:
    findings: list[Finding] = []
    for group in groups:
        findings += _findings(group, reporter)
    return {
        "pictures": {group.title: len(group.items) for group in groups},
        "findings": [finding.to_dict() for finding in by_severity(findings)],
    }


def _findings(group: Items, reporter: Reporter) -> list[Finding]:
    small, sizes = thumbnails(group.items)
    return [
        *shared_patients(group),
        *copies(group, find_copies(small)),
        *one_sided(group, sizes),
        *given_away(group, reporter),
        *unknown(group),
    ]
