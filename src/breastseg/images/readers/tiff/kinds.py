"""Which reader a TIFF is for, by its directories alone."""

from itertools import islice
from pathlib import Path

from tifffile import TiffPage

from breastseg.errors import BreastsegError, ImageError
from breastseg.images.directories import open_tiff
from breastseg.images.pyramid import DAMAGE
from breastseg.images.readers.tiff.damage import WANTED, damage_told
from breastseg.images.readers.tiff.pictures import choose
from breastseg.images.readers.tiff.pixels import depth_unfit, unfit

LARGE_PX = 25_000_000
"""A TIFF without levels up to this size is a flat image."""
_FIRST_PAGES = 32
"""Directories that are looked at where a scanner's file is another reader's."""


def is_large(path: Path) -> bool:
    """Return whether a TIFF has levels, says that it is OME, or is too large to hold and stored in
    pieces."""
    with damage_told(path), open_tiff(path) as tiff:
        found = choose(path, tiff)
        if tiff.is_ome or len(found.levels) > 1:
            return True
        page = found.page
        width, height = found.size_px
        # One compressed strip is decoded whole by either reader.
        in_pieces = page.is_tiled or page.is_contiguous or len(page.dataoffsets) > 1
        return bool(width * height > LARGE_PX and in_pieces and unfit(page) is None)


def is_plain(path: Path) -> bool:
    """Return whether every tile of a scanner's TIFF is there and decoded here: the same pixels as
    OpenSlide's, in a fifth of the time."""
    check_depth(path)
    with damage_told(path), open_tiff(path) as tiff:
        levels = choose(path, tiff).levels
        return all(_is_whole(page) for level in levels for page in level)


def _is_whole(page: TiffPage) -> bool:
    """Return whether every tile of a page is there, of a kind that is decoded here."""
    lengths = page.databytecounts
    return bool(unfit(page) is None and page.is_tiled and lengths and all(lengths))


def check_depth(path: Path) -> None:
    """Refuse a scanner's TIFF whose tiles have more or less than 8 bits a sample, of which
    OpenSlide would give the upper ones alone.

    Raises:
        ImageError: it has, or its directories are damaged; what else is broken is left to the
            reader that it is for.
    """
    try:
        with open_tiff(path) as tiff:
            first = list(islice(tiff.pages, _FIRST_PAGES))
            tiled = [page for page in first if isinstance(page, TiffPage) and page.is_tiled]
            reasons = [depth_unfit(page) for page in tiled]
    except BreastsegError:
        raise
    except DAMAGE:
        return
    for reason in reasons:
        if reason:
            raise ImageError(f"{path}: {reason}, {WANTED}")
