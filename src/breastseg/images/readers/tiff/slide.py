"""A TIFF as a slide of levels, read by boxes; a level is never decoded whole, unless it is one
compressed strip."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from tifffile import TiffFile

from breastseg.errors import ImageError, MppError
from breastseg.geometry import Box
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import MAX_STORED_PX, Pyramid
from breastseg.images.readers.orientation import UPRIGHT
from breastseg.images.readers.tiff.clues import clues_of, notes_of, scanner_tags, turn_of
from breastseg.images.readers.tiff.copies import check_copies
from breastseg.images.readers.tiff.damage import REMEDY, damage_told
from breastseg.images.readers.tiff.kinds import LARGE_PX
from breastseg.images.readers.tiff.levels import Level, is_cut, plan_level
from breastseg.images.readers.tiff.pictures import Pictures, choose
from breastseg.images.readers.tiff.stored import Stored, TornError
from breastseg.images.resolution import find_mpp
from breastseg.images.scanner import scanner_of
from breastseg.images.slide import Pixels


class TiffSlide(Pyramid):
    """A TIFF file with levels, or too large to hold. Tiles that were left out are white."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the directories and find the microns per pixel.

        Args:
            path: a TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: broken, not RGB or grey in 8 bits, turned by a tag, or several images.
            MppError: no mpp was given and the file has none that is plausible.
        """
        with damage_told(path), ExitStack() as undo:
            tiff = undo.enter_context(open_tiff(path))
            found = choose(path, tiff)
            turn = turn_of(found.page)
            if turn != UPRIGHT:
                raise ImageError(
                    f"{path}: turned by its orientation tag ({turn}), which is followed in images"
                    f" without levels up to {LARGE_PX // 10**6} Mpx alone; write it upright"
                )
            plans = [plan_level(path, tiff, pages, most_px=MAX_STORED_PX) for pages in found.levels]
            sizes = [plan.size_px for plan in plans]
            super().__init__(path, sizes, _mpp(path, mpp, tiff, found, plans))
            self.notes = notes_of(found)
            self.scanner = scanner_of(scanner_tags(tiff, found))
            self._pixels = Stored(tiff, plans)
            self.piece_px = max(plan.segment_px[0] * plan.segment_px[1] for plan in plans)
            check_copies(path, found, plans, self._pixels)
            undo.pop_all()  # from here on the file stays open

    def _stored(self, level: int, box: Box) -> Pixels:
        try:
            return self._pixels.read(level, box)
        except TornError as torn:
            raise self._broken(level, torn.place, torn) from None

    def close(self) -> None:
        """Let go of the file and of what was decoded."""
        self._pixels.close()


def _mpp(
    path: Path, mpp: float | None, tiff: TiffFile, found: Pictures, plans: Sequence[Level]
) -> tuple[float, str]:
    try:
        return find_mpp(path, mpp, clues_of(tiff, found))
    except MppError:
        if is_cut(tiff, plans):
            raise ImageError(
                f"{path}: cut short or damaged (it ends before its pixels do); {REMEDY}"
            ) from None
        raise
