"""Which of a TIFF's pictures is meant, in whatever order its directories lie: the one at full
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
"""A further picture of at least this part of the largest one's pixels might as well be the one that
is wanted."""
_ROUNDED_PX = 1.5
"""By how much the sides of a smaller copy may differ from a whole share of the full ones'."""
_WANTED = "wanted one picture; export the one that is wanted alone"

Size = tuple[int, int]


@dataclass(frozen=True)
class Pictures:
    """What was found in a TIFF.

    Attributes:
        levels: the pages of each level, the finest first: one, or three where each colour has a
            page of its own.
        spare: sizes of further pictures, neither copies of the one that is taken nor a scanner's
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
    """Find the picture at full resolution and its levels.

    The largest picture that does not call itself a reduced copy is taken. Pictures of the same size
    (a stack, planes of focus, channels, several fields) are refused, and so is another that is not
    much smaller and no copy. Levels are the SubIFDs, the tiled pages and the pages that call
    themselves reduced, where their shape is that of the whole.

    Raises:
        ImageError: several pictures might be meant, or none is there.
    """
    found = _pages(tiff)
    pages = [one for one in found if not one.page.subfiletype & _MASK]
    for one in pages:
        width, height = one.size
        if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise ImageError(
                f"{path}: {width} x {height} px, wanted 1 to {MAX_SIDE_PX} a side; copy or export"
                " it again"
            )
    if not pages:
        raise ImageError(f"{path}: a TIFF without a picture, {_WANTED}")
    scanner = tiff.is_svs and pages[0].page.is_tiled
    if scanner:
        pages = [one for one in pages if one.page.is_tiled and not one.page.subfiletype & _REDUCED]
    best = _best(pages)
    if (
        len(found) > len(pages)
        and not scanner
        and any(one.size == best.size and one not in pages for one in found)
    ):
        raise ImageError(
            f"{path}: a picture with a transparency mask in a page of its own, {_WANTED}"
        )
    same = [
        one
        for one in pages
        if one.size == best.size
        and (one is best or not (one.is_reduced and one.page.is_tiled is False))
    ]
    colours = _planes(path, tiff, best.page, len(same))
    if len(same) != colours:
        raise ImageError(
            f"{path}: {len(same)} pictures of {best.size[0]} x {best.size[1]} px (a stack, planes"
            f" of focus or several fields), {_WANTED}"
        )
    levels = _levels(same, pages)
    taken = {id(page) for level in levels for page in level}
    rest = [one for one in pages if id(one.page) not in taken and one.size != best.size]
    spare = [one.size for one in rest if not one.is_reduced and not scanner]
    rivals = [
        size
        for size in spare
        if _NOTICED * _area(size) >= _area(best.size) and not _is_copy(best.size, size)
    ]
    if rivals:
        names = " and ".join(f"{width} x {height}" for width, height in [best.size, *rivals[:3]])
        raise ImageError(f"{path}: several pictures, of {names} px, {_WANTED}")
    said = {
        id(one.page)
        for one in pages
        if one.is_reduced or one.above is not None or scanner or one in same
    }
    return Pictures(
        levels, tuple(spare), tuple(all(id(page) in said for page in level) for level in levels)
    )


def _pages(tiff: TiffFile) -> list[_Page]:
    chain = [tiff.pages[index] for index in range(len(tiff.pages))]
    found: list[_Page] = []
    for page in chain:
        if not isinstance(page, TiffPage):
            raise ValueError("a directory that cannot be read")
        found.append(_Page(page, None))
        found += [_Page(inner, page) for inner in page.pages or () if isinstance(inner, TiffPage)]
    return found


def _best(pages: Sequence[_Page]) -> _Page:
    """Return the largest page; one that calls itself reduced only where it is the whole of what
    else would be taken."""
    whole = [one for one in pages if not one.is_reduced] or list(pages)
    best = max(whole, key=lambda one: _area(one.size))
    larger = max(pages, key=lambda one: _area(one.size))
    return (
        larger
        if _area(larger.size) > _area(best.size) and _is_copy(larger.size, best.size)
        else best
    )


def _planes(path: Path, tiff: TiffFile, page: TiffPage, count: int) -> int:
    """Return how many pages the picture has: 3 where the file says that they are its colours;
    ImageError for other axes."""
    if tiff.is_svs:
        return 1
    series = next(
        (
            each
            for each in tiff.series
            if any(one is not None and one.offset == page.offset for one in each.pages)
        ),
        None,
    )
    if series is None:
        return 1
    sides = [
        (axis, length)
        for axis, length in zip(series.axes, series.shape, strict=True)
        if axis in "YXS" or length > 1
    ]
    axes = "".join(axis for axis, _ in sides)
    if axes == "CYX" and sides[0][1] == 3 and count == 3:
        return 3
    if axes in {"YX", "YXS", "SYX"} or (series.kind in {"generic", "uniform"} and count > 1):
        return 1
    shape = " x ".join(str(length) for _, length in sides)
    raise ImageError(
        f"{path}: axes {axes} of {shape}, wanted one picture in RGB or grey with 8 bits a channel;"
        " convert it"
    )


def _levels(same: Sequence[_Page], pages: Sequence[_Page]) -> tuple[tuple[TiffPage, ...], ...]:
    full, above = same[0].size, {id(one.page) for one in same}
    by_size: dict[Size, list[_Page]] = {full: list(same)}
    for one in sorted(pages, key=lambda one: (-_area(one.size), not one.page.is_tiled)):
        if (
            _area(one.size) < _area(full)
            and _is_copy(full, one.size)
            and _alike(one.page, same[0].page)
        ):
            below = one.above is not None and id(one.above) in above
            halves = one.is_reduced and _is_power(full, one.size)
            if below or one.page.is_tiled or halves:
                by_size.setdefault(one.size, []).append(one)
    levels = [
        tuple(one.page for one in level[: len(same)])
        for level in by_size.values()
        if len(level) >= len(same)
    ]
    return tuple(levels)


def _alike(page: TiffPage, full: TiffPage) -> bool:
    return (page.bitspersample, page.sampleformat, page.samplesperpixel) == (
        full.bitspersample,
        full.sampleformat,
        full.samplesperpixel,
    )


def _is_copy(full: Size, size: Size) -> bool:
    """Return whether a size is a share of the full one, the same across and down."""
    (x, y), (width, height) = (full[0] / size[0], full[1] / size[1]), size
    return abs(x - y) <= max(x, y) * _ROUNDED_PX * (1 / width + 1 / height) / 2 and min(x, y) > 1


def _is_power(full: Size, size: Size) -> bool:
    factor = 1
    while factor * 2 * size[0] < full[0] + 2 * factor:
        factor *= 2
    return all(
        abs(whole / factor - part) < _ROUNDED_PX for whole, part in zip(full, size, strict=True)
    )


def _size(page: Any) -> Size:
    return int(page.imagewidth), int(page.imagelength)


def _area(size: Size) -> int:
    return size[0] * size[1]
