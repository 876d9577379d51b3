"""What a picture looks like before any model sees it: where is tissue, is it H&E, and is there
anything on it?"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.geometry import scaled_size
from breastseg.images.resample import resample_pixels
from breastseg.images.slide import Pixels, Slide

TISSUE_DENSITY = 0.15
"""Mean optical density above which a pixel counts as tissue."""
LITTLE_TISSUE = 0.02
"""Share of tissue below which a picture is nearly empty."""
GREEN_OVER = 1.05
"""H&E absorbs green most: of 120 real fields of five hospitals the least had 1.21 times the density
of red, 1.46 times that of blue."""
_LOOK_PX = 1024

MASK_MPP = 8.0
MASK_PIXELS = 10_000_000
"""Most pixels of a mask: a slide of 100,000 px square at 0.25 um/px has 9.8 million at 8 um/px; a
larger one gets a coarser mask."""

STAINED, PALE = 0.06, 0.02
"""Stain (see `find_tissue`) of tissue, and of pale tissue, averaged over 40 um. The palest of 120
real fields has 0.024 at its first percentile; the glass of a real overview, stitched from tiles of
slightly different colour, has up to 0.013."""
ROUGH, ROUGH_NOISE = 0.008, 1.5
"""Least standard deviation of density within 72 um, from a plane fitted there, where fat is: fat at
8 um/px has 0.01 to 0.05, glass 0.001 to 0.006. Where the glass itself is noisy, this many times its
own."""
COLOURED = 0.06
"""Least slope of stain on density within 400 um: fat has 0.1 to 0.6; dust, scratches and coverslip
edges have 0, being grey."""
BLUISH = 1.12
"""Density of red over that of green above which a colour is ink: blue and green pens have 1.15 and
more, H&E at most 0.85, a kidney that is mostly haematoxylin 1.10."""

GLASS_UM = 360.0
"""Width from which on glass at the edge of a flat picture is taken for what lies around tissue: up
to it holes in a slide's tissue are filled. Fat cells are 50 to 150 um across, and `find_tissue`
sees their membranes: it leaves out nothing of 240 real fields full of tissue. Of 18 cores of tissue
arrays three have a strip of 100 to 150 um at their edge; a small section on its slide has 400, an
empty field of 500 um with specks on it 450."""
EMPTY_UM = 200.0
"""Shorter side from which on a picture that is glass throughout has no tissue: a smaller one may
lie inside a large fat cell."""
_SAMPLES = 12
"""Pixels of a flat picture that are averaged along each side of a pixel of its mask; more take
longer, and tell no more."""
_LIGHT, _GREY = 120, 24
"""Least value and most colour of glass."""
_BLACK = 20
"""Least value of what was scanned."""
_SEEMS_UM, _SEEMS_GLASS = 0.7 * GLASS_UM, 0.5
"""Side of a square inside a disc of `GLASS_UM`, and the share of its single pixels that are light:
0.97 and more in glass, under 0.5 in 140 of 145 fields of breast."""
_SOFT_UM, _ROUGH_UM, _WIDE_UM, _SLOPE_UM, _SHARE_UM = 40.0, 72.0, 168.0, 400.0, 600.0
_CLOSE_UM, _INK_UM, _INK_RIM_UM = 80.0, 100.0, 160.0
_HOLE_MM2, _EDGE_HOLE_MM2, _LEAST_MM2, _SPECK_MM2 = 0.1, 0.02, 0.01, 0.02
_DENSITY = -np.log(np.maximum(np.arange(256), 1) / 255).astype(np.float32)
_BAND_PX = 512
_WAY_ROWS = 16

Mask: TypeAlias = npt.NDArray[np.bool_]
Plane: TypeAlias = npt.NDArray[np.float32]
Numbers: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True)
class _Glass:
    """Optical density of clean glass (red, green, blue), and the standard deviation of its mean
    within `_ROUGH_UM`."""

    density: tuple[float, float, float]
    noise: float


def tissue_mask(slide: Slide, *, mpp: float = MASK_MPP) -> Mask:
    """Find the tissue of a whole slide.

    Args:
        slide: any slide; one coarser than `mpp` is taken as it is.
        mpp: microns per pixel of the mask; coarser where it would have more than `MASK_PIXELS`.

    Returns:
        (H, W) over the whole slide: its sides are the slide's, divided by the mask's um/px over the
        slide's.
    """
    width, height = slide.size_px
    mpp = max(mpp, slide.mpp, slide.mpp * (width * height / MASK_PIXELS) ** 0.5)
    return find_tissue(slide.read(mpp=mpp), mpp=mpp)


def picture_mask(pixels: Pixels, *, mpp: float, always: bool) -> Mask | None:
    """Find the tissue of a flat picture; unless `always`, only where it lies on glass.

    A person who cut a field out meant all of it: lumens, fat and a strip of glass at its edge
    too. So there is a mask only where glass that touches the picture's edge is `GLASS_UM` wide,
    or the picture is glass throughout and no side is shorter than `EMPTY_UM`; and it leaves out
    glass alone. Glass is what `find_tissue` leaves out, if it is nearly grey, not darker than
    120 of 255 and within `TISSUE_DENSITY` of the lightest glass there is, or black (under 20 of
    255: not scanned, or painted over); with the specks in it. What else `find_tissue` leaves out
    (pen, tissue as dark as ink or without colour) is looked at where it is larger than a speck
    or touches tissue. A picture that has one colour to the bit has no tissue, whichever colour
    it is.

    Args:
        pixels: (H, W, 3) uint8.
        mpp: their microns per pixel.
        always: return what `find_tissue` finds, whatever the picture is.

    Returns:
        (h, w) over the whole picture, at about `MASK_MPP`, or coarser as in `tissue_mask`; None
        takes everything for tissue. Quarter turns and mirrors of the picture turn the mask, to the
        pixel.
    """
    mask_mpp = max(mpp, MASK_MPP, mpp * (pixels.shape[0] * pixels.shape[1] / MASK_PIXELS) ** 0.5)
    if _is_one_colour(pixels):
        tissue = np.zeros(_odd_size(pixels, mpp, mask_mpp)[::-1], np.bool_)
        return tissue if always or _is_around_tissue(~tissue, mask_mpp) else None
    way = _way(pixels)
    laid = _laid(pixels, way)
    if not (always or _seems_glass(laid, mpp)):
        return None
    step = max(1, int(mask_mpp / mpp / _SAMPLES))
    small = resample_pixels(_contiguous(laid[::step, ::step]), _odd_size(laid, mpp, mask_mpp))
    tissue = find_tissue(small, mpp=mask_mpp)
    if not always:
        glass = _find_bare_glass(small, tissue, mask_mpp)
        if not _is_around_tissue(glass, mask_mpp):
            return None
        tissue = ~glass
    return np.ascontiguousarray(_laid_back(tissue, way))


def _odd_size(pixels: Pixels, mpp: float, mask_mpp: float) -> tuple[int, int]:
    """Return (width, height) of a picture's mask: odd, so that the middle of the picture is the
    middle of a pixel from every side."""
    width, height = scaled_size((pixels.shape[1], pixels.shape[0]), mpp, mask_mpp)
    return (width - 1) | 1, (height - 1) | 1


def _seems_glass(pixels: Pixels, mpp: float) -> bool:
    """Return whether it is worth a closer look: one pixel in 8 um is looked at, a hundredth of the
    time that the whole takes."""
    step = max(1, round(MASK_MPP / mpp))
    rows, columns = (slice(min(step, side) // 2, None, step) for side in pixels.shape[:2])
    most, least = _extremes(*cv2.split(_contiguous(pixels[rows, columns])))
    light = ((least >= _LIGHT) & (most - least <= _GREY)) | (most < _BLACK)
    return bool(
        cv2.blur(light.astype(np.float32), square(_SEEMS_UM, step * mpp)).max() >= _SEEMS_GLASS
    )


def _find_bare_glass(pixels: Pixels, tissue: Mask, mpp: float) -> Mask:
    """Return what is neither tissue nor something else that the mask leaves out: (H, W)."""
    channels = cv2.split(pixels)
    most, least = _extremes(*channels)
    density = _mean([cv2.LUT(channel, _DENSITY) for channel in channels])
    darkest = np.mean(_find_glass(pixels, mpp).density) + TISSUE_DENSITY
    light = (least >= _LIGHT) & (most - least <= _GREY) & (density < darkest)
    foreign = ~(tissue | light | (most < _BLACK))
    _, labels, table, _ = cv2.connectedComponentsWithStats(_bytes(foreign), connectivity=8)
    stays = table[:, cv2.CC_STAT_AREA] > _SPECK_MM2 * 1e6 / mpp**2
    stays[labels[foreign & (cv2.dilate(_bytes(tissue), np.ones((3, 3), np.uint8)) > 0)]] = True
    stays[0] = False  # what is not foreign
    return np.asarray(~(tissue | stays[labels]))


def _is_around_tissue(glass: Mask, mpp: float) -> bool:
    """Return whether glass is all there is, or wider at the picture's edge than lumens and fat
    cells are."""
    if glass.all():
        return bool(min(glass.shape) * mpp >= EMPTY_UM)
    _, labels = cv2.connectedComponents(_bytes(glass), connectivity=4)
    at_edge = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    outer = np.isin(labels, at_edge[at_edge > 0])
    framed = np.pad(_bytes(outer), 1)  # what lies beyond the edge is not known
    radius_px = float(
        cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max()
    )  # to the middle of a pixel outside
    return (2 * radius_px - 1) * mpp >= GLASS_UM


def _is_one_colour(pixels: Pixels) -> bool:
    return all(
        (pixels[top : top + _WAY_ROWS] == pixels[0, 0]).all()
        for top in range(0, pixels.shape[0], _WAY_ROWS)
    )


def _way(pixels: Pixels) -> int:
    """Choose one of the eight ways to lay a picture by what is on it: turned pictures become the
    same one, and are rounded alike."""
    ways = list(range(8))
    for top in range(0, max(pixels.shape[:2]), _WAY_ROWS):
        rows = {way: _laid(pixels, way)[top : top + _WAY_ROWS] for way in ways}
        told = {way: (laid.shape, laid.tobytes()) for way, laid in rows.items()}
        ways = [way for way in ways if told[way] == min(told.values())]
        if len(ways) == 1:
            break
    return ways[0]


def _laid(picture: Numbers, way: int) -> Numbers:
    """Mirror down (1) and across (2), then exchange rows and columns (4)."""
    mirrored = picture[:: -1 if way & 1 else 1, :: -1 if way & 2 else 1]
    return mirrored.swapaxes(0, 1) if way & 4 else mirrored


def _laid_back(mask: Mask, way: int) -> Mask:
    exchanged = mask.T if way & 4 else mask
    return exchanged[:: -1 if way & 1 else 1, :: -1 if way & 2 else 1]


def _contiguous(pixels: Pixels) -> Pixels:
    """Copy what is not in order (NumPy alone takes five times as long where rows and columns are
    exchanged)."""
    exchanged = abs(pixels.strides[0]) < abs(pixels.strides[1])
    return (
        cv2.transpose(np.ascontiguousarray(pixels.swapaxes(0, 1)))
        if exchanged
        else np.ascontiguousarray(pixels)
    )


def find_tissue(pixels: Pixels, *, mpp: float) -> Mask:
    """Find tissue by the colour and the roughness of H&E.

    Density is optical density relative to glass. Stain is the density of green above the mean of
    red and blue: grey has none, however dark, so that shadow, vignetting, dust, scratches,
    coverslip edges and black ink have none.

    Glass is what is smooth, nearly grey and not darker than 120 of 255; its colour is the median of
    the brightest third of it, left out what has one value to the bit (places that were not
    scanned). Where there is less of it than 0.2 %, as in a core or a field that is all tissue,
    glass is taken to be white.

    1. Stained tissue: stain above `STAINED`.
    2. Pale tissue: stain above `PALE`; or as rough as the membranes of fat cells, with a stain that
    rises with density (`ROUGH`,
       `COLOURED`); and not `BLUISH`. It counts where more than half of 168 um is so.
    3. Gaps up to 80 um are closed, holes up to 0.1 mm2 filled (0.02 mm2 at the picture's edge,
    where nobody knows how they go on).
    4. Ink is left out: at least 100 um wide and dark, with red absorbed more than green (blue and
    green, `BLUISH`), no colour (black),
       or green and blue alike without red (red). In 120 real fields red has at most 0.85 of green's
       density, blue at most 0.75, and the channels differ by at least 0.35 of their mean. Purple
       ink has the colour of H&E and stays in.
    5. Pieces under 0.01 mm2 are left out, unless they touch the picture's edge.

    Args:
        pixels: (H, W, 3) uint8.
        mpp: their microns per pixel, best 8.

    Returns:
        (H, W).
    """
    glass = _find_glass(pixels, mpp)
    stained, pale, ink = _evidence(pixels, glass, mpp)
    solid = cv2.blur((stained | pale) * np.uint8(255), square(_WIDE_UM, mpp)) >= 128
    solid = cv2.erode(
        _bytes(solid), disc(_ROUGH_UM, mpp)
    )  # roughness reaches this far over the edge
    solid |= cv2.morphologyEx(_bytes(stained), cv2.MORPH_OPEN, disc(_SOFT_UM, mpp))
    wide_ink = cv2.morphologyEx(_bytes(ink), cv2.MORPH_OPEN, disc(_INK_UM, mpp))
    no_ink = cv2.dilate(wide_ink, disc(_INK_RIM_UM, mpp)) == 0
    tissue = (cv2.morphologyEx(solid, cv2.MORPH_CLOSE, disc(_CLOSE_UM, mpp)) > 0) & no_ink
    if tissue.any():
        tissue |= _pieces(~tissue, mpp, _HOLE_MM2, _EDGE_HOLE_MM2, larger=False) & no_ink
    return _pieces(tissue, mpp, _LEAST_MM2, 0.0, larger=True)


def _find_glass(pixels: Pixels, mpp: float) -> _Glass:
    found = []
    for rows, inner in _bands(pixels.shape[0], mpp):
        channels = cv2.split(pixels[rows])
        density = _mean([cv2.LUT(channel, _DENSITY) for channel in channels])
        level, spread = (
            cv2.blur(density, square(_ROUGH_UM, mpp))[inner],
            _deviation(density, mpp)[inner],
        )
        most, least = _extremes(*(channel[inner] for channel in channels))
        smooth = (spread < 0.013) & (least >= _LIGHT) & (most - least <= _GREY)
        found.append(
            [plane[smooth] for plane in (level, spread, *(channel[inner] for channel in channels))]
        )
    level, spread, *channels = (np.concatenate(parts) for parts in zip(*found, strict=True))
    enough = 0.002 * pixels.shape[0] * pixels.shape[1]
    scanned = spread > 5e-4
    if scanned.sum() < enough:
        scanned[:] = True
    if scanned.sum() < enough:
        return _Glass((0.0, 0.0, 0.0), 0.0)
    # The brightest third of places, not of pixels: noise has bright pixels too, in whichever colour
    # it is loudest.
    bright = scanned & (level <= np.quantile(level[scanned], 1 / 3))
    red, green, blue = (float(_DENSITY[int(np.median(channel[bright]))]) for channel in channels)
    return _Glass((red, green, blue), float(np.median(spread[scanned])))


def _evidence(pixels: Pixels, glass: _Glass, mpp: float) -> tuple[Mask, Mask, Mask]:
    """Return where pixels are stained, pale tissue, and of the colour of ink: each (H, W)."""
    found = np.empty((3, *pixels.shape[:2]), np.bool_)
    for rows, inner in _bands(pixels.shape[0], mpp):
        kept = slice(rows.start + inner.start, rows.start + inner.stop)
        for whole, part in zip(found, _evidence_of_band(pixels[rows], glass, mpp), strict=True):
            whole[kept] = part[inner]
    return found[0], found[1], found[2]


def _evidence_of_band(pixels: Pixels, glass: _Glass, mpp: float) -> tuple[Mask, Mask, Mask]:
    channels = cv2.split(pixels)
    red, green, blue = (
        cv2.LUT(channel, _DENSITY - np.float32(clean))
        for channel, clean in zip(channels, glass.density, strict=True)
    )
    # Glass may be greenish; glass as pink as pale tissue is pale tissue.
    tint = glass.density[1] - (glass.density[0] + glass.density[2]) / 2
    stain = green - (red + blue) * np.float32(0.5) + np.float32(max(0.0, tint - PALE))
    soft = cv2.blur(stain, square(_SOFT_UM, mpp))
    most, least = _extremes(*channels)
    scanned = (most >= _BLACK) & ((least < 253) | (max(glass.density) < 0.02))
    bluish = cv2.blur(red - BLUISH * green, square(_SOFT_UM, mpp)) > 0.01
    ink = _is_ink(red, green, blue)
    membranes = _membranes(_mean([red, green, blue]), stain, ink, glass, mpp)
    return scanned & (soft > STAINED), ((scanned & (soft > PALE)) | membranes) & ~bluish, ink


def _membranes(density: Plane, stain: Plane, ink: Mask, glass: _Glass, mpp: float) -> Mask:
    """Find what is rough with a stain that rises with density: (H, W)."""
    soft, wide, wider = square(_SOFT_UM, mpp), square(_SLOPE_UM, mpp), square(_SHARE_UM, mpp)
    high, colour = (cv2.blur(plane, soft) for plane in (density, stain))
    high, colour = (plane - cv2.blur(plane, wide) for plane in (high, colour))
    # A speck of dust or a pen is no argument for or against the membranes around it.
    foreign = (
        cv2.dilate(_bytes(ink | ((high > 0.1) & (colour < 0.1 * high))), disc(_CLOSE_UM, mpp)) > 0
    )
    high, colour = np.where(foreign, 0, high), np.where(foreign, 0, colour)
    least = max(ROUGH, ROUGH_NOISE * glass.noise)
    coloured = cv2.blur(high * colour, wide) > COLOURED * cv2.blur(high * high, wide)
    rough = (_deviation(density, mpp) > least) & ~foreign
    # Compression takes the colour out of many membranes: a third of what is rough within a wider
    # window decides for all of it.
    share = cv2.blur((rough & coloured).astype(np.float32), wider)
    return np.asarray(rough & (share > 0.3 * cv2.blur(rough.astype(np.float32), wider)))


def _is_ink(red: Plane, green: Plane, blue: Plane) -> Mask:
    red, green, blue = (cv2.blur(plane, (3, 3)) for plane in (red, green, blue))
    mean = _mean([red, green, blue])
    most, least = _extremes(red, green, blue)
    blue_or_green = (mean > 0.2) & (red > BLUISH * green)
    black = (mean > 0.6) & (most - least < 0.2 * mean)
    reddish = (green > 0.6) & (blue > 0.8 * green) & (red < 0.3 * green)
    return np.asarray(blue_or_green | black | reddish)


def _pieces(mask: Mask, mpp: float, mm2: float, edge_mm2: float, *, larger: bool) -> Mask:
    """Return the pieces of a mask of at least so many mm2 (or, not `larger`, at most), with a limit
    of its own at the picture's edge."""
    height, width = mask.shape
    _, labels, table, _ = cv2.connectedComponentsWithStats(
        _bytes(mask), connectivity=8 if larger else 4
    )
    x, y, wide, high, area = table.T
    limit = (
        np.where((x == 0) | (y == 0) | (x + wide == width) | (y + high == height), edge_mm2, mm2)
        * 1e6
        / mpp**2
    )
    kept = area >= limit if larger else area <= limit
    kept[0] = False  # what is not in the mask
    return np.asarray(kept[labels])


def _bands(height: int, mpp: float) -> list[tuple[slice, slice]]:
    """Cut rows into bands, so that planes of floats stay small: rows to look at, and of these the
    rows to keep."""
    reach = round((_SOFT_UM + 2 * _SLOPE_UM + _SHARE_UM) / 2 / mpp) + 4
    starts = [
        (max(0, top - reach), top, min(height, top + _BAND_PX))
        for top in range(0, height, _BAND_PX)
    ]
    return [
        (slice(first, min(height, end + reach)), slice(top - first, end - first))
        for first, top, end in starts
    ]


def _mean(planes: list[Plane]) -> Plane:
    red, green, blue = planes
    return np.asarray((red + green + blue) * np.float32(1 / 3), np.float32)


def _extremes(red: Numbers, green: Numbers, blue: Numbers) -> tuple[Numbers, Numbers]:
    """Return the largest and the least channel (NumPy's max over an axis of three is ten times as
    slow)."""
    return cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue)


def _deviation(plane: Plane, mpp: float) -> Plane:
    """Return the standard deviation within `_ROUGH_UM` from a plane fitted there: soft shadows
    slope, but are smooth."""
    side = square(_ROUGH_UM, mpp)
    mean = cv2.blur(plane, side)
    variance = cv2.sqrBoxFilter(plane, -1, side) - mean * mean
    flat = np.full(side[0], 1 / side[0])
    ramp = np.arange(side[0]) - side[0] // 2
    ramp = ramp / max(1.0, float(np.linalg.norm(ramp)) * side[0] ** 0.5)
    for across, down in ((ramp, flat), (flat, ramp)):
        slope = cv2.sepFilter2D(plane, -1, across, down)
        variance -= slope * slope
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def square(um: float, mpp: float) -> tuple[int, int]:
    """Return the sides in pixels, odd, of a square this wide."""
    side = max(1, round(um / mpp)) | 1
    return side, side


def disc(um: float, mpp: float) -> npt.NDArray[np.uint8]:
    """Return a disc of this diameter, which a quarter turn leaves as it is (OpenCV's ellipse is
    not)."""
    radius = round(um / 2 / mpp)
    steps = np.arange(-radius, radius + 1)
    return (steps[:, None] ** 2 + steps**2 <= (radius + 0.3) ** 2).astype(np.uint8)


def _bytes(mask: Mask) -> npt.NDArray[np.uint8]:
    return mask.view(np.uint8)


def doubts(pixels: Pixels, *, glass_named: bool = False) -> list[str]:
    """Say what speaks against a picture being H&E with tissue on it; nothing for an ordinary field.

    Args:
        pixels: (H, W, 3) uint8.
        glass_named: its map has labels on glass too.

    Returns:
        one sentence a doubt, with what was measured.
    """
    height, width = pixels.shape[:2]
    shrink = min(1.0, _LOOK_PX / max(height, width))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if shrink < 1 else pixels
    density = -np.log(np.maximum(small, 1) / 255.0)
    tissue = density.mean(axis=2) > TISSUE_DENSITY
    share = float(tissue.mean())
    if share < LITTLE_TISSUE:
        named = "; the map names the glass too" if glass_named else ""
        return [f"nearly empty: {100 * share:.1f} % of it is darker than glass{named}"]
    red, green, blue = density[tissue].mean(axis=0)
    if green < GREEN_OVER * max(red, blue):
        return [
            f"does not look like H&E: optical density of its tissue is {red:.2f} red, {green:.2f}"
            f" green, {blue:.2f} blue, and H&E absorbs green most; the model has seen nothing else"
        ]
    return []
