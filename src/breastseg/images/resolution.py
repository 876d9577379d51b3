"""Microns per pixel: where they may be written, in which order the places are believed, and what is
said when all are silent."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import MppError
from breastseg.geometry import MAX_MPP, MIN_MPP, check_mpp

OBJECTIVE_MPP = {40: 0.25, 20: 0.5, 10: 1.0, 5: 2.0}
"""Objective power -> microns per pixel, as scanners make them; believed last, because it is only a
custom."""
UNEQUAL = 0.01
"""Pixels whose sides differ by more than this share are not square."""

_UM_PER_TIFF_UNIT = {2: 25_400.0, 3: 10_000.0}
"""ResolutionUnit: 2 is an inch, 3 a centimetre; 1 is no unit of length."""
_UM_PER_UNIT = {
    "µm": 1.0,
    "μm": 1.0,
    "um": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "Å": 1e-4,
    "angstrom": 1e-4,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25_400.0,
}


@dataclass(frozen=True)
class Clue:
    """One place where microns per pixel may be written.

    Attributes:
        place: its name, in words.
        mpp: what it says of x and y; None when it says nothing that can be used.
        found: what stands there when `mpp` is None.
    """

    place: str
    mpp: tuple[float, float] | None = None
    found: str = "not there"


def find_mpp(path: Path, given: float | None, clues: Sequence[Clue]) -> tuple[float, str]:
    """Return microns per pixel and where they came from: what a person gave goes over all, then the
    first clue that can be true.

    Args:
        path: named in errors.
        given: `--mpp` or a column of a table.
        clues: what the file says, the most trustworthy first.

    Raises:
        MppError: nothing plausible was found (everything looked at is listed), `given` is
            implausible, or pixels are not square.
    """
    if given is not None:
        return check_mpp(given, "--mpp"), "given"
    looked_at = ["--mpp"]
    for clue in clues:
        if clue.mpp is None:
            looked_at.append(f"{clue.place}: {clue.found}")
            continue
        x, y = clue.mpp
        if not (MIN_MPP <= x <= MAX_MPP and MIN_MPP <= y <= MAX_MPP):
            # Screens have 72 or 96 dots an inch, and programs write that into photographs.
            size = f"{x:g}" if x == y else f"{x:g} x {y:g}"
            looked_at.append(f"{clue.place}: {size} um/px, which no scan has")
        elif abs(x - y) > UNEQUAL * min(x, y):
            raise MppError(
                f"{path}: pixels of {x:g} x {y:g} um ({clue.place}), wanted square ones; resample"
                " it, or give --mpp for both sides"
            )
        else:
            return (x + y) / 2, clue.place
    raise MppError(
        f"{path}: no microns per pixel (looked at {'; '.join(looked_at)}); give --mpp, as in --mpp"
        " 0.25 for a 40x scan"
    )


def written_mpp(place: str, x: object, y: object) -> Clue:
    """Make a clue of what is already in microns, numbers or text; None for what is not there."""
    if x is None and y is None:
        return Clue(place)
    try:
        return Clue(place, (float(str(x)), float(str(y))))
    except ValueError:
        return Clue(place, found=f"{x} x {y}")


def with_unit(place: str, x: float, y: float, units: tuple[str | None, str | None]) -> Clue:
    """Make a clue of the sides of a pixel in some unit of length."""
    unit_x, unit_y = units
    if not unit_x and not unit_y:
        return Clue(place, found=f"{x:g} x {y:g} without a unit of length")
    um_x, um_y = _UM_PER_UNIT.get(unit_x or ""), _UM_PER_UNIT.get(unit_y or "")
    if um_x is None or um_y is None:
        return Clue(place, found=f"{x:g} {unit_x} x {y:g} {unit_y}")
    return Clue(place, (x * um_x, y * um_y))


def tiff_clues(
    x: float | None, y: float | None, unit: int | None, description: str = ""
) -> list[Clue]:
    """Make clues of TIFF's resolution tags: pixels per inch or centimetre, or per the unit that
    ImageJ writes into its description."""
    y = x if y is None else y
    place = "TIFF resolution tags"
    if x is None or y is None:
        clues = [Clue(place)]
    elif unit in _UM_PER_TIFF_UNIT and x > 0 and y > 0:
        clues = [Clue(place, (_UM_PER_TIFF_UNIT[unit] / x, _UM_PER_TIFF_UNIT[unit] / y))]
    else:
        clues = [Clue(place, found=f"{x:g} per unit {unit}")]
    if x and y and x > 0 and y > 0 and description.startswith("ImageJ="):
        unit_name = ""
        for line in description.splitlines():
            key, equals, value = line.partition("=")
            if key == "unit" and equals:
                unit_name = value.replace("\\u00B5", "µ")  # ImageJ escapes what is not ASCII
        clues.append(with_unit("ImageJ's unit", 1 / x, 1 / y, (unit_name, unit_name)))
    return clues


def objective_clue(power: str | None) -> Clue:
    """Make a clue of the objective's power, by OBJECTIVE_MPP."""
    table = ", ".join(f"{key}x = {mpp:g}" for key, mpp in OBJECTIVE_MPP.items())
    place = "objective power"
    if power is None:
        return Clue(place)
    try:
        mpp = OBJECTIVE_MPP.get(float(power))  # type: ignore[call-overload]
    except ValueError:
        mpp = None
    if mpp is None:
        return Clue(place, found=f"{power}, of which the table says nothing ({table})")
    return Clue(f"{place} {float(power):g}x, by the table {table}", (mpp, mpp))
