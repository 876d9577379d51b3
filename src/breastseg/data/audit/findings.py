"""Finding: one thing that an audit saw, and how bad it is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SEVERITIES = ("leak", "warning", "note")
"""A leak makes scores worthless; a warning wants a look before training; a note is good to know."""
SHOWN = 20
"""Most names that a finding lists."""


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
    numbers: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON values."""
        return asdict(self)


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, leaks first, else as they came."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
