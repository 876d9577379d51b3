from pathlib import Path

import numpy as np
import tifffile

from breastseg.geometry import Box
from breastseg.images.directories import open_tiff
from breastseg.images.readers.tiff.levels import Level, is_cut, plan_level, touched

PIXELS = np.random.default_rng(0).integers(0, 255, (90, 130, 3), np.uint8)


def test_a_box_touches_the_tiles_that_it_overlaps_and_no_other() -> None:
    plan = Level((130, 90), (64, 32), ())
    found = {index: (place.x, place.y) for index, place in touched(plan, Box(63, 32, 2, 33))}
    assert found == {3: (0, 32), 4: (64, 32), 6: (0, 64), 7: (64, 64)}


def test_the_tiles_of_a_file_are_planned_and_an_end_that_is_missing_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, photometric="rgb", tile=(32, 64), compression="zlib")
    with open_tiff(path) as tiff:
        plan = plan_level(path, tiff, (tiff.pages[0],), most_px=10_000)
        assert (plan.size_px, plan.segment_px) == ((130, 90), (64, 32))
        [plane] = plan.planes
        assert len(plane.offsets) == 3 * 3
        assert not is_cut(tiff, [plan])
        last = max(
            start + length for start, length in zip(plane.offsets, plane.lengths, strict=True)
        )
    with path.open("r+b") as file:
        file.truncate(last - 1)
    with open_tiff(path) as tiff:
        assert is_cut(tiff, [plan_level(path, tiff, (tiff.pages[0],), most_px=10_000)])
