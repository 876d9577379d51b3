"""Pieces of blocks become regions as soon as nothing can be added to them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from breastseg.geometry import Box
from breastseg.labels import Labels
from breastseg.maps.polygons.components import Components
from breastseg.maps.polygons.outlines import Polygons, outlines
from breastseg.maps.polygons.scratch import Scratch
from breastseg.maps.polygons.stitch import Region, Stitcher


def texts(polygons: Polygons) -> list[list[bytes]]:
    """Write each ring as the area that it goes round."""
    result = []
    for polygon in polygons:
        rings = [polygon.exterior, *polygon.interiors]
        result.append([f"{shapely.Polygon(ring).area:g}".encode() for ring in rings])
    return result


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    with Scratch(tmp_path) as opened:
        yield opened


def stitched(values: Labels, side_px: int, scratch: Scratch) -> list[list[Region]]:
    """Return the regions that each block completes."""
    height, width = values.shape
    framed = np.pad(values, 1)
    stitcher = Stitcher((width, height), texts, scratch)
    done = []
    for y in range(0, height, side_px):
        for x in range(0, width, side_px):
            box = Box(x, y, min(side_px, width - x), min(side_px, height - y))
            found = Components(values[y : y + box.height, x : x + box.width])
            around = framed[y : y + box.height + 2, x : x + box.width + 2]
            polygons = outlines(around, found, box, 0)
            done.append(list(stitcher.add(box, found, polygons)))
    return done


def test_regions_across_blocks_are_those_of_the_whole_image(scratch: Scratch) -> None:
    values = np.random.default_rng(5).integers(0, 3, (20, 22)).astype(np.uint8)
    whole = Components(values)
    areas = sorted(zip(whole.labels.tolist(), whole.sizes.tolist(), strict=True))
    wanted = [(label, size) for label, size in areas if label > 0]
    for side_px in (5, 7, 64):
        regions = [region for done in stitched(values, side_px, scratch) for region in done]
        assert sorted((region.label, region.area_px) for region in regions) == wanted


def test_a_region_waits_until_no_block_can_add_to_it(scratch: Scratch) -> None:
    values = np.zeros((4, 4), np.uint8)
    values[:, 1:3] = 1  # in all four blocks of 2 px
    values[0, 0] = 2  # in the first alone, but at the raster's edge
    done = stitched(values, 2, scratch)
    assert [[region.label for region in regions] for regions in done] == [[2], [], [], [1]]
    assert done[3][0].rings == [b"8"]


def test_holes_of_pieces_wait_on_disk_and_those_between_pieces_are_rings(scratch: Scratch) -> None:
    values = np.ones((8, 8), np.uint8)
    values[1, 1] = 0  # a hole in the first block
    values[3:5, 3:5] = 2  # a hole that four blocks share
    regions = {region.label: region for done in stitched(values, 4, scratch) for region in done}
    around = regions[1]
    assert around.area_px == 59
    assert around.rings == [b"64", b"4"]
    assert [scratch.read(kept) for kept in around.kept] == [b"1"]
    assert regions[2].area_px == 4


def test_what_is_not_analysed_is_no_region(scratch: Scratch) -> None:
    assert stitched(np.zeros((6, 6), np.uint8), 3, scratch) == [[], [], [], []]
