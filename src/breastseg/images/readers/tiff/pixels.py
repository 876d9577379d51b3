"""What the samples of a TIFF's page mean, and how its tiles or strips become colours: the same
whatever the number of levels."""

from collections.abc import Callable
from typing import TypeAlias

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, TiffPage

from breastseg.images.claims import claimed_px, read_jpeg_head

Segment: TypeAlias = npt.NDArray[np.uint8]
"""A decoded tile or strip: (H, W, samples) uint8."""
Decode: TypeAlias = Callable[[bytes, int], Segment]
"""From the bytes of a tile or strip and its number to its pixels."""

_CLAIMED = 4
"""Times the pixels of its place that a tile may say it has."""
_LOSSLESS = {
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
    COMPRESSION.ZSTD_DEPRECATED,
    COMPRESSION.LZMA,
}
_JPEG_2000 = {COMPRESSION.APERIO_JP2000_RGB, COMPRESSION.JPEG_2000_LOSSY, COMPRESSION.JPEG2000}
_PICTURES = {
    *_JPEG_2000,
    COMPRESSION.JPEG,
    COMPRESSION.WEBP,
    COMPRESSION.JPEGXL,
    COMPRESSION.JPEGXL_DNG,
}
_COLOURS = {
    PHOTOMETRIC.RGB: 3,
    PHOTOMETRIC.YCBCR: 3,
    PHOTOMETRIC.MINISBLACK: 1,
    PHOTOMETRIC.MINISWHITE: 1,
    PHOTOMETRIC.PALETTE: 1,
}
_NAMES = {
    PHOTOMETRIC.SEPARATED: "CMYK",
    PHOTOMETRIC.CIELAB: "CIELab",
    PHOTOMETRIC.ICCLAB: "ICCLab",
    PHOTOMETRIC.YCBCR: "YCbCr",
}


def unfit(page: TiffPage) -> str | None:
    """Say in words why a page cannot be read as colours of 8 bits; None when it can."""
    return depth_unfit(page) or _compression_unfit(page) or _samples_unfit(page)


def depth_unfit(page: TiffPage) -> str | None:
    """Say in words what a sample is when it is not 8 bits without sign; None when it is."""
    bits, kind = page.bitspersample, "" if page.dtype is None else page.dtype.kind
    if bits == 8 and page.sampleformat in {1, 4} and page.dtype == np.uint8:
        return None
    signs = {"i": "signed ", "f": "floating-point ", "c": "complex "}
    number = ", ".join(map(str, bits)) if isinstance(bits, tuple) else str(bits)
    return f"{signs.get(kind, '')}{number}-bit pixels"


def mask_unfit(page: TiffPage) -> str | None:
    """Say in words why the samples of a page are not surely label codes; None when they are."""
    reason = depth_unfit(page)
    if reason is not None:
        return reason
    if page.compression not in _LOSSLESS:
        name = _name(COMPRESSION, page.compression)
        return f"pixels in {name} compression, which may change codes"
    is_of_codes = page.photometric in {PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.PALETTE}
    if is_of_codes and page.samplesperpixel == 1:
        return None
    channels = f" in {page.samplesperpixel} channels" if page.samplesperpixel > 1 else ""
    return f"{_colours(page)} colours{channels}"


def _compression_unfit(page: TiffPage) -> str | None:
    name = _name(COMPRESSION, page.compression)
    if page.compression not in _LOSSLESS | _PICTURES:
        return f"{name} compression"
    # Outside of JPEG, YCbCr may be subsampled in ways that nobody turns into colours here.
    is_plain_jpeg = page.compression == COMPRESSION.JPEG and page.planarconfig == 1
    if page.photometric == PHOTOMETRIC.YCBCR and not is_plain_jpeg:
        return f"YCbCr colours in {name} compression"
    # With loss an index becomes that of another colour.
    if page.photometric == PHOTOMETRIC.PALETTE and page.compression not in _LOSSLESS:
        return f"palette colours in {name} compression"
    return None


def _samples_unfit(page: TiffPage) -> str | None:
    if page.photometric not in _COLOURS:
        return f"{_colours(page)} colours"
    has_table = page.colormap is not None and page.colormap.shape == (3, 256)
    if page.photometric == PHOTOMETRIC.PALETTE and not has_table:
        return "palette colours without their table"
    if page.shaped[1] != 1:
        return f"{page.shaped[1]} planes"
    extra = page.samplesperpixel - _COLOURS[PHOTOMETRIC(page.photometric)]
    if extra == 0:
        return None
    may_have_alpha = (
        page.photometric in {PHOTOMETRIC.RGB, PHOTOMETRIC.MINISBLACK}
        and page.planarconfig == 1
        and page.compression != COMPRESSION.JPEG
    )
    is_alpha = tuple(page.extrasamples) in {(EXTRASAMPLE.ASSOCALPHA,), (EXTRASAMPLE.UNASSALPHA,)}
    if may_have_alpha and extra == 1 and is_alpha:
        return None
    return f"{page.samplesperpixel} channels in {_colours(page)}"


def _colours(page: TiffPage) -> str:
    known = _NAMES.get(page.photometric)  # type: ignore[call-overload]
    return known or _name(PHOTOMETRIC, page.photometric).lower()


def _name(kinds: type[COMPRESSION] | type[PHOTOMETRIC], value: int) -> str:
    try:
        return str(kinds(value).name)
    except ValueError:
        return f"unknown ({value})"


def decoder(page: TiffPage, first: int, place_px: int, *, raw: bool) -> Decode:
    """Return what decodes the tiles or strips of a page.

    Args:
        page: one that is fit.
        first: the number of the tile that the caller counts as 0.
        place_px: pixels of a tile's or strip's place.
        raw: give samples as they are stored, not colours.
    """
    decode = _jpeg(page) if page.compression == COMPRESSION.JPEG else _other(page)
    to_colours = converter(page)
    # Other codecs are told how much to decode; their bytes may look like anything.
    makes_claims = page.compression in _PICTURES

    def decoded(data: bytes, index: int) -> Segment:
        claimed = claimed_px(data) if makes_claims else 0
        if claimed > _CLAIMED * place_px:
            raise ValueError(f"{claimed / 1e6:.0f} Mpx in one tile")
        segment = decode(data, first + index)
        if segment.dtype != np.uint8 or segment.ndim != 3:
            raise ValueError(f"{segment.dtype} pixels in it")
        return segment if raw else to_colours(segment)

    return decoded


def _other(page: TiffPage) -> Decode:
    decode = page.decode

    def decoded(data: bytes, index: int) -> Segment:
        segment = decode(data, index)[0]
        if segment is None:
            raise ValueError("nothing in it")
        return np.asarray(segment[0])

    return decoded


def _jpeg(page: TiffPage) -> Decode:
    """Decode JPEG by the page's colours, unless the JPEG itself can be nothing else: chroma is
    subsampled, green and blue never are."""
    decode = page.decode
    tables = page.jpegtables
    said = page.photometric
    options = {} if tables is None else {"jpegtables": tables}
    in_colours = said in {PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR} and page.planarconfig == 1

    def decoded(data: bytes, index: int) -> Segment:
        head = read_jpeg_head(data) if in_colours else None
        if head is None or head.is_ycbcr == (said == PHOTOMETRIC.YCBCR):
            # The tags and the JPEG agree: tifffile decodes by the tags.
            segment, _, _ = decode(data, index, **options)
            if segment is None:
                raise ValueError("nothing in it")
            return np.asarray(segment[0])
        if head.is_rgb and said == PHOTOMETRIC.YCBCR:
            raise ValueError("a JPEG in RGB, which its tags call YCbCr")
        shape = decode(None, index)[2]  # tifffile's answer for a tile without bytes
        pixels = imagecodecs.jpeg_decode(
            data,
            bitspersample=8,
            tables=tables,
            colorspace="YCBCR",
            outcolorspace="RGB",
            shape=shape[1:3],
        )
        return np.asarray(pixels)

    return decoded


def converter(page: TiffPage) -> Callable[[Segment], Segment]:
    """Return what makes RGB or grey of the samples that lie together in a page."""
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        return lambda segment: 255 - segment
    if page.photometric == PHOTOMETRIC.PALETTE:
        table = _table(page)
        return lambda segment: table[segment[..., 0]]
    if page.planarconfig == 1 and page.samplesperpixel in {2, 4}:
        return _on_white if tuple(page.extrasamples) == (EXTRASAMPLE.UNASSALPHA,) else _over_white
    return lambda segment: segment


def _table(page: TiffPage) -> Segment:
    """Return a palette's colours: (256, 3) uint8. They have 16 bits; some programs write the 8 bits
    that they know."""
    table = np.asarray(page.colormap).T
    return np.ascontiguousarray(table if table.max() < 256 else table >> 8, np.uint8)


def _on_white(segment: Segment) -> Segment:
    """Lay colours with an alpha of their own over white: (H, W, 2 or 4) -> (H, W, 3)."""
    colours = segment[..., [0, 0, 0, 1]] if segment.shape[2] == 2 else segment  # grey, alpha
    image = Image.fromarray(np.ascontiguousarray(colours))
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image).convert("RGB"))


def _over_white(segment: Segment) -> Segment:
    """Return colours that were multiplied with their alpha already, over white."""
    # In 16 bits, so that what is more than 255 does not begin again at 0.
    sums = segment[..., :-1].astype(np.uint16) + (255 - segment[..., -1:])
    return np.asarray(np.minimum(sums, 255), np.uint8)
