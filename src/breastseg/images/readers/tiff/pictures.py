"""Which of a TIFF's images is meant, in whatever order its directories lie: the one at full
resolution, and its smaller copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tifffile import TiffFile, TiffPage

from breastseg.errors import ImageError
from breastseg.images.pyramid import MAX_SIDE_PX

_REDUCED, _MASK = 1, 4
"""Bits of NewSubfileType."""
_NOTICED = 4
"""A further image of at least this part of the largest one's pixels might as well be the one that
is wanted."""
_ROUNDED_PX = 1.5
"""By how much the sides of a smaller copy may differ from a whole share of the full ones'."""
_WANTED = "wanted one image; export the one that is wanted alone"

Size = tuple[int, int]


@dataclass(frozen=True)
class Pictures:
    """What was found in a TIFF.

    Attributes:
        levels: the pages of each level, the finest first: one, or three where each colour has a
            page of its own.
        spare: sizes of further images, neither copies of the one that is taken nor a scanner's
            label or macro.
        is_said: of each level, whether the file says that it is one; others are seen to be by their
            shape alone.
    """

    levels: tuple[tuple[TiffPage, ...], ...]
    spare: tuple[Size, ...]
    is_said: tuple[bool, ...]

    @property
    def page(self) -> TiffPage:
        """The (first) page of the finest level."""
        return self.levels[0][0]

    @property
    def size_px(self) -> Size:
        """(width, height) of the finest level."""
        return _size(self.page)


@dataclass(frozen=True)
class _Page:
    """A page, and the page whose SubIFD it is."""

    page: TiffPage
    above: TiffPage | None

    @property
    def size(self) -> Size:
        return _size(self.page)

    @property
    def is_reduced(self) -> bool:
        return bool(self.page.subfiletype & _REDUCED)


def choose(path: Path, tiff: TiffFile) -> Pictures:
    """Find the image at full resolution and its levels.

    The largest image that does not call itself a reduced copy is taken. Images of the same size
    (a stack, planes of focus, channels, several fields) are refused, and so is another that is not
    much smaller and no copy. Levels are the SubIFDs, the tiled pages and the pages that call
    themselves reduced, where their shape is that of the whole.

    Raises:
        ImageError: several images might be meant, or none is there.
    """
    found = _pages(tiff)
    pages = [one for one in found if not one.page.subfiletype & _MASK]
    _check_sizes(path, pages)
    scanner = tiff.is_svs and pages[0].page.is_tiled
    if scanner:
        # Label, macro and thumbnail of an SVS are in strips.
        pages = [one for one in pages if one.page.is_tiled and not one.is_reduced]
    best = _best(pages)
    masks = [one for one in found if one.page.subfiletype & _MASK]
    if not scanner and any(one.size == best.size for one in masks):
        raise ImageError(
            f"{path}: an image with a transparency mask in a page of its own, {_WANTED}"
        )
    same = _of_its_size(best, pages)
    colours = _planes(path, tiff, best.page, len(same))
    if len(same) != colours:
        raise ImageError(
            f"{path}: {len(same)} images of {best.size[0]} x {best.size[1]} px (a stack, planes"
            f" of focus or several fields), {_WANTED}"
        )
    levels = _levels(same, pages)
    spare = [] if scanner else _spare(best, pages, levels)
    _check_rivals(path, best, spare)
    said = set()
    for one in pages:
        if one.is_reduced or one.above is not None or scanner or one in same:
            said.add(id(one.page))
    is_said = []
    for level in levels:
        is_said.append(all(id(page) in said for page in level))
    return Pictures(levels, tuple(spare), tuple(is_said))


def _check_sizes(path: Path, pages: Sequence[_Page]) -> None:
    """Refuse a size that no image has, and a file without any."""
    for one in pages:
        width, height = one.size
        if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise ImageError(
                f"{path}: {width} x {height} px, wanted 1 to {MAX_SIDE_PX} a side; copy or export"
                " it again"
            )
    if not pages:
        raise ImageError(f"{path}: a TIFF without an image, {_WANTED}")


def _of_its_size(best: _Page, pages: Sequence[_Page]) -> list[_Page]:
    """Return the pages of the size of the best, it among them; a reduced copy in strips is none:
    the label of a small scan may have its size."""
    same = []
    for one in pages:
        is_copy_in_strips = one.is_reduced and one.page.is_tiled is False
        if one.size == best.size and (one is best or not is_copy_in_strips):
            same.append(one)
    return same


def _spare(best: _Page, pages: Sequence[_Page], levels: Sequence[Sequence[TiffPage]]) -> list[Size]:
    """Return the sizes of images that are neither levels nor call themselves reduced."""
    taken: set[int] = set()
    for level in levels:
        taken.update(id(page) for page in level)
    rest = [one for one in pages if id(one.page) not in taken and one.size != best.size]
    return [one.size for one in rest if not one.is_reduced]


def _check_rivals(path: Path, best: _Page, spare: Sequence[Size]) -> None:
    """Refuse further images that might as well be the one that is wanted."""
    rivals = []
    for size in spare:
        is_noticed = _NOTICED * _area(size) >= _area(best.size)
        if is_noticed and not _is_copy(best.size, size):
            rivals.append(size)
    if rivals:
        names = " and ".join(f"{width} x {height}" for width, height in [best.size, *rivals[:3]])
        raise ImageError(f"{path}: several images, of {names} px, {_WANTED}")


def _pages(tiff: TiffFile) -> list[_Page]:
    """Return the pages of the chain, each followed by its SubIFDs."""
    found: list[_Page] = []
    for index in range(len(tiff.pages)):
        page = tiff.pages[index]
        if not isinstance(page, TiffPage):
            raise ValueError("a directory that cannot be read")
        found.append(_Page(page, None))
        for inner in page.pages or ():
            if isinstance(inner, TiffPage):
                found.append(_Page(inner, page))
    return found


def _best(pages: Sequence[_Page]) -> _Page:
    """Return the largest page; one that calls itself reduced only where it is the whole of what
    else would be taken."""
    whole = [one for one in pages if not one.is_reduced] or list(pages)
    best = max(whole, key=lambda one: _area(one.size))
    largest = max(pages, key=lambda one: _area(one.size))
    # Some programs call the full resolution reduced, and its copy not.
    if _area(largest.size) > _area(best.size) and _is_copy(largest.size, best.size):
        return largest
    return best


def _planes(path: Path, tiff: TiffFile, page: TiffPage, count: int) -> int:
    """Return how many pages the image has: 3 where the file says that they are its colours;
    ImageError for other axes."""
    if tiff.is_svs:
        return 1
    series = _series_of(tiff, page)
    if series is None:
        return 1
    # Axes of length 1, as one time, say nothing.
    axes = ""
    lengths = []
    for axis, length in zip(series.axes, series.shape, strict=True):
        if axis in "YXS" or length > 1:
            axes += axis
            lengths.append(length)
    if axes == "CYX" and lengths[0] == 3 and count == 3:
        return 3
    # Pages that tifffile put together by their size alone are counted by the caller.
    if axes in {"YX", "YXS", "SYX"} or (series.kind in {"generic", "uniform"} and count > 1):
        return 1
    shape = " x ".join(map(str, lengths))
    raise ImageError(
        f"{path}: axes {axes} of {shape}, wanted one image in RGB or grey with 8 bits a channel;"
        " convert it"
    )


def _series_of(tiff: TiffFile, page: TiffPage) -> Any | None:
    """Return the series that tifffile counts a page to; None where to none."""
    for series in tiff.series:
        for one in series.pages:
            if one is not None and one.offset == page.offset:
                return series
    return None


def _levels(same: Sequence[_Page], pages: Sequence[_Page]) -> tuple[tuple[TiffPage, ...], ...]:
    """Return the pages of each level, from the finest on: as many a level as the full image
    has."""
    full = same[0].size
    above = {id(one.page) for one in same}
    by_size: dict[Size, list[_Page]] = {full: list(same)}
    # Of two of one size the tiled one is taken.
    for one in sorted(pages, key=lambda one: (-_area(one.size), not one.page.is_tiled)):
        is_smaller = _area(one.size) < _area(full)
        if not (is_smaller and _is_copy(full, one.size) and _alike(one.page, same[0].page)):
            continue
        is_below = one.above is not None and id(one.above) in above
        is_halved = one.is_reduced and _is_power(full, one.size)
        if is_below or one.page.is_tiled or is_halved:
            by_size.setdefault(one.size, []).append(one)
    levels = []
    for level in by_size.values():
        if len(level) >= len(same):
            levels.append(tuple(one.page for one in level[: len(same)]))
    return tuple(levels)


def _alike(page: TiffPage, full: TiffPage) -> bool:
    """Return whether two pages store their samples alike."""
    names = ("bitspersample", "sampleformat", "samplesperpixel")
    return all(getattr(page, name) == getattr(full, name) for name in names)


def _is_copy(full: Size, size: Size) -> bool:
    """Return whether a size is a share of the full one, the same across and down."""
    width, height = size
    x, y = full[0] / width, full[1] / height
    # A side that is off by this many pixels changes the ratio by its share of that side.
    slack = max(x, y) * _ROUNDED_PX * (1 / width + 1 / height) / 2
    return abs(x - y) <= slack and min(x, y) > 1


def _is_power(full: Size, size: Size) -> bool:
    """Return whether a size is the full one halved again and again."""
    factor = 1
    while factor * 2 * size[0] < full[0] + 2 * factor:
        factor *= 2
    is_width = abs(full[0] / factor - size[0]) < _ROUNDED_PX
    is_height = abs(full[1] / factor - size[1]) < _ROUNDED_PX
    return is_width and is_height


def _size(page: Any) -> Size:
    return int(page.imagewidth), int(page.imagelength)


def _area(size: Size) -> int:
    return size[0] * size[1]
