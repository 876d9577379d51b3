"""Which of a TIFF's images is meant, in whatever order its directories lie."""

import itertools
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffWriter

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.images.directories import open_tiff
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide, pictures
from slide_files import APERIO, halved, levels_of, move_tile
from tiff_files import FIELD, GREY, PLACES, PLANES, check_same, write

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
            "of 2 images in it the largest is taken, 256 x 192 px; others have 86 x 64 px",
        )


STACKS = {
    "two equal pages": ([FIELD, FIELD], {}, "2 images of 256 x 192 px (a stack"),
    "a stack": ([FIELD] * 5, {}, "5 images of 256 x 192 px (a stack"),
    "an empty page first": ([np.zeros_like(FIELD), FIELD], {}, "2 images of 256 x 192 px"),
    "fields of other sizes": (
        [FIELD, FIELD[:180, :200]],
        {},
        "several images, of 256 x 192 and 200 x 180 px",
    ),
    "in tiles": (
        [FIELD, FIELD[:, :200]],
        {"tile": (64, 64)},
        "several images, of 256 x 192 and 200 x 192 px",
    ),
    "grey pages": ([GREY] * 3, {"photometric": "minisblack"}, "3 images of 256 x 192 px"),
}


@pytest.mark.parametrize("case", list(STACKS))
def test_several_pictures_are_refused(tmp_path: Path, case: str) -> None:
    pages, options, reason = STACKS[case]
    path = write(tmp_path / "a.tif", pages, flagged=False, **{"photometric": "rgb", **options})
    with pytest.raises(ImageError, match=re.escape(f"a.tif: {reason}")) as told:
        open_slide(path)
    assert str(told.value).endswith("wanted one image; export the one that is wanted alone")


def test_planes_of_focus_in_a_scanners_file_are_refused(tmp_path: Path) -> None:
    name = APERIO.format(width=256, height=192) + "|MPP = 0.25"
    with TiffWriter(tmp_path / "a.svs") as writer:
        for _ in range(3):
            writer.write(FIELD, photometric="rgb", tile=(64, 64), description=name, metadata=None)
    with pytest.raises(ImageError, match=r"a\.svs: 3 images of 256 x 192 px"):
        open_slide(tmp_path / "a.svs")
    with pytest.raises(ImageError, match=r"a\.svs: 3 images of 256 x 192 px"):
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
            ImageError, match=rf"{name}: axes {axes} of 4 x 192 x 256 x 3, wanted one image"
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
    with pytest.raises(ImageError, match=r"b\.ome\.tif: 2 images of 256 x 192 px"):
        open_slide(tmp_path / "b.ome.tif")


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


@pytest.mark.parametrize(
    ("size", "is_copy"),
    [
        ((500, 400), True),
        ((501, 400), True),
        ((333, 266), True),
        ((3, 2), True),
        ((500, 500), False),
        ((500, 390), False),
        ((1000, 800), False),
    ],
)
def test_a_copy_has_the_shape_of_the_whole(size: tuple[int, int], is_copy: bool) -> None:
    assert pictures._is_copy((1000, 800), size) is is_copy


def test_levels_are_found_and_what_the_file_says_of_them(tmp_path: Path) -> None:
    for flagged in (True, False):
        path = write(
            tmp_path / f"{flagged}.tif",
            levels_of(FIELD),
            flagged=flagged,
            photometric="rgb",
            tile=(64, 64),
        )
        with open_tiff(path) as tiff:
            found = pictures.choose(path, tiff)
        assert found.size_px == (256, 192)
        assert [len(level) for level in found.levels] == [1, 1, 1]
        assert found.is_said == (True, flagged, flagged)
        assert found.spare == ()
