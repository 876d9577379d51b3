from pathlib import Path

import numpy as np
import pytest
import tifffile

from breastseg.geometry import Box
from breastseg.images.directories import open_tiff
from breastseg.images.readers.tiff.levels import plan_level
from breastseg.images.readers.tiff.stored import Stored, TornError

PIXELS = np.random.default_rng(0).integers(0, 255, (90, 130, 3), np.uint8)


@pytest.mark.parametrize("box", [Box(0, 0, 130, 90), Box(63, 31, 2, 2), Box(100, 80, 30, 10)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_a_box_has_the_pixels_of_the_whole(tmp_path: Path, box: Box, planar: str) -> None:
    path = tmp_path / "a.tif"
    data = PIXELS if planar == "contig" else PIXELS.transpose(2, 0, 1)
    tifffile.imwrite(
        path, data, photometric="rgb", planarconfig=planar, tile=(32, 64), compression="zlib"
    )
    with open_tiff(path) as tiff:
        stored = Stored(tiff, [plan_level(path, tiff, (tiff.pages[0],), most_px=10_000)])
        wanted = PIXELS[box.y : box.y + box.height, box.x : box.x + box.width]
        assert np.array_equal(stored.read(0, box), wanted)
        assert np.array_equal(stored.read(0, box), wanted)  # from what is kept


def test_a_torn_tile_says_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", tile=(32, 64), compression="zlib")
    with open_tiff(path) as tiff:
        offset, length = tiff.pages[0].dataoffsets[4], tiff.pages[0].databytecounts[4]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\0" * length)
    with open_tiff(path) as tiff:
        stored = Stored(tiff, [plan_level(path, tiff, (tiff.pages[0],), most_px=10_000)])
        assert np.array_equal(stored.read(0, Box(0, 0, 64, 90)), PIXELS[:, :64])
        with pytest.raises(TornError) as caught:
            stored.read(0, Box(60, 30, 10, 10))
        assert (caught.value.place.x, caught.value.place.y) == (64, 32)
