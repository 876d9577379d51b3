"""Points on an image, and the table that lists them: dots on cells, boxes, discs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from breastseg.errors import SourceError
from breastseg.labels import NOT
from breastseg.tables import Row, Table, read_table, shown

EXTENTS = ("width", "height", "radius_um")
_PASSIVE = ("id", "name", "color", "colour")

Extent: TypeAlias = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Dot:
    """A place of one class; or, where the name begins with "not ", one that is not of it.

    Attributes:
        name: of the class.
        x: of its middle, in pixels.
        y: likewise.
        width: of the box or the round place around it, in pixels; 0 for a dot.
        height: likewise.
        radius_um: of a disc around it, in microns, where nothing says yet how many pixels these
            are.
        is_round: whether the place is round.
    """

    name: str
    x: float
    y: float
    width: float = 0.0
    height: float = 0.0
    radius_um: float = 0.0
    is_round: bool = False


def read_points(path: Path) -> Iterator[Dot]:
    """Read a table of points: x, y, class, and perhaps width and height, or radius_um.

    Raises:
        SourceError: it is no such table; a box without one of its sides, or with a radius too; a
            place that is both of a class and not.
    """
    table = read_table(
        path,
        SourceError,
        needed=("x", "y", "class"),
        known=EXTENTS,
        passive=_PASSIVE,
        may_be_empty=True,
    )
    for column in ("x", "y", "class"):
        table.needs(column, f"dot without {column}; give it one, or remove the row")
    # needs() has refused rows without x or y; the check is for the type alone.
    places = []
    for row, x, y in zip(table.rows, table.numbers("x"), table.numbers("y"), strict=True):
        if x is not None and y is not None:
            places.append((row, x, y))
    has_extents = any(column in table.columns for column in EXTENTS)
    if any(row["class"].casefold().startswith(NOT) for row in table.rows):
        _check_agrees(table)
    if not has_extents:
        for row, x, y in places:
            yield Dot(row["class"], x, y)
        return
    widths, heights, radii = (table.numbers(column) for column in EXTENTS)
    for (row, x, y), extent in zip(places, zip(widths, heights, radii, strict=True), strict=True):
        _check_extent(table, row, extent)
        width, height, radius = (number or 0.0 for number in extent)
        yield Dot(row["class"], x, y, width, height, radius, radius > 0)


def _check_extent(table: Table, row: Row, extent: Extent) -> None:
    """Refuse sides or a radius that are no place."""
    width, height, radius = extent
    where = table.where(row)
    for column, number in zip(EXTENTS, extent, strict=True):
        # "not >" and not "<=": NaN is refused too.
        if number is not None and not number > 0:
            what = f"{column} '{shown(row[column])}', wanted more than 0"
            raise SourceError(f"{where}: {what}; leave the cell empty for a dot")
    if (width is None) != (height is None):
        lacking = "width" if width is None else "height"
        advice = "give both sides in pixels, or neither"
        raise SourceError(f"{where}: a box without {lacking}; {advice}")
    if radius is not None and width is not None:
        advice = "keep width and height for a box, or radius_um for a disc"
        raise SourceError(f"{where}: a box and radius_um; {advice}")


def _check_agrees(table: Table) -> None:
    """Refuse a place that is of a class by one row and not of it by another."""
    # Class and place -> the first row that names them, and its name with or without "not ".
    first_of: dict[tuple[str, float | None, float | None], tuple[Row, str]] = {}
    for row, x, y in zip(table.rows, table.numbers("x"), table.numbers("y"), strict=True):
        name = " ".join(row["class"].casefold().split())
        first, first_name = first_of.setdefault((name.removeprefix(NOT), x, y), (row, name))
        if first_name != name:
            own = shown(row["class"])
            other = shown(first["class"])
            what = f"x {x:g}, y {y:g} is '{own}', row {first.number} says '{other}'"
            raise SourceError(f"{table.where(row)}: {what}; keep the one that is true")
