"""Finding: one thing that an audit saw, and how bad it is."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypedDict

SEVERITIES = ("leak", "warning", "note")
"""A leak makes scores worthless; a warning wants a look before training; a note is good to know."""
SHOWN = 20
"""Most names that a finding lists."""


class FindingEntry(TypedDict):
    """A finding in audit.json."""

    severity: str
    check: str
    sentence: str
    advice: str
    numbers: dict[str, object]


class PartContents(TypedDict):
    """What a part of a split holds."""

    regions: int
    slides: int
    patients: int
    hospitals: int
    pixels: dict[str, int]


class SplitContents(TypedDict):
    """A split: whether it is in use, and its parts."""

    used: bool
    parts: dict[str, PartContents]


ColourScore = dict[str, float]
"""windows, classes, balanced_accuracy, overlap."""
Colours = dict[str, int | ColourScore | None]
"""windows, and a score by whom it is compared with; None where it cannot be."""


class AuditReport(TypedDict):
    """audit.json."""

    data: str
    mpp: float
    label_map: dict[str, object]
    parts: list[str]
    regions: int
    patients: int
    findings: list[FindingEntry]
    splits: dict[str, SplitContents]
    colours: Colours


@dataclass(frozen=True)
class Finding:
    """One thing that an audit saw.

    Attributes:
        severity: leak, warning or note.
        check: what was looked at, one word or two.
        sentence: what was seen, with the numbers that matter.
        advice: what to do.
        numbers: the same as JSON values, lists cut at `SHOWN` names.
    """

    severity: str
    check: str
    sentence: str
    advice: str
    numbers: Mapping[str, object]

    def to_dict(self) -> FindingEntry:
        """Return the finding as JSON values."""
        return FindingEntry(
            severity=self.severity,
            check=self.check,
            sentence=self.sentence,
            advice=self.advice,
            numbers=deepcopy(dict(self.numbers)),
        )


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, leaks first, else as they came."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
