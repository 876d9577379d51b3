"""Where a TIFF says its microns per pixel, the surest place first."""

from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffWriter, imwrite

from breastseg.images.directories import open_tiff
from breastseg.images.readers.tiff.clues import clues_of, notes_of, turn_of
from breastseg.images.readers.tiff.pictures import Pictures, choose
from breastseg.images.resolution import Clue
from slide_files import levels_of, write_ome, write_svs
from tiff_files import FIELD


def clues(path: Path) -> list[Clue]:
    with open_tiff(path) as tiff:
        return clues_of(tiff, choose(path, tiff))


def test_aperio_says_it_in_its_description_and_by_its_objective(tmp_path: Path) -> None:
    path = write_svs(tmp_path / "a.svs", levels_of(FIELD), "|AppMag = 20|MPP = 0.5010")
    own, tags, objective = clues(path)
    assert (own.place, own.mpp) == ("Aperio's MPP", (0.501, 0.501))
    assert tags.place == "TIFF resolution tags"
    assert objective.mpp == (0.5, 0.5)


def test_ome_says_it_in_its_own_units_before_the_tags(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif", levels_of(FIELD), PhysicalSizeX=300)
    own, *others = clues(path)
    assert own.mpp == pytest.approx((0.3, 0.25))
    assert others[0].place == "TIFF resolution tags"


@pytest.mark.parametrize(
    ("said", "mpp", "found"),
    [
        ({"PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm"}, (0.25, 0.25), "not there"),
        ({"PhysicalSizeX": 2, "PhysicalSizeXUnit": "pixel"}, None, "2 pixel x 0.25 µm"),
        ({}, None, "not there"),
    ],
)
def test_what_ome_says_is_used_or_told(
    tmp_path: Path, said: dict[str, object], mpp: tuple[float, float] | None, found: str
) -> None:
    path = tmp_path / "a.ome.tif"
    if said:
        said = {"PhysicalSizeY": 0.25, "PhysicalSizeYUnit": "µm", **said}
    with TiffWriter(path, ome=True) as writer:
        writer.write(FIELD, photometric="rgb", metadata={"axes": "YXS", **said})
    own = clues(path)[0]
    assert (own.mpp, own.found) == (mpp, found)


def test_ome_of_a_picture_of_another_size_says_nothing_of_this_one(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif", levels_of(FIELD))
    data = path.read_bytes()
    path.write_bytes(data.replace(b'SizeX="256"', b'SizeX="257"'))
    assert clues(path)[0] == Clue("OME PhysicalSizeX and Y")


@pytest.mark.parametrize("value", range(1, 9))
def test_an_orientation_is_one_of_eight(tmp_path: Path, value: int) -> None:
    path = tmp_path / "a.tif"
    imwrite(path, FIELD, photometric="rgb", metadata=None, extratags=[(274, 3, 1, value, True)])
    with open_tiff(path) as tiff:
        assert turn_of(tiff.pages[0]) == value


@pytest.mark.parametrize("value", [0, 9, 300])
def test_what_is_no_orientation_is_upright(tmp_path: Path, value: int) -> None:
    path = tmp_path / "a.tif"
    imwrite(path, FIELD, photometric="rgb", metadata=None, extratags=[(274, 3, 1, value, True)])
    with open_tiff(path) as tiff:
        assert turn_of(tiff.pages[0]) == 1


class Page:
    imagewidth, imagelength = np.uint32(40), np.uint32(30)


def test_pictures_that_are_left_out_are_noted_the_first_three_by_size() -> None:
    none = Pictures(((Page(),),), (), (True,))  # type: ignore[arg-type]
    assert notes_of(none) == ()
    spare = ((9, 8), (7, 6), (5, 4), (3, 2))
    (note,) = notes_of(Pictures(((Page(),),), spare, (True,)))  # type: ignore[arg-type]
    assert note.startswith("of 5 images in it the largest is taken, 40 x 30 px")
    assert "9 x 8, 7 x 6, 5 x 4 px" in note
