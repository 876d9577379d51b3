"""Images matched with masks or areas by name: what belongs together, and what leaves a doubt."""

from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.sources import open_source
from breastseg.sources.pairs import areas_of, files_in, match_drawn, names_of, others_of
from conftest import tcga
from source_folders import picture


def test_one_name_with_two_suffixes(painted: Path) -> None:
    picture(painted / "images" / f"{tcga('A2', 'A001')}.jpg")
    with pytest.raises(SourceError, match=r"second region named 'TCGA-A2-A001-.*' beside .*\.jpg"):
        open_source(painted)


def test_a_picture_without_a_mask_and_the_other_way(painted: Path) -> None:
    name = f"{tcga('A1', 'B001')}.png"
    (painted / "masks" / name).rename(painted / "spare.png")
    with pytest.raises(
        SourceError,
        match=rf"images/{name}: has no mask, wanted .*masks/{name}",
    ):
        open_source(painted)
    (painted / "spare.png").rename(painted / "masks" / name)
    (painted / "images" / name).unlink()
    with pytest.raises(
        SourceError,
        match=rf"masks/{name}: has no image, wanted .*images/{name}",
    ):
        open_source(painted)


NAMED = {
    "ome": ("x.ome.tif", "x.geojson"),
    "ome kept": ("x.ome.tif", "x.ome.geojson"),
    "whole ome": ("x.ome.tiff", "x.ome.tiff.geojson.gz"),
    "whole": ("x.svs", "x.svs.geojson"),
    "case of endings": ("x.SVS", "x.svs.GeoJSON"),
    "case of ome": ("x.OME.TIF", "x.geojson.GZ"),
    "a point in the name": ("x_MPP-0.2500.png", "x_MPP-0.2500.geojson"),
    "dots": ("x.ome.tif", "x_points.csv"),
    "dots of the whole": ("x.svs", "x.svs_Points.CSV"),
    "mask": ("x.ome.tif", "x_mask.png"),
    "mask of the whole": ("x.png", "x.png_mask.png"),
    "mask that is ome": ("x.png", "x_mask.ome.tif"),
    "mask in capitals": ("x.png", "x_MASK.PNG"),
}


@pytest.mark.parametrize(("image", "labels"), NAMED.values(), ids=NAMED)
def test_what_belongs_together_by_name(tmp_path: Path, image: str, labels: str) -> None:
    for name in (image, labels):
        (tmp_path / name).touch()
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert (region.image.name, region.labels.name) == (image, labels)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("x.svs", "x.geojson", "x.svs.geojson"),
            r"x\.svs\.geojson: belongs to x\.svs, as x\.geojson does; keep one of them",
        ),
        (
            ("x.svs", "x.geojson", "x.geojson.gz"),
            r"x\.geojson\.gz: belongs to x\.svs, as x\.geojson does; keep one of them",
        ),
        (
            ("x.svs", "x.png", "x.geojson"),
            r"second region named 'x' beside x\.(png|svs); rename one",
        ),
        (
            ("x.ome.tif", "x.png", "x.geojson"),
            r"second region named 'x' beside x\.(png|ome\.tif); rename one",
        ),
        (
            ("y.png", "x.svs.geojson"),
            (
                r"x\.svs\.geojson: has no image, wanted .*/x\.svs; add it .* \(looked for x\.svs"
                r" with \.png, .*\.svs"
            ),
        ),
        (
            ("y.png", "x.geojson"),
            (
                r"x\.geojson: has no image, wanted .*/x\.png; add it or take the mask away \(looked"
                r" for x with \.png, "
            ),
        ),
        (
            ("y.png", "x.png", "x_mask.png"),
            (
                r"y\.png: has no mask, wanted .*/y_mask\.png; .* \(looked for y_mask and"
                r" y\.png_mask with \.png"
            ),
        ),
    ],
)
def test_names_that_leave_a_doubt(tmp_path: Path, names: tuple[str, ...], message: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path, mpp=0.5)


def test_a_file_of_one_slide_leaves_its_namesake_alone(tmp_path: Path) -> None:
    for name in ("x.svs", "x.png", "x.svs.geojson"):
        (tmp_path / name).touch()
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert region.image.name == "x.svs"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("x.png", ("x", "x.png")),
        ("x.SVS", ("x", "x.svs")),
        ("x.ome.tif", ("x", "x.ome", "x.ome.tif")),
        ("x_MPP-0.2500.png", ("x_MPP-0.2500", "x_MPP-0.2500.png")),
        ("folder", ("folder",)),
    ],
)
def test_names_under_which_a_picture_is_looked_for(name: str, names: tuple[str, ...]) -> None:
    assert names_of(Path(name)) == names


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("b.png", "A.PNG", "._a.png", "x.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in files_in(tmp_path, (".png",))] == ["A.PNG", "b.png"]


def test_areas_that_may_be_of_two_pictures(tmp_path: Path) -> None:
    for name in ("x.png", "x.svs", "y.png", "x.geojson", "x.svs.geojson.gz"):
        (tmp_path / name).touch()
    assert [path.name for path in areas_of(tmp_path / "x.png")] == ["x.geojson"]
    assert len(areas_of(tmp_path / "x.svs")) == 2
    assert areas_of(tmp_path / "y.png") == []
    others = others_of(tmp_path / "x.geojson", tmp_path / "x.png")
    assert [path.name for path in others] == ["x.svs"]
    assert others_of(tmp_path / "x.svs.geojson.gz", tmp_path / "x.svs") == []


def test_pictures_with_nothing_drawn_are_counted(tmp_path: Path) -> None:
    for name in ("x.png", "y.png", "z.png", "y.geojson"):
        (tmp_path / name).touch()
    pairs, left_out = match_drawn(tmp_path, "", (".geojson",))
    assert [(pair.image.name, pair.labels.name) for pair in pairs] == [("y.png", "y.geojson")]
    assert left_out == 2
