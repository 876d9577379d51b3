"""Readers: the same stored pixels come out of every format, at any place and resolution, by any
number of threads."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tifffile import TiffFile, TiffWriter

from breastseg.errors import ImageError, InputError, MppError
from breastseg.geometry import Box
from breastseg.images import Slide, is_slide_folder, open_slide, resample_pixels
from breastseg.images.open import find_reader
from breastseg.images.readers.flat import FlatSlide
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide, kinds, levels
from conftest import DATA, SHARED, crop
from slide_files import (
    WRITERS,
    halved,
    levels_of,
    move_tile,
    write_scn,
    write_tiled,
    write_zarr,
)

FIELD = crop(0)[:211, :253]
MADE = DATA / "slides"


@pytest.fixture(params=[*WRITERS, "a.png"])
def slide(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Slide]:
    """FIELD as a slide of every format, at its own or a given um/px."""
    path = tmp_path / request.param
    if path.suffix == ".png":
        Image.fromarray(FIELD).save(path)
    else:
        WRITERS[path.name](path, levels_of(FIELD))
    with closing(open_slide(path, mpp=0.25)) as opened:
        yield opened


def test_every_format_gives_the_stored_pixels(slide: Slide) -> None:
    assert slide.size_px == (253, 211)
    got = slide.read(mpp=0.25)
    assert got.dtype == np.uint8
    assert np.array_equal(got, FIELD)


def test_a_box_is_a_crop_of_the_whole(slide: Slide) -> None:
    for box in (Box(0, 0, 1, 1), Box(63, 60, 70, 9), Box(100, 0, 153, 211), Box(252, 210, 1, 1)):
        assert np.array_equal(
            slide.read(box, mpp=0.25), FIELD[box.y : box.y + box.height, box.x : box.x + box.width]
        )


def test_half_the_resolution_is_the_mean_of_four(slide: Slide) -> None:
    assert np.array_equal(slide.read(Box(64, 32, 128, 160), mpp=0.5), halved(FIELD[32:192, 64:192]))


def test_the_field_between_corners_lies_on_whole_pixels(slide: Slide) -> None:
    """Edges at 10.4 and 73.6 are rounded to 10 and 74, once."""
    assert np.array_equal(slide.resampled((10.4, 20.0, 73.6, 84.4), (64, 64)), FIELD[20:84, 10:74])
    assert np.array_equal(
        slide.resampled((10.0, 20.0, 74.0, 84.0), (50, 50)),
        resample_pixels(FIELD[20:84, 10:74], (50, 50)),
    )


def test_threads_read_what_one_reads(slide: Slide) -> None:
    boxes = [Box(x, y, 50, 41) for x in range(0, 200, 29) for y in range(0, 170, 31)]
    with ThreadPoolExecutor(8) as pool:
        for box, got in zip(
            boxes, pool.map(lambda box: slide.read(box, mpp=0.25), boxes), strict=True
        ):
            assert np.array_equal(got, FIELD[box.y : box.y + 41, box.x : box.x + 50])


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a.svs", "tiff"),
        ("a.tif", "tiff"),
        ("a.ome.tif", "tiff"),
        ("a.scn", "openslide"),
        ("a.zarr", "zarr"),
    ],
)
def test_the_reader_is_found_by_looking_and_not_by_the_name(
    tmp_path: Path, name: str, reader: str
) -> None:
    path = WRITERS[name](tmp_path / name, levels_of(FIELD))
    assert find_reader(path) == reader
    renamed = path.rename(tmp_path / "naïve 切片 1.jpg")
    assert find_reader(renamed) == reader
    with closing(open_slide(renamed, mpp=0.25)) as slide:
        assert np.array_equal(slide.read(mpp=0.25), FIELD)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_flat_pictures_stay_flat_whatever_they_are_called(tmp_path: Path, name: str) -> None:
    Image.fromarray(FIELD).save(tmp_path / name)
    assert find_reader((tmp_path / name).rename(tmp_path / "a.svs")) == "flat"


def test_a_flat_picture_waits_for_no_other_reader(tmp_path: Path) -> None:
    """imagecodecs decodes bands of PNGs; it takes 2 ms to import, for its codecs are loaded when
    they are used."""
    Image.fromarray(FIELD).save(tmp_path / "a.png")
    code = (
        "import sys; from breastseg.images import open_slide;"
        f" open_slide({str(tmp_path / 'a.png')!r}, mpp=0.25).read(mpp=0.5)\nsys.exit(sum(name in"
        " sys.modules for name in ('openslide', 'tifffile', 'zarr')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_field_outside_is_refused(slide: Slide) -> None:
    for box in (Box(-1, 0, 5, 5), Box(250, 0, 4, 5), Box(0, 210, 5, 2), Box(0, 0, 0, 5)):
        with pytest.raises(InputError, match=r"field from \(.*wanted .* 253 x 211 px"):
            slide.read(box, mpp=0.25)


FORMS = {
    "grey": {"photometric": "minisblack"},
    "separate planes": {"planarconfig": "separate"},
    "big-endian": {"byteorder": ">"},
    "predictor": {"compression": "deflate", "predictor": True},
    "strips": {"tile": None, "rowsperstrip": 16},
    "uncompressed": {"tile": None, "compression": None},
    "uncompressed planes": {"tile": None, "compression": None, "planarconfig": "separate"},
    "uncompressed tiles": {"compression": None},
}


@pytest.mark.parametrize("form", list(FORMS))
def test_forms_of_tiff(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "LARGE_PX", 1000)
    monkeypatch.setattr(levels, "_STRIP_BYTES", 10_000)
    options = dict(FORMS[form])
    pixels = FIELD[..., 0] if form == "grey" else FIELD
    if options.get("planarconfig") == "separate":
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    with TiffWriter(tmp_path / "a.tif", byteorder=options.pop("byteorder", "<")) as writer:
        writer.write(
            pixels,
            **{
                "tile": (64, 64),
                "photometric": "rgb",
                "compression": "lzw",
                "metadata": None,
                **options,
            },
        )
    with closing(open_slide(tmp_path / "a.tif", mpp=0.25)) as slide:
        assert isinstance(slide, TiffSlide)
        wanted = FIELD[..., :1].repeat(3, axis=2) if form == "grey" else FIELD
        assert np.array_equal(slide.read(mpp=0.25), wanted)
        assert np.array_equal(slide.read(Box(61, 30, 70, 100), mpp=0.25), wanted[30:130, 61:131])


@pytest.mark.parametrize(
    "options",
    [{"tile": (64, 64)}, {"tile": (64, 64), "compression": "lzw"}, {}, {"rowsperstrip": 16}],
)
def test_an_ome_tiff_of_three_channels_is_a_colour_picture(tmp_path: Path, options: dict) -> None:
    with TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(
            np.ascontiguousarray(FIELD.transpose(2, 0, 1)),
            photometric="minisblack",
            metadata={"axes": "CYX"},
            **options,
        )
    with closing(open_slide(tmp_path / "a.ome.tif", mpp=0.25)) as slide:
        assert np.array_equal(slide.read(mpp=0.25), FIELD)


@pytest.mark.parametrize(
    ("pixels", "options", "reason"),
    [
        (
            np.zeros((64, 64, 3), np.uint16),
            {"photometric": "rgb", "metadata": {"axes": "YXS"}},
            "16-bit pixels",
        ),
        (
            np.zeros((64, 64, 4), np.uint8),
            {"photometric": "rgb", "extrasamples": [0], "metadata": {"axes": "YXS"}},
            "4 channels in rgb",
        ),
        (
            np.zeros((64, 64, 4), np.uint8),
            {"photometric": "separated", "metadata": {"axes": "YXS"}},
            "CMYK colours",
        ),
        (
            np.zeros((5, 64, 64), np.uint8),
            {"photometric": "minisblack", "metadata": {"axes": "ZYX"}},
            "axes ZYX of 5 x 64 x 64",
        ),
        (
            np.zeros((2, 64, 64), np.uint8),
            {"photometric": "minisblack", "metadata": {"axes": "CYX"}},
            "axes CYX of 2 x 64 x 64",
        ),
    ],
)
def test_other_pixels_are_refused(
    tmp_path: Path, pixels: np.ndarray, options: dict, reason: str
) -> None:
    with TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        writer.write(pixels, tile=(64, 64), **options)
    with pytest.raises(
        ImageError,
        match=(rf"a\.ome\.tif: {reason}, wanted .* 8 bits a channel"),
    ):
        open_slide(tmp_path / "a.ome.tif", mpp=0.25)


@pytest.mark.parametrize(("name", "page"), [("a.svs", 0), ("a.scn", 1)])
def test_a_tile_that_is_not_there_is_named_and_the_others_are_read(
    tmp_path: Path, name: str, page: int
) -> None:
    """One failed read spoils an OpenSlide handle for good: the other boxes must not pay for it, nor
    other threads."""
    path = move_tile(WRITERS[name](tmp_path / name, levels_of(FIELD)), page, 5, past_end=True)
    boxes = [Box(0, 0, 64, 64), Box(70, 66, 20, 20), Box(130, 0, 64, 64)] * 8

    def outcome(box: Box) -> np.ndarray | str:
        try:
            return slide.read(box, mpp=0.25)
        except ImageError as error:
            return str(error)

    with closing(open_slide(path, mpp=0.25)) as slide, ThreadPoolExecutor(4) as pool:
        for box, got in zip(boxes, pool.map(outcome, boxes), strict=True):
            if box.x == 70:
                assert isinstance(got, str)
                assert f"{path}: cannot be read at x " in got
                assert " px of level 0 (" in got
                assert got.endswith("; copy or export it again")
            else:
                assert np.array_equal(got, FIELD[:64, box.x : box.x + 64])
        with pytest.raises(ImageError, match="cannot be read at x 64, y 64, 64 x 64 px of level 0"):
            slide.read(Box(64, 64, 64, 64), mpp=0.25)


def test_the_place_of_a_broken_tile_is_told_in_level_0_pixels(tmp_path: Path) -> None:
    path = move_tile(write_tiled(tmp_path / "a.tif", levels_of(FIELD)), 1, 1, past_end=True)
    with (
        closing(open_slide(path)) as slide,
        pytest.raises(ImageError, match="cannot be read at x 128, y 0, 128 x 128 px of level 0"),
    ):
        slide.read(Box(0, 0, 252, 210), mpp=0.5)


def test_a_real_svs_cut_short_opens_and_fails_where_it_ends(tmp_path: Path) -> None:
    data = (MADE / "cmu1.svs").read_bytes()
    (tmp_path / "a.svs").write_bytes(data[: int(0.6 * len(data))])
    with closing(open_slide(tmp_path / "a.svs")) as slide:
        assert slide.read(Box(0, 0, 480, 240), mpp=0.499).mean() > 0
        with pytest.raises(
            ImageError,
            match=(r"a\.svs: .* x 0, y 240, 240 x 240 px of level 0 \(cut short"),
        ):
            slide.read(mpp=0.499)


def test_damaged_bytes_in_a_real_tile(tmp_path: Path) -> None:
    data = bytearray((MADE / "cmu1.svs").read_bytes())
    with TiffFile(MADE / "cmu1.svs") as file:
        start = file.pages.first.dataoffsets[3]
    data[start : start + 4] = b"wrong"[:4]
    (tmp_path / "a.svs").write_bytes(data)
    with (
        closing(open_slide(tmp_path / "a.svs")) as slide,
        pytest.raises(ImageError, match=r"cannot be read at x 240, y 240, 240 x 240 px"),
    ):
        slide.read(mpp=0.499)


@pytest.mark.parametrize("name", ["a.svs", "a.tif", "a.ome.tif", "a.scn"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_slides_cut_short_are_told_or_read_right(tmp_path: Path, name: str, share: float) -> None:
    """Wherever the end is lost: one line with the file's name, when it is opened or read. What
    comes without an error is right."""
    path = WRITERS[name](tmp_path / name, levels_of(FIELD))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])

    def outcome() -> tuple[np.ndarray, np.ndarray] | str:
        try:
            with closing(open_slide(path, mpp=0.25)) as slide:
                return slide.read(mpp=0.25), slide.read(Box(0, 0, 252, 208), mpp=1.0)
        except ImageError as error:
            return str(error)

    got = outcome()
    if isinstance(got, str):
        assert re.search(r"cut short or damaged|cannot be (opened|read)", got)
        assert str(path) in got
        assert "\n" not in got
    else:
        assert share > 0.9  # only a coarse level was lost
        assert np.array_equal(got[0], FIELD)
        assert np.abs(got[1] - resample_pixels(FIELD[:208, :252], (63, 52)).astype(int)).max() <= 1


def test_a_slide_that_vanishes(tmp_path: Path) -> None:
    path = write_scn(tmp_path / "a.scn", [FIELD])
    slide = open_slide(path)
    path.unlink()
    with pytest.raises(
        ImageError,
        match=(r"a\.scn: .* x 0, y 0, 253 x 211 px of level 0 \(the file"),
    ):
        slide.read(mpp=0.5)
    folder = write_zarr(tmp_path / "a.zarr", [FIELD])
    slide = open_slide(folder)
    shutil.rmtree(folder)
    with pytest.raises(ImageError, match=r"a\.zarr: not found any more"):
        slide.read(mpp=0.5)


def test_what_is_no_slide(tmp_path: Path) -> None:
    (tmp_path / "a.svs").write_text("these are words")
    with pytest.raises(
        ImageError,
        match=(r"a\.svs: not an image .*OpenSlide.*b'these ar'\); wanted"),
    ):
        open_slide(tmp_path / "a.svs")
    (tmp_path / "b.svs").write_bytes(b"")
    with pytest.raises(ImageError, match=r"b\.svs: not an image"):
        open_slide(tmp_path / "b.svs")
    with pytest.raises(ImageError, match=r"is a folder, wanted an image, an OME-Zarr.* DICOM"):
        open_slide(tmp_path)
    with pytest.raises(ImageError, match=r"c\.svs: not found"):
        open_slide(tmp_path / "c.svs")


def test_a_mirax_slide_without_its_folder_is_not_its_thumbnail(tmp_path: Path) -> None:
    """The .mrxs file itself is a JPEG."""
    Image.fromarray(FIELD).save(tmp_path / "a.mrxs", format="JPEG")
    with pytest.raises(ImageError, match=r"a\.mrxs: the folder a .*is not beside it"):
        open_slide(tmp_path / "a.mrxs", mpp=0.25)


def test_folders_that_are_slides(tmp_path: Path) -> None:
    assert is_slide_folder(MADE / "cmu1_dicom")
    assert is_slide_folder(write_zarr(tmp_path / "a.zarr", [FIELD]))
    assert not is_slide_folder(tmp_path)
    assert not is_slide_folder(MADE)
    (tmp_path / "none").mkdir()
    assert not is_slide_folder(tmp_path / "none")


def test_a_flat_slide_is_decoded_once_for_many_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(FIELD).save(tmp_path / "a.png")
    slide = open_slide(tmp_path / "a.png", mpp=0.25)
    assert isinstance(slide, FlatSlide)
    first = slide.read(Box(0, 0, 9, 9), mpp=0.25)
    (tmp_path / "a.png").unlink()
    assert np.array_equal(slide.read(Box(0, 0, 9, 9), mpp=0.25), first)
    slide.close()
    with pytest.raises(ImageError, match=r"a\.png: not found"):
        slide.read(Box(0, 0, 9, 9), mpp=0.25)


SLIDES = SHARED / "slides"
REAL = {
    "CMU-1-Small-Region.svs": ("tiff", (2220, 2967), 0.499),
    "TCGA-A2-A0D2_ROI_pyramid_mpp0.30.tif": ("tiff", (3391, 2418), 0.30),
    "cmu-1-small-region-dicom": ("openslide", (2220, 2967), 0.499),
    "fluorescence.ndpi": ("openslide", (3968, 4864), 0.22818),
}
REFUSED = {
    "BCNB_10010_wholeslide_overview_no-mpp.tif": (
        r"no microns per pixel \(looked at --mpp; TIFF resolution tags: 1 per unit 1\); give"
    ),
    "tcga-cr-7395-01a-01-ts1.svs": (
        r"no microns .*Aperio's MPP: not there; TIFF resolution tags: not there; objective power:"
        r" not there\)"
    ),
    "kidney-48-5.tif": (
        r"no microns per pixel \(looked at --mpp; TIFF resolution tags: not there\); give --mpp"
    ),
    "pathml_small_HE_levels.tiff": (
        r"no microns per pixel .*352\.858 um/px, which no scan has\); give --mpp"
    ),
    "broken.svs": r"broken\.svs: not an image that Pillow reads nor a slide that OpenSlide knows",
}


@pytest.mark.skipif(not SLIDES.is_dir(), reason="the real slides are not here")
@pytest.mark.parametrize("name", list(REAL))
def test_real_slides_are_read(name: str) -> None:
    reader, size, mpp = REAL[name]
    path = SLIDES / name
    assert find_reader(path) == reader
    with closing(open_slide(path)) as slide:
        assert slide.size_px == size
        assert slide.mpp == pytest.approx(mpp, abs=1e-5)
        middle = Box(size[0] // 2, size[1] // 2, 300, 301)
        assert slide.read(middle, mpp=mpp).std() > 5
        assert slide.read(mpp=16.0).shape == (
            round(size[1] * slide.mpp / 16),
            round(size[0] * slide.mpp / 16),
            3,
        )


@pytest.mark.skipif(not SLIDES.is_dir(), reason="the real slides are not here")
@pytest.mark.parametrize("name", list(REFUSED))
def test_real_files_that_lack_something_are_refused(name: str) -> None:
    with pytest.raises((ImageError, MppError), match=REFUSED[name]):
        open_slide(SLIDES / name)


@pytest.mark.skipif(not SLIDES.is_dir(), reason="the real slides are not here")
@pytest.mark.parametrize(
    "name",
    [
        "CMU-1-Small-Region.svs",
        "tcga-cr-7395-01a-01-ts1.svs",
        "TCGA-A2-A0D2_ROI_pyramid_mpp0.30.tif",
    ],
)
def test_real_slides_are_the_same_through_both_readers(name: str) -> None:
    with (
        closing(TiffSlide(SLIDES / name, 0.25)) as one,
        closing(VendorSlide(SLIDES / name, 0.25)) as other,
    ):
        box = Box(700, 500, 700, 600)
        assert np.array_equal(one.read(box, mpp=0.25), other.read(box, mpp=0.25))
