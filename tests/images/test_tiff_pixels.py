"""Samples of a TIFF's page become colours of 8 bits, or are refused by name."""

import itertools
from contextlib import closing
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.images.readers.flat import FlatSlide
from breastseg.images.readers.tiff import TiffSlide
from breastseg.images.readers.tiff.pixels import converter, mask_unfit, unfit
from slide_files import levels_of
from tiff_files import CODECS, FIELD, GREY, LEVELS, PLACES, PLANES, check_same, read, write


@pytest.mark.parametrize("codec", list(CODECS))
@pytest.mark.parametrize("colours", ["rgb", "grey"])
def test_the_same_pixels_in_every_codec(tmp_path: Path, codec: str, colours: str) -> None:
    if (codec, colours) == ("webp", "grey"):
        pytest.skip("WebP has no grey")
    full = FIELD if colours == "rgb" else GREY
    wanted = FIELD if colours == "rgb" else GREY[..., None].repeat(3, axis=2)
    photometric = "rgb" if colours == "rgb" else "minisblack"
    for place, count in itertools.product(PLACES, LEVELS):
        levels = levels_of(FIELD, LEVELS[count])
        stored = [
            (
                full
                if level is FIELD
                else level
                if colours == "rgb"
                else np.ascontiguousarray(level[..., 1])
            )
            for level in levels
        ]
        path = write(
            tmp_path / f"{place}-{count}.tif",
            stored,
            photometric=photometric,
            **CODECS[codec],
            **PLACES[place],
        )
        check_same(path, wanted, loss=4 if codec == "jpeg" else 0)
        with closing(open_slide(path)) as slide:
            assert isinstance(slide, TiffSlide if count == "three" else FlatSlide), (place, count)


def alpha(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return an image with an alpha channel, and what it looks like on white."""
    seen = (
        np.linspace(0, 255, FIELD.shape[1])
        .round()
        .astype(np.uint8)[None, :, None]
        .repeat(FIELD.shape[0], axis=0)
    )
    on_white = (FIELD * (seen / 255) + 255 * (1 - seen / 255)).round().astype(int)
    colours = FIELD if kind == "unassalpha" else (FIELD * (seen / 255)).round().astype(np.uint8)
    return np.concatenate([colours, seen], axis=2), on_white


@pytest.mark.parametrize("count", list(LEVELS))
@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize(
    "model",
    [
        "ycbcr",
        "ycbcr 4:2:0",
        "rgb jpeg",
        "planes",
        "miniswhite",
        "palette",
        "unassalpha",
        "assocalpha",
        "grey alpha",
    ],
)
def test_colour_models(tmp_path: Path, model: str, place: str, count: str) -> None:
    """Each is read the same with levels and without."""
    wanted: np.ndarray = FIELD
    options: dict = {"photometric": "rgb", "compression": "lzw"}
    stored, loss = FIELD, 0.0
    if model in {"ycbcr", "ycbcr 4:2:0"}:
        sampling = (1, 1) if model == "ycbcr" else (2, 2)
        options, loss = (
            {
                "photometric": "rgb",
                "compression": "jpeg",
                "compressionargs": {"level": 95},
                "subsampling": sampling,
            },
            5,
        )
    elif model == "rgb jpeg":
        options, loss = (
            {
                "photometric": "rgb",
                "compression": "jpeg",
                "compressionargs": {"level": 95, "outcolorspace": "rgb"},
            },
            4,
        )
    elif model == "planes":
        stored, options["planarconfig"] = PLANES, "separate"
    elif model == "miniswhite":
        stored, wanted, options["photometric"] = (
            255 - GREY,
            GREY[..., None].repeat(3, axis=2),
            "miniswhite",
        )
    elif model == "palette":
        table = np.random.default_rng(0).integers(0, 256, (3, 256), dtype=np.uint16) * 257
        stored, wanted = GREY, (table.T[GREY] >> 8).astype(np.uint8)
        options |= {"photometric": "palette", "colormap": table}
    elif model == "grey alpha":
        seen = np.where(np.arange(256) < 100, 0, 255).astype(np.uint8)[None, :].repeat(192, axis=0)
        stored, options = (
            np.stack([GREY, seen], axis=2),
            {**options, "photometric": "minisblack", "extrasamples": ["unassalpha"]},
        )
        wanted = np.where(seen[..., None] == 0, 255, GREY[..., None]).repeat(3, axis=2)
    else:
        (stored, wanted), loss = alpha(model), 0.6
        options["extrasamples"] = [model]
    step = (
        (slice(None), slice(None, None, 2), slice(None, None, 2))
        if model == "planes"
        else (slice(None, None, 2), slice(None, None, 2))
    )
    levels = [stored, np.ascontiguousarray(stored[step])][: 2 if count == "three" else 1]
    place_options = PLACES[place]
    if model == "ycbcr 4:2:0" and place == "strips":
        place_options = {"rowsperstrip": 48}
    check_same(write(tmp_path / "a.tif", levels, **options, **place_options), wanted, loss=loss)


REFUSED = {
    "16 bits": (FIELD.astype(np.uint16) * 257, {"photometric": "rgb"}, "16-bit pixels"),
    "16 bits in planes": (
        PLANES.astype(np.uint16),
        {"photometric": "rgb", "planarconfig": "separate"},
        "16-bit pixels",
    ),
    "12 bits": (
        GREY.astype(np.uint16) * 16,
        {"photometric": "minisblack", "bitspersample": 12},
        "12-bit pixels",
    ),
    "1 bit": (GREY > 128, {"photometric": "minisblack"}, "1-bit pixels"),
    "4 bits": (GREY >> 4, {"photometric": "minisblack", "bitspersample": 4}, "4-bit pixels"),
    "signed": (GREY.astype(np.int8), {"photometric": "minisblack"}, "signed 8-bit pixels"),
    "32 bits": (GREY.astype(np.uint32), {"photometric": "minisblack"}, "32-bit pixels"),
    "float": (
        GREY.astype(np.float32),
        {"photometric": "minisblack"},
        "floating-point 32-bit pixels",
    ),
    "half float": (
        GREY.astype(np.float16),
        {"photometric": "minisblack"},
        "floating-point 16-bit pixels",
    ),
    "cmyk": (np.dstack([FIELD, GREY]), {"photometric": "separated"}, "CMYK colours"),
    "cielab": (FIELD, {"photometric": "cielab"}, "CIELab colours"),
    "ycbcr without jpeg": (
        FIELD,
        {"photometric": "ycbcr", "compression": "lzw"},
        "YCbCr colours in LZW compression",
    ),
    "five channels": (
        np.dstack([FIELD, FIELD])[..., :5],
        {"photometric": "rgb"},
        "5 channels in rgb",
    ),
    "unknown fourth": (
        np.dstack([FIELD, GREY]),
        {"photometric": "rgb", "extrasamples": [0]},
        "4 channels in rgb",
    ),
    "lerc": (FIELD, {"photometric": "rgb", "compression": "lerc"}, "LERC compression"),
    "png inside": (FIELD, {"photometric": "rgb", "compression": "png"}, "PNG compression"),
    "palette in jpeg 2000": (
        GREY,
        {
            "photometric": "palette",
            "colormap": np.zeros((3, 256), np.uint16),
            "compression": "jpeg2000",
        },
        "palette colours in JPEG2000 compression",
    ),
}


@pytest.mark.parametrize("count", list(LEVELS))
@pytest.mark.parametrize("case", list(REFUSED))
def test_what_is_not_read_is_refused_by_name_whatever_the_number_of_levels(
    tmp_path: Path, case: str, count: str
) -> None:
    """16-bit planes were mapped as 8-bit noise."""
    stored, options, reason = REFUSED[case]
    rows = (slice(None),) * int(options.get("planarconfig") == "separate")
    levels = [
        stored,
        np.ascontiguousarray(stored[(*rows, slice(None, None, 2), slice(None, None, 2))]),
    ][: 2 if count == "three" else 1]
    path = write(tmp_path / "a.tif", levels, **options, **PLACES["tiles"])
    with pytest.raises(
        ImageError,
        match=(rf"a\.tif: {reason}, wanted .* 8 bits a channel"),
    ):
        open_slide(path)


def test_chroma_that_is_subsampled_is_ycbcr_whatever_the_tag_says(tmp_path: Path) -> None:
    """As in DICOM: nobody stores green and blue with fewer pixels than red."""
    path = write(
        tmp_path / "a.tif",
        [FIELD],
        photometric="rgb",
        compression="jpeg",
        subsampling=(2, 2),
        tile=(64, 64),
    )
    with TiffFile(path, mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(2)
    check_same(path, FIELD, loss=8)
    path = write(
        tmp_path / "b.tif",
        [FIELD],
        photometric="rgb",
        compression="jpeg",
        compressionargs={"outcolorspace": "rgb"},
    )
    with TiffFile(path, mode="r+") as file:
        file.pages.first.tags["PhotometricInterpretation"].overwrite(6)
    with pytest.raises(ImageError, match=r"b\.tif: .*a JPEG in RGB, which its tags call YCbCr"):
        read(path)


def test_a_codestream_of_another_depth_than_its_tags_is_told(tmp_path: Path) -> None:
    """16 bits in JPEG 2000 under a tag of 8 were cut to their lower bytes."""
    tile = imagecodecs.jpeg2k_encode(np.full((192, 256, 3), 1000, np.uint16), reversible=True)
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(
            iter([tile]),
            shape=FIELD.shape,
            dtype="uint8",
            photometric="rgb",
            compression="jpeg2000",
            tile=(192, 256),
        )
    with pytest.raises(ImageError, match=r"a\.tif: .*damaged at x 0, y 0 \(uint16 pixels"):
        open_slide(tmp_path / "a.tif", mpp=0.25).read(mpp=0.25)


@pytest.mark.parametrize("codec", ["none", "packbits"])
def test_bytes_that_look_like_the_head_of_a_codec_are_pixels(tmp_path: Path, codec: str) -> None:
    """Two bytes are enough to look like JPEG XL: a small grey image claimed 18 Gpx."""
    stored = np.full((192, 256), 10, np.uint8)
    stored[:, 0::2] = 255
    check_same(
        write(
            tmp_path / "a.tif", [stored], photometric="minisblack", tile=(64, 64), **CODECS[codec]
        ),
        stored[..., None].repeat(3, 2),
    )
    stored[:, 1] = 0xD8
    check_same(
        write(
            tmp_path / "b.tif", [stored], photometric="minisblack", tile=(64, 64), **CODECS[codec]
        ),
        stored[..., None].repeat(3, 2),
    )


def test_a_tile_claims_no_more_than_its_place_in_any_codec(tmp_path: Path) -> None:
    """A tile of 64 px that asks for 4 Mpx is not decoded."""
    huge = np.zeros((2000, 2000, 3), np.uint8)
    tiles = {
        "jpeg": imagecodecs.jpeg8_encode(huge), "jpeg2000": imagecodecs.jpeg2k_encode(huge),
        "webp": imagecodecs.webp_encode(huge, lossless=True, method=0),
        "jpegxl": imagecodecs.jpegxl_encode(huge, usecontainer=True, effort=1),
    }  # fmt: skip
    for codec, tile in tiles.items():
        with TiffWriter(tmp_path / "a.tif") as writer:
            writer.write(
                iter([tile] * 12),
                shape=FIELD.shape,
                dtype="uint8",
                photometric="rgb",
                compression=codec,
                tile=(64, 64),
            )
        with pytest.raises(
            ImageError, match=r"a\.tif: .*damaged at x 0, y 0 \(\d+ Mpx in one tile\)"
        ):
            open_slide(tmp_path / "a.tif", mpp=0.25).read(mpp=0.25)


class Page:
    """What is asked of a page: 8-bit RGB in one plane, but for what a test changes."""

    def __init__(self, **said: object) -> None:
        self.bitspersample = 8
        self.dtype = np.dtype(np.uint8)
        self.sampleformat = 1
        self.compression = 1
        self.photometric = 2
        self.samplesperpixel = 3
        self.planarconfig = 1
        self.extrasamples: tuple[int, ...] = ()
        self.shaped = (1, 1, 64, 64, 3)
        self.colormap = None
        vars(self).update(said)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, None),
        ({"photometric": 6, "compression": 7}, None),
        ({"samplesperpixel": 4, "extrasamples": (2,)}, None),
        ({"bitspersample": 16, "dtype": np.dtype(np.uint16)}, "16-bit pixels"),
        ({"dtype": np.dtype(np.int8), "sampleformat": 2}, "signed 8-bit pixels"),
        ({"bitspersample": (5, 6, 5), "dtype": None}, "5, 6, 5-bit pixels"),
        ({"compression": 6}, "OJPEG compression"),
        ({"compression": 12345}, "unknown (12345) compression"),
        ({"photometric": 6}, "YCbCr colours in NONE compression"),
        ({"photometric": 5}, "CMYK colours"),
        ({"photometric": 3, "samplesperpixel": 1}, "palette colours without their table"),
        ({"shaped": (1, 5, 64, 64, 3)}, "5 planes"),
        ({"samplesperpixel": 4, "extrasamples": (0,)}, "4 channels in rgb"),
        ({"samplesperpixel": 2}, "2 channels in rgb"),
    ],
)
def test_why_a_page_is_not_read(said: dict[str, object], reason: str | None) -> None:
    assert unfit(Page(**said)) == reason  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"photometric": 1, "samplesperpixel": 1}, None),
        ({"photometric": 3, "samplesperpixel": 1}, None),
        ({"photometric": 0, "samplesperpixel": 1}, "miniswhite colours"),
        ({}, "rgb colours in 3 channels"),
        (
            {"photometric": 1, "samplesperpixel": 1, "compression": 7},
            "pixels in JPEG compression, which may change codes",
        ),
    ],
)
def test_why_a_page_holds_no_codes(said: dict[str, object], reason: str | None) -> None:
    assert mask_unfit(Page(**said)) == reason  # type: ignore[arg-type]


def test_samples_become_colours() -> None:
    segment = np.array([[[0], [100], [255]]], np.uint8)  # (1, 3, 1)
    white = converter(Page(photometric=0, samplesperpixel=1))  # type: ignore[arg-type]
    assert white(segment).ravel().tolist() == [255, 155, 0]
    table = np.arange(3 * 256).reshape(3, 256) % 256
    for colormap in (table, table << 8):  # some programs write the 8 bits that they know
        colours = converter(Page(photometric=3, samplesperpixel=1, colormap=colormap))
        assert colours(segment).tolist() == [[[0, 0, 0], [100, 100, 100], [255, 255, 255]]]


def test_alpha_lies_over_white() -> None:
    """Half of black over white is grey; premultiplied colours hold their half already."""
    plain = converter(Page(samplesperpixel=4, extrasamples=(2,)))  # type: ignore[arg-type]
    ready = converter(Page(samplesperpixel=4, extrasamples=(1,)))  # type: ignore[arg-type]
    assert plain(np.array([[[0, 0, 0, 128]]], np.uint8)).tolist() == [[[127, 127, 127]]]
    assert plain(np.array([[[9, 9, 9, 0]]], np.uint8)).tolist() == [[[255, 255, 255]]]
    assert ready(np.array([[[50, 0, 128, 128]]], np.uint8)).tolist() == [[[177, 127, 255]]]
