"""An entry of a layout -> a film with its findings: the file read, the table's word beside it."""

from dataclasses import dataclass, replace

from breastseg.errors import ImageError, InputError
from breastseg.mammography.dicom_mg import is_dicom, read_film
from breastseg.mammography.film import MAX_MM_PER_PX, MIN_MM_PER_PX, Film
from breastseg.mammography.findings import Finding, Mask, MaskShape, Shape, bounds_of, scaled
from breastseg.mammography.layouts.entry import Entry
from breastseg.mammography.picture import read_picture

_SAME = 0.01  # two shapes or sizes that differ by less are one: of rounding to whole pixels


@dataclass(frozen=True)
class Known:
    """A film as it was read, with what is known of it.

    Attributes:
        film: the film.
        findings: on it, in its pixels.
        masks: (H, W) of each finding that is a mask, by its place among the findings.
        notes: what a person should know.
    """

    film: Film
    findings: tuple[Finding, ...]
    masks: dict[int, Mask]
    notes: tuple[str, ...]


def check_mm(mm_per_px: float, option: str) -> float:
    """Return millimetres a pixel that a film can have; InputError names the option."""
    if not MIN_MM_PER_PX <= mm_per_px <= MAX_MM_PER_PX:
        raise InputError(
            f"{option} {mm_per_px:g}: wanted millimetres a pixel from {MIN_MM_PER_PX:g} to "
            f"{MAX_MM_PER_PX:g}, as in {option} 0.2"
        )
    return mm_per_px


def read_entry(entry: Entry, pixel_mm: float | None = None) -> Known:
    """Read a film and what its data set knows of it.

    Args:
        entry: of a layout.
        pixel_mm: millimetres a pixel that a person gave; goes over all others.

    Raises:
        ImageError: the film cannot be read or is not taken.
        MissingPackageError: what reads it is not installed.
    """
    if is_dicom(entry.path) or entry.path.suffix.lower() in (".dcm", ".dicom"):
        film = read_film(entry.path, entry.name)
    else:
        film = read_picture(entry.path, entry.name)
    notes = list(entry.notes)
    film = _with_size(film, entry, pixel_mm, notes)
    film = _with_side_and_view(film, entry, notes)
    findings, masks = _findings(film, entry, notes)
    return Known(film, findings, masks, tuple(notes))


def _with_size(film: Film, entry: Entry, pixel_mm: float | None, notes: list[str]) -> Film:
    if pixel_mm is not None:
        return replace(film, mm_per_px=pixel_mm, mm_origin="given with --pixel-mm")
    if entry.mm_per_px is not None:
        if film.mm_per_px is None:
            return _sized(film, entry, entry.mm_per_px, notes)
        if abs(film.mm_per_px / entry.mm_per_px - 1) > _SAME:
            notes.append(
                f"{film.mm_origin} says {film.mm_per_px:.4g} mm a pixel, "
                f"{entry.mm_per_px:.4g} is {entry.mm_origin}"
            )
    if film.mm_per_px is None:
        notes.append(
            f"millimetres a pixel are not known ({film.mm_origin}): areas are in pixels; "
            "give them with --pixel-mm"
        )
    return film


def _sized(film: Film, entry: Entry, mm_per_px: float, notes: list[str]) -> Film:
    """Return a film with the size that its release knows, larger where its image was made small.

    Args:
        film: as read.
        entry: says of which size in pixels the release speaks.
        mm_per_px: of a pixel of the release.
        notes: told where nothing can be said.
    """
    origin = entry.mm_origin
    # A pixel of an image that was made half as large is twice as large as the release's.
    if entry.size_px is not None:
        height, width = film.pixels.shape
        across = entry.size_px[0] / width
        down = entry.size_px[1] / height
        if abs(across / down - 1) > _SAME:
            notes.append(f"an image of another shape than the release's: {origin} does not fit it")
            return film
        if (across, down) != (1.0, 1.0):
            mm_per_px *= (across + down) / 2
            origin += ", of an image that was made smaller or larger"
    return replace(film, mm_per_px=mm_per_px, mm_origin=origin)


def _with_side_and_view(film: Film, entry: Entry, notes: list[str]) -> Film:
    side_of_header = (film.laterality, film.laterality_origin)
    side_of_table = (entry.laterality, entry.origin)
    side, side_origin = _agreed(side_of_header, side_of_table, entry)
    view_of_header = (film.view, film.view_origin)
    view_of_table = (entry.view, entry.origin)
    view, view_origin = _agreed(view_of_header, view_of_table, entry)
    for name, origin in (("side", side_origin), ("view", view_origin)):
        if "(but" in origin:
            notes.append(f"{name}: {origin}")
    return replace(
        film,
        laterality=side,
        laterality_origin=side_origin,
        view=view,
        view_origin=view_origin,
    )


def _agreed(header: tuple[str, str], table: tuple[str, str], entry: Entry) -> tuple[str, str]:
    """Return what the header says, or where it says nothing the table; contradictions are told.

    Args:
        header: value and where it comes from.
        table: value and where it comes from.
        entry: says which of the two goes first.
    """
    first, second = (table, header) if entry.table_first else (header, table)
    value, origin = first
    other, other_origin = second
    if not value:
        return second if other else header
    if other and other != value:
        return value, f"{origin} (but {other_origin} says {other})"
    return first


def _findings(
    film: Film, entry: Entry, notes: list[str]
) -> tuple[tuple[Finding, ...], dict[int, Mask]]:
    """Return the findings in pixels of the film, and the masks of those that are masks."""
    # The side is known only now, where the header says it.
    of_side = tuple(entry.findings_by_side.get(film.laterality, ()))
    height, width = film.pixels.shape
    factor = _factor(entry, (width, height), notes)
    findings: list[Finding] = []
    masks: dict[int, Mask] = {}
    for place, finding in enumerate(entry.findings + of_side):
        shape = finding.shape
        if isinstance(shape, MaskShape):
            try:
                mask = shape.read((height, width))
                if not mask.any():
                    raise ImageError(f"the mask of finding {place + 1} is empty")
                masks[place] = mask
            except ImageError as cause:
                notes.append(str(cause))
                finding = replace(finding, shape=None)
        elif factor is None:
            finding = replace(finding, shape=None)
        else:
            finding = scaled(finding, factor)
        if finding.shape is not None and not _is_inside(finding.shape, (width, height)):
            notes.append(f"finding {place + 1} lies outside the film; kept without its place")
            finding = replace(finding, shape=None)
        findings.append(finding)
    return tuple(findings), masks


def _factor(entry: Entry, size: tuple[int, int], notes: list[str]) -> float | None:
    """Return the film's size over the size that findings were drawn on; None if not the same."""
    if entry.size_px is None or entry.size_px == size:
        return 1.0
    across = size[0] / entry.size_px[0]
    down = size[1] / entry.size_px[1]
    text = f"{entry.size_px[0]} x {entry.size_px[1]}"
    if abs(across / down - 1) > _SAME:
        notes.append(f"findings were drawn on {text} pixels, another shape: kept without places")
        return None
    notes.append(f"findings were drawn on {text} pixels and scaled to the film")
    return (across + down) / 2


def _is_inside(shape: Shape, size: tuple[int, int]) -> bool:
    """Return whether a shape has a place on a film of (W, H)."""
    bounds = bounds_of(shape)
    if bounds is None:  # a mask: it has the size of the film
        return True
    left, top, right, bottom = bounds
    is_inside_across = right >= 0 and left < size[0]
    is_inside_down = bottom >= 0 and top < size[1]
    return is_inside_across and is_inside_down
