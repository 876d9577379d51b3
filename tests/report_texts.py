"""Short reports: their text -> what is read of it."""

from breastseg.mammography.reports.reading import Decoded
from breastseg.mammography.reports.structure import structure
from breastseg.mammography.reports.values import Report, Size


def read(text: str) -> Report:
    return structure(Decoded(text, "UTF-8"), "report.txt")


def said(text: str) -> list[dict[str, object]]:
    """Return the findings of a text without their places."""
    found = []
    for finding in read(text).findings:
        values: dict[str, object] = {}
        for name, value in vars(finding).items():
            if isinstance(value, Size):
                values[name] = list(value.mm)
            elif value is not None and name != "mentions":
                values[name] = value.value
        found.append(values)
    return found


def codes(text: str) -> set[str]:
    return {one.code for one in read(text).issues}
