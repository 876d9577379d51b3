"""Levels of a slide: which one is read, and how a large field is put together."""

import tracemalloc
import zlib
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffWriter

from breastseg.errors import ImageError, InputError
from breastseg.geometry import Box
from breastseg.images import Pixels, open_slide, pyramid, resample_pixels
from breastseg.images.pyramid import MAX_SIDE_PX, Pyramid
from conftest import crop
from slide_files import (
    WRITERS,
    levels_of,
    write_tiled,
)

FIELD = crop(0)[:211, :253]


@pytest.mark.parametrize("name", list(WRITERS))
def test_no_level_coarser_than_asked_is_read(tmp_path: Path, name: str) -> None:
    """Each level has a colour of its own, so that one sees which was read."""
    levels = [np.full((768 // 2**k, 1024 // 2**k, 3), 10 + 50 * k, np.uint8) for k in range(4)]
    with closing(open_slide(WRITERS[name](tmp_path / name, levels), mpp=0.25)) as slide:
        for factor, level in (
            (0.5, 0),
            (1, 0),
            (1.9, 0),
            (2, 1),
            (3.9, 1),
            (4, 2),
            (7.9, 2),
            (8, 3),
            (30, 3),
        ):
            assert (slide.read(mpp=0.25 * factor) == 10 + 50 * level).all(), factor


def test_levels_of_odd_slides_lie_where_they_were_made(tmp_path: Path) -> None:
    """1001 px -> 500 -> 250: the ratio of the sizes is 4.004, yet each pixel shows exactly 4."""
    picture = np.random.default_rng(0).integers(0, 256, (96, 1001, 3), dtype=np.uint8)
    levels = levels_of(picture)
    with closing(open_slide(write_tiled(tmp_path / "a.tif", levels))) as slide:
        assert np.array_equal(slide.read(Box(800, 0, 200, 96), mpp=1.0), levels[2][:, 200:250])
        assert np.array_equal(slide.read(Box(996, 0, 4, 4), mpp=1.0), levels[2][:1, 249:])


def test_large_fields_are_read_in_blocks_that_do_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tiled(tmp_path / "a.tif", [FIELD])
    ramp = np.repeat(np.arange(253, dtype=np.uint8)[None, :, None].repeat(60, axis=0), 3, axis=2)
    ramp_path = write_tiled(tmp_path / "ramp.tif", [ramp])
    with closing(open_slide(path)) as slide, closing(open_slide(ramp_path)) as smooth:
        wanted, even = slide.read(Box(3, 3, 200, 204), mpp=0.5), smooth.read(mpp=0.65).astype(int)
        monkeypatch.setattr(pyramid, "_BLOCK_PX", 32)
        assert np.array_equal(slide.read(mpp=0.25), FIELD)
        assert np.array_equal(slide.read(Box(3, 3, 200, 204), mpp=0.5), wanted)
        assert (
            np.abs(smooth.read(mpp=0.65) - even).max() <= 1
        )  # edges rounded by half a pixel, and the mean rounded
        one = slide.resampled((0, 0, *slide.size_px), (2, 1))
        assert np.abs(one - resample_pixels(FIELD, (2, 1)).astype(int)).max() <= 2


def empty_slide(path: Path) -> Path:
    """100,000 x 100,000 px, of which one tile was stored."""
    tiles = [zlib.compress(np.full((1024, 1024, 3), 100, np.uint8).tobytes()), *[b""] * (98**2 - 1)]
    with TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            iter(tiles),
            shape=(100_000, 100_000, 3),
            dtype="uint8",
            tile=(1024, 1024),
            photometric="rgb",
            compression="zlib",
            resolution=(40_000, 40_000),
            resolutionunit=3,
        )
    return path


def test_a_huge_slide_takes_the_memory_of_a_block(tmp_path: Path) -> None:
    with closing(open_slide(empty_slide(tmp_path / "a.tif"))) as slide:
        assert slide.size_px == (100_000, 100_000)
        tracemalloc.start()
        got = slide.read(Box(0, 0, 12_000, 12_000), mpp=8.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert got.shape == (375, 375, 3)
        assert (got[:32, :32] == 100).all()
        assert (got[33:] == 255).all()
        assert peak < 150_000_000  # the field has 432 MB at level 0
        with pytest.raises(
            InputError,
            match=r"a\.tif: 100000 x 100000 px .*1 to 250 Mpx",
        ):
            slide.read(mpp=0.25)


SVS = Path("slide.svs")


class Painted(Pyramid):
    def _stored(self, level: int, box: Box) -> Pixels:
        return np.full((box.height, box.width, 3), level, np.uint8)

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("size", [(0, 64), (64, 0), (MAX_SIDE_PX + 1, 64)])
def test_sizes_that_no_slide_has(size: tuple[int, int]) -> None:
    with pytest.raises(
        ImageError,
        match=(rf"slide\.svs: {size[0]} x {size[1]} px, wanted 1 to {MAX_SIDE_PX}"),
    ):
        Painted(SVS, [size], (0.25, "given"))
    assert Painted(SVS, [(MAX_SIDE_PX, MAX_SIDE_PX)], (0.25, "given")).read(
        Box(MAX_SIDE_PX - 2, 5, 2, 3), mpp=0.25
    ).shape == (3, 2, 3)
