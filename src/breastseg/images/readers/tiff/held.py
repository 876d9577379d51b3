"""TIFF that is small enough to be held: flat images, and masks of label codes."""

from pathlib import Path

from tifffile import TiffFile

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import MAX_ASKED_PX
from breastseg.images.readers.flat_file import WANTED_CODES, Flat, check_area
from breastseg.images.readers.orientation import UPRIGHT, turned, upright_size
from breastseg.images.readers.tiff.clues import clues_of, notes_of, turn_of
from breastseg.images.readers.tiff.damage import REMEDY, damage_told
from breastseg.images.readers.tiff.levels import Level, is_cut, plan_level
from breastseg.images.readers.tiff.pictures import choose
from breastseg.images.readers.tiff.pixels import Segment, mask_unfit
from breastseg.images.readers.tiff.stored import Stored, TornError
from breastseg.images.slide import Pixels


def look_flat(path: Path) -> Flat:
    """Look at a TIFF that is small enough to hold: its size, its clues, and how it is decoded.

    Raises:
        ImageError: broken, not RGB or grey in 8 bits, or several images.
    """
    with damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        plans = [plan_level(path, tiff, found.levels[0], most_px=MAX_ASKED_PX)]
        check_area(path, found.size_px)
        turn = turn_of(found.page)
        ends_early = is_cut(tiff, plans)
        return Flat(
            upright_size(found.size_px, turn),
            turn,
            clues=clues_of(tiff, found),
            bands=lambda: iter((_decoded(path, turn),)),
            is_cut=lambda: ends_early,
            notes=notes_of(found),
        )


def read_tiff_codes(path: Path) -> Segment:
    """Read a mask whose samples are label codes: (H, W) uint8.

    Raises:
        ImageError: broken, several images, turned by a tag, tiles that are missing, or samples
            that are not surely codes.
    """
    with damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        page, count = found.page, 1 + len(found.spare)
        reason = f"{count} pages" if count > 1 else mask_unfit(page)
        if reason is None and len(found.levels[0]) > 1:
            reason = "a page for each colour"
        if reason is None and turn_of(page) != UPRIGHT:
            reason = f"an orientation tag ({turn_of(page)})"
        if reason:
            raise ImageError(f"{path}: mask has {reason}, {WANTED_CODES}")
        check_area(path, found.size_px)
        plan = plan_level(path, tiff, (page,), most_px=MAX_ASKED_PX, raw=True)
        if not all(plan.planes[0].lengths):
            raise ImageError(f"{path}: mask has tiles that are not there, {WANTED_CODES}")
        return _whole(path, tiff, plan, channels=1)[..., 0]


def _decoded(path: Path, turn: int) -> Pixels:
    with damage_told(path), open_tiff(path) as tiff:
        plan = plan_level(path, tiff, choose(path, tiff).levels[0], most_px=MAX_ASKED_PX)
        return turned(_whole(path, tiff, plan), turn)


def _whole(path: Path, tiff: TiffFile, plan: Level, channels: int = 3) -> Pixels:
    try:
        return Stored(tiff, [plan], channels).read(0, Box(0, 0, *plan.size_px))
    except TornError as torn:
        raise ImageError(
            f"{path}: cut short or damaged at x {torn.place.x}, y {torn.place.y} ({torn}); {REMEDY}"
        ) from None
