"""One reader for TIFF: the same pixels from every codec, colour model, number of levels and order
of pages, or a refusal by name."""

import copy
import itertools
import re
import struct
from contextlib import closing
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

import breastseg
from breastseg.errors import ImageError, MppError
from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide, read_codes
from breastseg.images.directories import MAX_DIRECTORIES
from breastseg.images.readers.flat import FlatSlide
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide
from breastseg.images.readers.tiff import slide as tiff_slide
from conftest import DATA, crop
from slide_files import APERIO, halved, levels_of, move_tile, write_scn

FIELD = crop(0)[:192, :256]
GREY = np.ascontiguousarray(FIELD[..., 1])
PLANES = np.ascontiguousarray(FIELD.transpose(2, 0, 1))
CODECS = {
    "none": {},
    "lzw": {"compression": "lzw"},
    "deflate": {"compression": "deflate"},
    "zstd": {"compression": "zstd"},
    "packbits": {"compression": "packbits"},
    "lzw predictor": {"compression": "lzw", "predictor": True},
    "zstd predictor": {"compression": "zstd", "predictor": True},
    "jpeg": {"compression": "jpeg", "compressionargs": {"level": 95}},
    "jpeg2000": {"compression": "jpeg2000", "compressionargs": {"reversible": True}},
    "jpegxl": {"compression": "jpegxl", "compressionargs": {"lossless": True}},
    "webp": {"compression": "webp", "compressionargs": {"lossless": True}},
}
PLACES = {
    "tiles": {"tile": (64, 64)},
    "strips": {"rowsperstrip": 48},
    "one strip": {"rowsperstrip": 192},
}
LEVELS = {"one": 1, "three": 3}


def write(
    path: Path,
    levels: list[np.ndarray],
    *,
    order: str = "largest first",
    flagged: bool = True,
    **options: object,
) -> Path:
    """Write pictures into one TIFF at 0.25 um/px, each in a directory of its own or in SubIFDs."""
    said = {
        "metadata": None,
        "resolution": (40_000, 40_000),
        "resolutionunit": 3,
        **copy.deepcopy(options),
    }  # the writer changes them
    with TiffWriter(path) as writer:
        if order == "sub-directories":
            writer.write(levels[0], **said, subifds=len(levels) - 1)
            for level in levels[1:]:
                writer.write(level, **said, subfiletype=1)
        elif order == "in a sub-directory":
            writer.write(levels[-1], **said, subfiletype=1, subifds=1)
            writer.write(levels[0], **said, subfiletype=0)
        else:
            for level in levels if order == "largest first" else levels[::-1]:
                writer.write(level, **said, subfiletype=int(flagged and level is not levels[0]))
    return path


def read(path: Path) -> Pixels:
    with closing(open_slide(path)) as slide:
        return slide.read(mpp=slide.mpp)


def check_same(path: Path, wanted: np.ndarray, *, loss: float = 0) -> None:
    """The whole and a box of it have the pixels that were painted; a lossy codec may be off by a
    little in the mean."""
    with closing(open_slide(path)) as slide:
        assert slide.size_px == (wanted.shape[1], wanted.shape[0])
        assert slide.mpp == pytest.approx(0.25)
        got, part = slide.read(mpp=slide.mpp), slide.read(Box(50, 40, 90, 77), mpp=slide.mpp)
    assert np.array_equal(part, got[40:117, 50:140])
    off = np.abs(got.astype(int) - wanted)
    assert off.mean() <= loss
    assert off.max() <= (60 if loss else 0)


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
    """Return a picture with an alpha channel, and what it looks like on white."""
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


ORDERS = ["largest first", "smallest first", "sub-directories", "in a sub-directory"]


@pytest.mark.parametrize("flagged", [True, False])
@pytest.mark.parametrize("place", ["tiles", "strips"])
@pytest.mark.parametrize("order", ORDERS)
def test_the_full_resolution_is_found_in_any_order_of_pages(
    tmp_path: Path, order: str, place: str, flagged: bool
) -> None:
    """The smallest directory first: areas came out 16 times too small."""
    path = write(
        tmp_path / "a.tif",
        levels_of(FIELD),
        order=order,
        flagged=flagged,
        photometric="rgb",
        **PLACES[place],
    )
    check_same(path, FIELD)
    with closing(open_slide(path)) as slide:
        assert slide.notes == () or (place, flagged) == ("strips", False)
        assert np.abs(slide.read(mpp=0.5).astype(int) - halved(FIELD)).max() <= 1


def test_levels_are_read_that_no_program_calls_a_pyramid(tmp_path: Path) -> None:
    """Each level has a colour of its own, so that one sees which was read."""
    levels = [np.full((768 // 2**k, 1024 // 2**k, 3), 10 + 10 * k, np.uint8) for k in range(3)]
    for number, (order, flagged) in enumerate(itertools.product(ORDERS[:3], (True, False))):
        path = write(
            tmp_path / f"{number}.tif",
            levels,
            order=order,
            flagged=flagged,
            photometric="rgb",
            tile=(64, 64),
        )
        with closing(open_slide(path)) as slide:
            assert isinstance(slide, TiffSlide)
            assert [int(slide.read(mpp=mpp)[0, 0, 0]) for mpp in (0.25, 0.5, 1.0)] == [
                10,
                20,
                30,
            ], (order, flagged)


def test_thumbnail_label_and_macro_are_not_the_slide(tmp_path: Path) -> None:
    """A macro may have more pixels than a small scan; it says that it is reduced."""
    macro, label = np.zeros((300, 900, 3), np.uint8), np.zeros((100, 90, 3), np.uint8)
    with TiffWriter(tmp_path / "a.tif") as writer:
        said = {
            "photometric": "rgb",
            "metadata": None,
            "resolution": (40_000, 40_000),
            "resolutionunit": 3,
        }
        writer.write(macro, **said, subfiletype=9)
        writer.write(label, **said, subfiletype=1)
        writer.write(FIELD, **said, tile=(64, 64))
        writer.write(np.ascontiguousarray(FIELD[::3, ::3]), **said)
    check_same(tmp_path / "a.tif", FIELD)
    with closing(open_slide(tmp_path / "a.tif")) as slide:
        assert slide.notes == (
            "of 2 pictures in it the largest is taken, 256 x 192 px; others have 86 x 64 px",
        )


STACKS = {
    "two equal pages": ([FIELD, FIELD], {}, "2 pictures of 256 x 192 px (a stack"),
    "a stack": ([FIELD] * 5, {}, "5 pictures of 256 x 192 px (a stack"),
    "an empty page first": ([np.zeros_like(FIELD), FIELD], {}, "2 pictures of 256 x 192 px"),
    "fields of other sizes": (
        [FIELD, FIELD[:180, :200]],
        {},
        "several pictures, of 256 x 192 and 200 x 180 px",
    ),
    "in tiles": (
        [FIELD, FIELD[:, :200]],
        {"tile": (64, 64)},
        "several pictures, of 256 x 192 and 200 x 192 px",
    ),
    "grey pages": ([GREY] * 3, {"photometric": "minisblack"}, "3 pictures of 256 x 192 px"),
}


@pytest.mark.parametrize("case", list(STACKS))
def test_several_pictures_are_refused(tmp_path: Path, case: str) -> None:
    pages, options, reason = STACKS[case]
    path = write(tmp_path / "a.tif", pages, flagged=False, **{"photometric": "rgb", **options})
    with pytest.raises(ImageError, match=re.escape(f"a.tif: {reason}")) as told:
        open_slide(path)
    assert str(told.value).endswith("wanted one picture; export the one that is wanted alone")


@pytest.mark.parametrize("order", ORDERS[:2])
def test_another_field_of_half_the_size_is_not_a_level(tmp_path: Path, order: str) -> None:
    """At a coarser resolution, the tissue of the other field would have been mapped."""
    pages = [FIELD, np.ascontiguousarray(crop(1)[:96, :128])]
    path = write(
        tmp_path / "a.tif", pages, order=order, flagged=False, photometric="rgb", tile=(64, 64)
    )
    say = (
        r"a\.tif: several pictures, of 256 x 192 and 128 x 96 px: the smaller is no copy of the"
        r" larger, wanted one picture; export"
    )
    with pytest.raises(ImageError, match=say):
        open_slide(path)


def test_a_scanners_file_of_16_bits_is_refused(tmp_path: Path) -> None:
    """OpenSlide gives the upper bytes."""
    for name, description in (
        ("a.svs", APERIO.format(width=256, height=192) + "|MPP = 0.25"),
        ("b.tif", ""),
    ):
        with TiffWriter(tmp_path / name) as writer:
            writer.write(
                FIELD.astype(np.uint16),
                photometric="rgb",
                tile=(64, 64),
                description=description,
                metadata=None,
            )
        with pytest.raises(
            ImageError,
            match=(f"{name}: 16-bit pixels, wanted .* 8 bits a channel"),
        ):
            open_slide(tmp_path / name, mpp=0.25)
    levels = [level.astype(np.uint16) for level in levels_of(FIELD)]
    with pytest.raises(ImageError, match=r"c\.scn: 16-bit pixels, wanted"):
        open_slide(write_scn(tmp_path / "c.scn", levels), mpp=0.25)


def test_planes_of_focus_in_a_scanners_file_are_refused(tmp_path: Path) -> None:
    name = APERIO.format(width=256, height=192) + "|MPP = 0.25"
    with TiffWriter(tmp_path / "a.svs") as writer:
        for _ in range(3):
            writer.write(FIELD, photometric="rgb", tile=(64, 64), description=name, metadata=None)
    with pytest.raises(ImageError, match=r"a\.svs: 3 pictures of 256 x 192 px"):
        open_slide(tmp_path / "a.svs")
    with pytest.raises(ImageError, match=r"a\.svs: 3 pictures of 256 x 192 px"):
        VendorSlide(move_tile(tmp_path / "a.svs", 1, 0, past_end=False))


def test_the_full_resolution_of_a_scanners_file_is_found_or_refused(tmp_path: Path) -> None:
    """Where a tile is missing the file is OpenSlide's, which knows Aperio's in their own order
    alone."""
    small = np.ascontiguousarray(FIELD[::2, ::2])
    with TiffWriter(tmp_path / "a.svs") as writer:
        for page in (small, FIELD):
            name = APERIO.format(width=page.shape[1], height=page.shape[0]) + "|MPP = 0.25"
            writer.write(
                page,
                photometric="rgb",
                tile=(64, 64),
                compression="lzw",
                description=name,
                metadata=None,
            )
    check_same(tmp_path / "a.svs", FIELD)
    with pytest.raises(
        ImageError,
        match=r"a\.svs: .*cannot be opened \(Unsupported or missing",
    ):
        open_slide(move_tile(tmp_path / "a.svs", 1, 0, past_end=False))


def test_stacks_in_one_page_are_refused(tmp_path: Path) -> None:
    for name, options, say in (
        ("a.tif", {"volumetric": True}, "5 planes|axes ZYXS of 5 x 192 x 256 x 3"),
        ("b.tif", {"truncate": True}, "axes QYXS of 5 x"),
    ):
        with TiffWriter(tmp_path / name) as writer:
            writer.write(np.stack([FIELD] * 5), photometric="rgb", **options)
        with pytest.raises(ImageError, match=rf"{name}: ({say})"):
            open_slide(tmp_path / name)


def test_stacks_that_say_so_are_refused(tmp_path: Path) -> None:
    for name, options, axes in (
        ("a.tif", {"imagej": True}, "ZYXS"),
        ("a.ome.tif", {"ome": True}, "ZYXS"),
        ("b.ome.tif", {"ome": True}, "TYXS"),
    ):
        with TiffWriter(tmp_path / name, **options) as writer:
            writer.write(np.stack([FIELD] * 4), photometric="rgb", metadata={"axes": axes})
        with pytest.raises(
            ImageError, match=rf"{name}: axes {axes} of 4 x 192 x 256 x 3, wanted one picture"
        ):
            open_slide(tmp_path / name)


def test_several_images_of_an_ome_tiff(tmp_path: Path) -> None:
    """A label beside the slide is clear; two slides of one size are not."""
    said = {
        "photometric": "rgb",
        "metadata": {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25},
    }
    for name, other in (("a.ome.tif", FIELD[:60, :50]), ("b.ome.tif", FIELD)):
        with TiffWriter(tmp_path / name, ome=True) as writer:
            writer.write(np.ascontiguousarray(other), **said)
            writer.write(FIELD, **said)
    check_same(tmp_path / "a.ome.tif", FIELD)
    with pytest.raises(ImageError, match=r"b\.ome\.tif: 2 pictures of 256 x 192 px"):
        open_slide(tmp_path / "b.ome.tif")


@pytest.mark.parametrize("model", ["rgb", "miniswhite", "palette", "jpeg"])
@pytest.mark.parametrize("count", list(LEVELS))
def test_missing_tiles_are_white(tmp_path: Path, model: str, count: str) -> None:
    options: dict = {
        "rgb": {"photometric": "rgb"},
        "miniswhite": {"photometric": "miniswhite"},
        "jpeg": {"photometric": "rgb", "compression": "jpeg"},
        "palette": {"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)},
    }[model]
    stored = np.zeros((192, 256, 3) if model in {"rgb", "jpeg"} else (192, 256), np.uint8)
    levels = [stored, np.ascontiguousarray(stored[::2, ::2])][: 2 if count == "three" else 1]
    path = write(tmp_path / "a.tif", levels, **{"compression": "lzw", **options}, **PLACES["tiles"])
    with TiffFile(path, mode="r+") as file:
        for name in ("TileByteCounts", "TileOffsets"):
            tag = file.pages.first.tags[name]
            tag.overwrite([0 if k == 5 else value for k, value in enumerate(tag.value)])
    got = read(path)
    assert (got[64:128, 64:128] == 255).all()
    assert (got[:64, :64] == (255 if model == "miniswhite" else 0)).all()


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


def test_strips_of_fewer_rows_than_they_should_have_are_told(tmp_path: Path) -> None:
    """One row would have been spread over all the rows of its place."""
    strips = [imagecodecs.jpeg2k_encode(np.full((1, 256, 3), 90, np.uint8), reversible=True)] * 4
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(
            iter(strips),
            shape=FIELD.shape,
            dtype="uint8",
            photometric="rgb",
            compression="jpeg2000",
            rowsperstrip=48,
        )
    with pytest.raises(ImageError, match=r"a\.tif: cut short or damaged at x 0, y 0"):
        open_slide(tmp_path / "a.tif", mpp=0.25).read(mpp=0.25)


def patched(path: Path, name: str, value: int) -> Path:
    with TiffFile(path, mode="r+") as file:
        file.pages.first.tags[name].overwrite(value, dtype=4)
    return path


@pytest.mark.parametrize(
    ("name", "value", "say"),
    [
        (
            "ImageLength",
            2**31,
            "256 x 2147483648 px|fewer tiles than its size asks for|its pixels go on to byte",
        ),
        (
            "ImageWidth",
            2**31,
            "fewer tiles than its size asks for|its pixels go on to byte|stored in pieces of",
        ),
        ("ImageLength", 2**32 - 1, "256 x 4294967295 px, wanted 1 to 2147483648 a side"),
        ("ImageWidth", 0, "0 x 192 px, wanted 1 to|cut short or damaged"),
        ("TileWidth", 2**24, "stored in pieces of"),
        ("RowsPerStrip", 2**30, "cut short or damaged"),
    ],
)
@pytest.mark.parametrize("codec", ["none", "lzw"])
def test_claims_are_held_against_the_file_before_anything_is_allocated(
    tmp_path: Path, codec: str, name: str, value: int, say: str
) -> None:
    """15 kB that claimed 7.7e16 rows took 8 GB before anybody looked."""
    import tracemalloc

    place = PLACES["tiles"] if name == "TileWidth" else PLACES["strips"]
    path = patched(
        write(tmp_path / "a.tif", [FIELD], photometric="rgb", **CODECS[codec], **place), name, value
    )
    tracemalloc.start()
    try:
        with pytest.raises(ImageError, match=say):
            read(path)
    except BaseException:
        if name != "RowsPerStrip":  # more rows a strip than the picture has are all its rows
            raise
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


def test_sub_directories_that_are_named_again_and_again(tmp_path: Path) -> None:
    """A thousand pages that name the same thousand SubIFDs were a million to look at."""
    many = 600
    inner = 8 + 18 * 2
    entries = struct.pack("<HHLL", 330, 4, many, inner)
    pages = [
        struct.pack("<H", 1) + entries + struct.pack("<L", 8 + 18 * (k + 1) if k == 0 else 0)
        for k in range(2)
    ]
    names = struct.pack("<L", inner + 4 * many) * many
    (tmp_path / "a.tif").write_bytes(
        b"II*\0"
        + struct.pack("<L", 8)
        + b"".join(pages)
        + names
        + struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 0)
    )
    with pytest.raises(
        ImageError, match=rf"a\.tif: a TIFF of more than {MAX_DIRECTORIES} pictures, wanted one"
    ):
        open_slide(tmp_path / "a.tif")


def test_an_ome_tiff_of_three_channels_with_levels(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        options = {"photometric": "minisblack", "tile": (64, 64)}
        said = {"axes": "CYX", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
        writer.write(PLANES, **options, subifds=1, metadata=said)
        writer.write(
            np.ascontiguousarray(halved(FIELD).transpose(2, 0, 1)), **options, subfiletype=1
        )
    check_same(tmp_path / "a.ome.tif", FIELD)
    with closing(open_slide(tmp_path / "a.ome.tif")) as slide:
        assert np.array_equal(slide.read(mpp=0.5), halved(FIELD))


@pytest.mark.parametrize("codec", ["none", "packbits"])
def test_bytes_that_look_like_the_head_of_a_codec_are_pixels(tmp_path: Path, codec: str) -> None:
    """Two bytes are enough to look like JPEG XL: a small grey picture claimed 18 Gpx."""
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


def test_directories_that_go_round_or_are_too_many(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", [FIELD, FIELD[:64]], photometric="rgb")
    with TiffFile(path) as file:
        first, second = (page.offset for page in file.pages)
    data = bytearray(path.read_bytes())
    (entries,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<L", data, second + 2 + 12 * entries, first)
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"a\.tif: .*damaged \(its directories .* circle\)"):
        open_slide(path)
    head = b"II*\0" + struct.pack("<L", 8)
    pages = [
        struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 8 + 18 * (k + 1))
        for k in range(MAX_DIRECTORIES + 1)
    ]
    (tmp_path / "b.tif").write_bytes(
        head + b"".join(pages) + struct.pack("<HHHLLL", 1, 256, 4, 1, 16, 0)
    )
    with pytest.raises(
        ImageError, match=rf"b\.tif: a TIFF of more than {MAX_DIRECTORIES} pictures, wanted one"
    ):
        open_slide(tmp_path / "b.tif")


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("place", ["tiles", "strips"])
@pytest.mark.parametrize("codec", ["none", "lzw", "jpeg"])
def test_wherever_a_file_is_cut_it_says_so_and_never_asks_for_mpp(
    tmp_path: Path, codec: str, place: str, big: bool
) -> None:
    """An SVS cut short in its download asked for --mpp, which did not help."""
    with TiffWriter(tmp_path / "a.tif", bigtiff=big) as writer:  # nothing says microns per pixel
        for level in levels_of(FIELD, 2):
            writer.write(
                level,
                photometric="rgb",
                metadata=None,
                subfiletype=int(level is not FIELD),
                **CODECS[codec],
                **PLACES[place],
            )
    data = (tmp_path / "a.tif").read_bytes()
    with pytest.raises(MppError):
        open_slide(tmp_path / "a.tif")
    for end in [8, 9, 30, 100, *range(200, len(data), max(1, len(data) // 15)), len(data) - 1]:
        (tmp_path / "b.tif").write_bytes(data[:end])
        with pytest.raises(ImageError, match=r"b\.tif: cut short or damaged \([^\n]*\);[^\n]*$"):
            open_slide(tmp_path / "b.tif")


def test_a_scanners_file_cut_anywhere_says_so(tmp_path: Path) -> None:
    data = (DATA / "slides" / "cmu1.svs").read_bytes()
    for end in range(16, len(data), 9001):
        (tmp_path / "a.svs").write_bytes(data[:end])
        with (
            pytest.raises(ImageError, match=r"a\.svs: [^\n]*cut short"),
            closing(open_slide(tmp_path / "a.svs")) as slide,
        ):
            slide.read(mpp=slide.mpp)


def test_a_picture_in_one_compressed_strip_may_be_as_large_as_any_flat_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of more than 64 Mpx are refused in slides; a flat picture is held anyway."""
    monkeypatch.setattr(tiff_slide, "MAX_STORED_PX", 1000)
    path = write(
        tmp_path / "a.tif", [FIELD], photometric="rgb", compression="lzw", rowsperstrip=192
    )
    check_same(path, FIELD)
    path = write(
        tmp_path / "b.tif", levels_of(FIELD), photometric="rgb", compression="lzw", tile=(64, 64)
    )
    with pytest.raises(ImageError, match=r"b\.tif: stored in pieces of 0 Mpx, wanted"):
        open_slide(path)


def test_tags_give_microns_per_pixel_whatever_their_kind(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", [FIELD], photometric="rgb")
    with TiffFile(path, mode="r+") as file:
        for name in ("XResolution", "YResolution"):
            file.pages.first.tags[name].overwrite(20_000.0, dtype=11)
    with closing(open_slide(path)) as slide:
        assert slide.mpp == pytest.approx(0.5)


def test_a_mask_in_levels_is_its_finest(tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 22, (192, 256), dtype=np.uint8)
    path = write(
        tmp_path / "m.tif",
        [codes, np.ascontiguousarray(codes[::2, ::2])],
        photometric="minisblack",
        tile=(64, 64),
    )
    assert np.array_equal(read_codes(path), codes)


def test_no_tiff_is_opened_without_a_look_at_its_directories() -> None:
    """A damaged map, opened by the browser view past that look, kept it busy for ever."""
    sources = Path(breastseg.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "TiffFile(" in path.read_text(encoding="utf-8")] == [
        "directories.py"
    ]


@pytest.mark.parametrize("side", [322, 323])
def test_a_scanners_tile_that_is_said_to_be_huge(tmp_path: Path, side: int) -> None:
    """OpenSlide takes memory for a tile as it is said to be, and ends the process where there is
    not so much."""
    path = tmp_path / "a.scn"
    write_scn(path, levels_of(crop(0)))
    data = bytearray(path.read_bytes())
    with TiffFile(path) as tiff:
        places = [page.tags[side] for page in tiff.pages]
    for tag in places:
        struct.pack_into(
            "<HHQL" if tag.dtype == 4 else "<HHQH",
            data,
            tag.offset,
            side,
            tag.dtype,
            1,
            2**31 - 1 if tag.dtype == 4 else 2**16 - 1,
        )
    path.write_bytes(data)
    with pytest.raises(
        ImageError, match=r"a\.scn: (stored in pieces of \d+ Mpx|cut short or damaged)"
    ):
        open_slide(path, mpp=0.5)
