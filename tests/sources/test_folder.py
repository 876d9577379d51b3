"""Folders of one's own: layouts, and a label map beside the images."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import SourceError
from breastseg.labels import load_label_map
from breastseg.reporter import QUIET
from breastseg.sources import folder, open_source
from slide_files import levels_of, write_svs
from source_folders import picture


@pytest.mark.parametrize(
    "layout",
    [
        ("images", "masks"),
        ("images", "labels"),
        ("imgs", "masks"),
        ("image", "mask"),
        ("rgb", "masks"),
    ],
)
def test_own_folders(tmp_path: Path, layout: tuple[str, str]) -> None:
    picture(tmp_path / layout[0] / "one.jpg")
    picture(tmp_path / layout[1] / "one.tif", mask=True)
    source = open_source(tmp_path, mpp=0.5)
    assert source.description == "image-mask pairs: 1 image-mask pair, 1 patient, hospitals unknown"
    assert source.label_map is None
    (region,) = source.regions
    assert (region.id, region.patient, region.site, region.mpp, region.mpp_source) == (
        "one",
        "one",
        "",
        0.5,
        "given",
    )
    assert any(
        "no patient known for 1 image: each counts as a patient of its own; a --table can name them"
        in n
        for n in source.notes
    )


@pytest.mark.parametrize("suffix", ["mask", "labels"])
def test_one_flat_folder(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        picture(tmp_path / f"{name}.png")
        picture(tmp_path / f"{name}_{suffix}.png", mask=True)
    (tmp_path / "notes.txt").write_text("not an image")
    (tmp_path / "._a.png").write_bytes(b"what a Mac leaves")
    regions = open_source(tmp_path, mpp=0.5).regions
    assert [(r.id, r.labels.name) for r in regions] == [
        ("a", f"a_{suffix}.png"),
        ("b", f"b_{suffix}.png"),
    ]


def test_an_own_label_map_lies_beside_the_pictures(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.png")
    picture(tmp_path / "masks" / "a.png", mask=True)
    (tmp_path / "labels.yaml").write_text(
        "{name: own, classes: [{name: x, color: [1, 2, 3], codes: [1]}]}"
    )
    found = open_source(tmp_path, mpp=0.5).label_map
    assert found is not None
    assert load_label_map(found).name == "own"


def test_slides_in_a_folder_of_images(tmp_path: Path) -> None:
    for name in (
        "images/x.svs",
        "annotations/x.svs.geojson",
        "images/y.ome.tif",
        "annotations/y.geojson",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [region.image.name for region in open_source(tmp_path, mpp=0.5).regions] == [
        "x.svs",
        "y.ome.tif",
    ]


def test_a_mask_as_pyramid_beside_a_slide(tmp_path: Path) -> None:
    """As ASAP writes it: 8-bit codes, the slide's size, and its halves."""
    pixels = np.full((600, 800, 3), 200, np.uint8)
    (tmp_path / "s" / "images").mkdir(parents=True)
    write_svs(tmp_path / "s" / "images" / "a.svs", levels_of(pixels, 1))
    codes = np.zeros((600, 800), np.uint8)
    codes[100:300, 200:500] = 1
    codes[300:400, 200:300] = 2
    (tmp_path / "s" / "masks").mkdir()
    with tifffile.TiffWriter(tmp_path / "s" / "masks" / "a.tif") as tiff:
        for level in range(2):
            tiff.write(
                np.ascontiguousarray(codes[:: 2**level, :: 2**level]),
                tile=(128, 128),
                photometric="minisblack",
                compression="adobe_deflate",
                subfiletype=level,
            )
    config = PrepareConfig(to_mpp=0.5, labels="region5", workers=1)
    mpp = open_source(tmp_path / "s").regions[0].mpp
    data = prepare(tmp_path / "s", tmp_path / "data", config, reporter=QUIET)
    counts = np.bincount(np.asarray(data.labels("a")).ravel(), minlength=3)
    wanted = np.array([200 * 300, 100 * 100]) * (mpp / 0.5) ** 2
    assert counts[1:3] == pytest.approx(wanted, rel=0.05)


@pytest.mark.parametrize(
    ("image", "annotation", "kind"),
    [
        ("images/a.png", "annotations/a.geojson", "images with areas or dots"),
        ("images/a.png", "annotations/a.geojson.gz", "images with areas or dots"),
        (
            "images/a_MPP-0.2500.png",
            "annotations/a_MPP-0.2500.geojson.gz",
            "images with areas or dots",
        ),
        ("images/a.png", "points/a.csv", "images with areas or dots"),
        ("a.png", "a.geojson", "images with QuPath GeoJSON"),
        ("a.jpg", "a.GeoJSON", "images with QuPath GeoJSON"),
        ("a.png", "a.geojson.gz", "images with QuPath GeoJSON"),
        ("a.png", "a_points.csv", "images with dots"),
    ],
)
def test_layouts(tmp_path: Path, image: str, annotation: str, kind: str) -> None:
    for name in (image, annotation):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "labels.yaml").touch()
    (tmp_path / "patients.csv").touch()
    source = open_source(tmp_path, mpp=0.5)
    assert source.description.startswith(f"{kind}: 1 ")
    assert source.label_map == str(tmp_path / "labels.yaml")
    (region,) = source.regions
    assert (region.image, region.labels) == (tmp_path / image, tmp_path / annotation)
    (tmp_path / annotation).rename(
        (tmp_path / annotation).with_name(f"b{annotation.partition('/')[2][1:] or annotation[1:]}")
    )
    missing = (
        "mask" if "/" in image else "image"
    )  # beside images, one without annotation is not annotated yet
    with pytest.raises(
        SourceError, match=rf": has no {missing}, wanted .*; add it or take the (image|mask) away"
    ):
        open_source(tmp_path, mpp=0.5)


def test_pictures_alone_are_no_source(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    assert folder.find(tmp_path) is None


def test_pictures_that_are_not_annotated_yet_are_counted(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        picture(tmp_path / f"{name}.png")
    (tmp_path / "a_points.csv").touch()
    found = folder.find(tmp_path)
    assert found is not None
    assert [pair.image.name for pair in found.pairs] == ["a.png"]
    assert found.note.startswith("2 images without NAME_points.csv")


def test_xml_counts_where_it_is_asaps(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text("<Other/>")
    assert folder.find(tmp_path) is None
    (tmp_path / "a.xml").write_text("<ASAP_Annotations/>")
    found = folder.find(tmp_path)
    assert found is not None
    assert found.kind == "images with ASAP XML"
