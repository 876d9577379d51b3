"""Features as QuPath reads them, and their rings as they come back."""

import gzip
import io
import json
import uuid
from pathlib import Path

import numpy as np
import pytest
import shapely

from breastseg.errors import LabelError
from breastseg.labels import BUILT_IN
from breastseg.maps.polygons.geojson import Writer, opened, read_rings, ring_texts
from breastseg.maps.polygons.scratch import Scratch
from breastseg.maps.polygons.stitch import Region

REGION5 = BUILT_IN["region5"]
SQUARE = [(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0), (0.0, 0.0)]
HOLE = [(1.0, 1.0), (1.0, 2.0), (2.0, 2.0), (2.0, 1.0), (1.0, 1.0)]


def written(regions: list[Region], folder: Path) -> bytes:
    file = io.BytesIO()
    with Scratch(folder) as scratch:
        writer = Writer(file, REGION5, 0.25, scratch)
        for region in regions:
            writer.write(region)
        writer.end()
    return file.getvalue()


def texts_of(scale: tuple[float, float] = (1, 1)) -> list[bytes]:
    polygons = np.array([shapely.Polygon(SQUARE, [HOLE])], dtype=object)
    return ring_texts(polygons, scale)[0]


def test_rings_are_written_in_level_0_pixels_the_outline_first() -> None:
    outline, hole = texts_of(scale=(2, 3))
    assert json.loads(outline) == [[2 * x, 3 * y] for x, y in SQUARE]
    assert json.loads(hole) == [[2 * x, 3 * y] for x, y in HOLE]


def test_numbers_have_three_decimals_and_many_pieces_are_one_ring() -> None:
    angles = np.linspace(0, 2 * np.pi, 40_000, endpoint=False)
    circle = shapely.Polygon(np.stack([np.cos(angles), np.sin(angles)], axis=1) * 1e4 + 2e4)
    [[text]] = ring_texts(np.array([circle], dtype=object), (1.0, 1.0))
    places = np.array(json.loads(text))
    assert np.array_equal(places, np.round(shapely.get_coordinates(circle), 3))


def test_a_feature_has_class_colour_and_area(tmp_path: Path) -> None:
    value = json.loads(written([Region(1, 1000.0, texts_of(), [])], tmp_path))
    [feature] = value["features"]
    first = REGION5.classes[0]
    properties = feature["properties"]
    assert properties["classification"] == {"name": first.qupath, "color": list(first.color)}
    # 1,000 pixels of 0.25 um2 each
    assert properties["measurements"] == {"area_um2": 250.0, "area_mm2": 0.00025}
    assert feature["geometry"]["coordinates"][0] == [list(place) for place in SQUARE]
    assert uuid.UUID(feature["id"]).version == 5


def test_the_id_depends_on_class_and_rings_alone(tmp_path: Path) -> None:
    rings = texts_of()
    regions = [Region(1, 1.0, rings, []), Region(1, 2.0, rings, []), Region(2, 1.0, rings, [])]
    regions.append(Region(1, 1.0, rings[:1], []))
    ids = [one["id"] for one in json.loads(written(regions, tmp_path))["features"]]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_what_waits_on_disk_is_written_behind_the_rings(tmp_path: Path) -> None:
    outline, hole = texts_of()
    file = io.BytesIO()
    with Scratch(tmp_path) as scratch:
        writer = Writer(file, REGION5, 1.0, scratch)
        writer.write(Region(1, 1.0, [outline], [scratch.keep(hole)]))
        writer.end()
    # An area of 4 pixels of 0.25 um2 is one of 1 pixel of 1 um2.
    assert file.getvalue() == written([Region(1, 4.0, [outline, hole], [])], tmp_path)


def test_rings_come_back_with_their_class(tmp_path: Path) -> None:
    outline, hole = texts_of()
    data = written([Region(2, 1.0, [outline, hole], []), Region(5, 1.0, [outline], [])], tmp_path)
    found = list(read_rings(io.BytesIO(data)))
    names = [REGION5.classes[label - 1].qupath for label in (2, 2, 5)]
    assert [name for name, _, _ in found] == names
    assert [is_outline for _, is_outline, _ in found] == [True, False, True]
    assert [places.tolist() for _, _, places in found] == [
        [list(place) for place in ring] for ring in (SQUARE, HOLE, SQUARE)
    ]


def test_no_regions_are_an_empty_collection(tmp_path: Path) -> None:
    assert json.loads(written([], tmp_path)) == {"type": "FeatureCollection", "features": []}


def test_a_label_that_the_map_has_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabelError, match=r"label 6 .*region5.* 5 classes"):
        written([Region(6, 1.0, texts_of(), [])], tmp_path)


def test_equal_results_are_equal_files_compressed_too(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        with opened(tmp_path / name, "wb", is_gzip=True) as file:
            file.write(b"text")
    data = (tmp_path / "a.gz").read_bytes()
    assert data == (tmp_path / "b.gz").read_bytes()
    assert gzip.decompress(data) == b"text"
    with opened(tmp_path / "a.gz", "rb", is_gzip=True) as file:
        assert file.read() == b"text"
    with opened(tmp_path / "plain", "wb", is_gzip=False) as file:
        file.write(b"text")
    assert (tmp_path / "plain").read_bytes() == b"text"
