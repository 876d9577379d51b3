"""One reader for TIFF: the same pixels from every codec, colour model, number of levels and order
of pages, or a refusal by name."""

import copy  # the writer of TIFF changes its options
from contextlib import closing
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError, MppError
from breastseg.images import open_slide, read_codes
from breastseg.images.readers.tiff import slide as tiff_slide
from conftest import DATA
from slide_files import APERIO, levels_of, write_scn
from tiff_files import CODECS, FIELD, LEVELS, PLACES, check_same, patched, read, write


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
        if name != "RowsPerStrip":  # more rows a strip than the image has are all its rows
            raise
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


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
                **copy.deepcopy(CODECS[codec]),
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
    """Pieces of more than 64 Mpx are refused in slides; a flat image is held anyway."""
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
