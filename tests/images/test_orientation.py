"""An orientation tag never parts an image from its mask or areas: alone it is read upright, with
an annotation it is refused."""

import json
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from test_codes import chunk
from tifffile import TiffWriter

from breastseg.cli import main
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import ImageError
from breastseg.images import check_upright, open_slide
from breastseg.images.readers.flat import FlatSlide, image_size
from breastseg.images.readers.orientation import turned
from conftest import crop, quiet

FIELD = np.ascontiguousarray(crop(0)[:96, :128])
ORIENTATIONS = range(1, 9)


def upright(orientation: int) -> np.ndarray:
    """Return FIELD turned by another route: Pillow's."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(FIELD)
    image.info["exif"] = exif.tobytes()
    image.getexif()[0x0112] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def write(path: Path, orientation: int) -> Path:
    if path.suffix == ".tif":
        with TiffWriter(path) as writer:
            writer.write(
                FIELD, photometric="rgb", metadata=None, extratags=[(274, 3, 1, orientation, True)]
            )
        return path
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(FIELD).save(
        path, exif=exif, **({"quality": 98, "subsampling": 0} if path.suffix == ".jpg" else {})
    )
    return path


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_picture_alone_is_read_upright_and_says_so(
    tmp_path: Path, suffix: str, orientation: int
) -> None:
    wanted = upright(orientation)
    assert np.array_equal(turned(FIELD, orientation), wanted)
    path = write(tmp_path / f"a.{suffix}", orientation)
    with closing(open_slide(path, mpp=0.5)) as slide:
        assert isinstance(slide, FlatSlide)
        assert slide.size_px == image_size(path) == (wanted.shape[1], wanted.shape[0])
        got = slide.read(mpp=0.5)
        assert np.abs(got.astype(int) - wanted).mean() < (2 if suffix == "jpg" else 1e-9)
        if orientation == 1:
            assert slide.notes == ()
            check_upright(slide, "m.png")
        else:
            note = (
                f"turned upright by its orientation tag ({orientation}); QuPath and others show it"
                " as it is stored"
            )
            assert slide.notes == (note,)
            with pytest.raises(
                ImageError,
                match=(rf"a\.{suffix}: .*orientation tag \({orientation}\).* m\.png"),
            ):
                check_upright(slide, "m.png")


SQUARE = {"type": "Polygon", "coordinates": [[[5, 5], [60, 5], [60, 50], [5, 50], [5, 5]]]}


@pytest.mark.parametrize("annotation", ["mask", "areas", "dots"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_prepare_takes_no_annotation_of_a_turned_picture(
    tmp_path: Path, annotation: str, orientation: int
) -> None:
    """Of a tag of 3, the image was turned and its mask was not: labels upside down, exit status
    0."""
    place = {"mask": "masks", "areas": "annotations", "dots": "points"}[annotation]
    for folder in ("images", place):
        (tmp_path / "data" / folder).mkdir(parents=True)
    write(tmp_path / "data" / "images" / "a.png", orientation)
    if annotation == "mask":
        size = upright(orientation).shape[:2]
        Image.fromarray(np.ones(size, np.uint8)).save(tmp_path / "data" / place / "a.png")
    elif annotation == "areas":
        feature = {
            "type": "Feature",
            "geometry": SQUARE,
            "properties": {"classification": {"name": "Tumor"}},
        }
        (tmp_path / "data" / place / "a.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": [feature]})
        )
    else:
        (tmp_path / "data" / place / "a.csv").write_text("x,y,class\n20,20,Tumor\n")
    config = PrepareConfig(to_mpp=0.5, mpp=0.5, labels="region5", workers=1)
    if orientation == 1:
        prepare(tmp_path / "data", tmp_path / "out", config, reporter=quiet)
    else:
        with pytest.raises(
            ImageError,
            match=(rf"images/a\.png: .*orientation tag \({orientation}\).* a\.\w+ "),
        ):
            prepare(tmp_path / "data", tmp_path / "out", config, reporter=quiet)


def test_nothing_is_proposed_for_a_turned_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A proposal is a mask for a person to correct, and for `prepare` to take."""
    path = write(tmp_path / "a.jpg", 3)
    assert main(["propose", str(path), "--mpp", "0.5", "--out", str(tmp_path / "out")]) == 2
    assert (
        "a.jpg: an orientation tag (3) turns it, and whether its proposal is turned too cannot be"
        " seen" in capsys.readouterr().err
    )


def png_turned_behind_its_pixels(path: Path, orientation: int) -> Path:
    Image.fromarray(FIELD).save(path)
    data = path.read_bytes()
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.write_bytes(
        data[:-12] + chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")) + data[-12:]
    )
    return path


@pytest.mark.parametrize("orientation", [2, 3, 6])
def test_a_tag_behind_the_pixels_is_told(tmp_path: Path, orientation: int) -> None:
    """It is seen when the image is decoded; with 3, the size did not give it away."""
    path = png_turned_behind_its_pixels(tmp_path / "a.png", orientation)
    say = (
        r"a\.png: turned by a tag behind its pixels, or changed .*; save it upright without the tag"
    )
    with closing(open_slide(path, mpp=0.5)) as slide, pytest.raises(ImageError, match=say):
        slide.read(mpp=0.5)


@pytest.mark.parametrize("value", [0, 9, 300])
def test_what_is_no_orientation_turns_nothing(tmp_path: Path, value: int) -> None:
    for name in ("a.png", "a.tif"):
        with closing(open_slide(write(tmp_path / name, value), mpp=0.5)) as slide:
            assert np.array_equal(slide.read(mpp=0.5), FIELD)
            assert slide.notes == ()


def test_a_slide_with_levels_is_not_turned(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.tif") as writer:
        for number, level in enumerate((FIELD, np.ascontiguousarray(FIELD[::2, ::2]))):
            tags = [(274, 3, 1, 6, True)]
            writer.write(
                level,
                photometric="rgb",
                metadata=None,
                tile=(64, 64),
                subfiletype=number,
                extratags=tags,
            )
    with pytest.raises(
        ImageError,
        match=(r"a\.tif: .*orientation tag \(6\), .*without levels"),
    ):
        open_slide(tmp_path / "a.tif", mpp=0.5)


def test_the_view_shows_neither_mask_nor_areas_on_a_turned_picture(tmp_path: Path) -> None:
    httpx = pytest.importorskip("httpx")
    serve_app = pytest.importorskip("serve_app")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    write(tmp_path / "images" / "a.png", 3)
    Image.fromarray(np.ones((96, 128), np.uint8)).save(tmp_path / "masks" / "a.png")
    said = "a.png: an orientation tag (3) turns it, and whether {} is turned too cannot be seen"
    headers = {"X-Breastseg": "1"}
    with (
        serve_app.serving(tmp_path) as served,
        httpx.Client(base_url=served.address, headers=headers, timeout=60) as client,
    ):
        (known,) = client.get("/api/gallery").json()["entries"]
        address = f"/api/entries/{known['id']}"
        told = client.get(address).json()
        assert told["layers"] == []
        assert any(
            "annotation cannot be shown" in doubt and said.format("a.png") in doubt
            for doubt in told["doubts"]
        )
        feature = {
            "type": "Feature",
            "geometry": SQUARE,
            "properties": {"classification": {"name": "Tumor"}},
        }
        refused = client.put(f"{address}/annotation", json={"version": "", "features": [feature]})
        assert (refused.status_code, said.format("a.geojson") in refused.json()["error"]) == (
            422,
            True,
        )
