"""TIFF slides are copied without what tells of a person, and every tile stays."""

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from openslide import OpenSlide
from tifffile import TiffFile, TiffWriter, imread

from breastseg.errors import ImageError
from breastseg.images import open_slide
from breastseg.privacy import look_at
from breastseg.privacy.tiff import copy_tiff
from conftest import SHARED
from private_slides import (
    SECRETS,
    label_picture,
    tissue,
    write_labelled_ome,
    write_ndpi,
    write_scanned_svs,
)
from slide_files import TILES, halved, levels_of, write_ome, write_scn, write_svs, write_tiled

SLIDES = SHARED / "slides"


def check_nothing_told(path: Path) -> None:
    data = path.read_bytes()
    for secret in SECRETS:
        assert secret not in data, secret
    for row in label_picture():
        assert row.tobytes() not in data


def mpp_of(path: Path) -> float:
    with closing(open_slide(path)) as slide:
        return slide.mpp


@pytest.mark.parametrize("bigtiff", [False, True])
def test_an_svs_loses_label_macro_and_names_and_keeps_its_pixels(
    tmp_path: Path, bigtiff: bool
) -> None:
    slide = write_scanned_svs(tmp_path / "a.svs", bigtiff=bigtiff)
    assert any(secret in slide.read_bytes() for secret in SECRETS)
    assert label_picture()[0].tobytes() in slide.read_bytes()

    found, levels = copy_tiff(slide, tmp_path / "b.svs")

    check_nothing_told(tmp_path / "b.svs")
    with OpenSlide(slide) as before, OpenSlide(tmp_path / "b.svs") as after:
        assert set(before.associated_images) == {"thumbnail", "label", "macro"}
        assert set(after.associated_images) == {"thumbnail"}
        assert after.level_dimensions == before.level_dimensions == ((320, 256), (160, 128))
        assert after.properties["openslide.mpp-x"] == before.properties["openslide.mpp-x"]
        assert after.properties["openslide.objective-power"] == "20"
    with TiffFile(tmp_path / "b.svs") as tiff:
        assert len(tiff.pages) == 3
        assert np.array_equal(tiff.pages[0].asarray(), tissue())
        assert np.array_equal(tiff.pages[2].asarray(), halved(tissue()))
    assert [level.tiles for level in levels] == [20, 1, 6]
    kinds = {(one.tag, one.kind) for one in found}
    assert ("the whole image", "label image") in kinds
    assert ("the whole image", "macro image") in kinds
    assert ("ImageDescription |User", "name of a person") in kinds
    assert ("DateTime", "date and time") in kinds
    assert ("tag 65000", "private tag: unknown") in kinds
    assert not any(secret.decode() in repr(found) for secret in SECRETS)


def test_an_ndpi_loses_macro_map_and_names_and_keeps_its_pixels(tmp_path: Path) -> None:
    slide = write_ndpi(tmp_path / "a.ndpi")
    assert label_picture()[0].tobytes() in slide.read_bytes()
    found, levels = copy_tiff(slide, tmp_path / "b.ndpi")
    check_nothing_told(tmp_path / "b.ndpi")
    assert [(level.width_px, level.height_px) for level in levels] == [(320, 256), (160, 128)]
    with TiffFile(slide) as before, TiffFile(tmp_path / "b.ndpi") as after:
        assert (before.is_ndpi, after.is_ndpi) == (True, True)
        assert (len(before.pages), len(after.pages)) == (4, 2)
        for number in (0, 1):
            assert after.pages[number].tags[65421].value == before.pages[number].tags[65421].value
            assert np.array_equal(after.pages[number].asarray(), before.pages[number].asarray())
    kinds = {(one.place, one.kind) for one in found}
    assert {("image 2", "macro image"), ("image 3", "map of the slide")} <= kinds
    shutil.copy(slide, tmp_path / "c.tif")
    with pytest.raises(ImageError, match="call it NAME"):
        copy_tiff(tmp_path / "c.tif", tmp_path / "d.tif")


def test_an_ome_tiff_keeps_its_first_picture_and_what_reads_it(tmp_path: Path) -> None:
    slide = write_labelled_ome(tmp_path / "a.ome.tif")
    found, levels = copy_tiff(slide, tmp_path / "b.ome.tif")
    check_nothing_told(tmp_path / "b.ome.tif")
    assert [(level.width_px, level.tiles) for level in levels] == [(320, 20), (160, 6)]
    assert mpp_of(tmp_path / "b.ome.tif") == mpp_of(slide) == 0.5
    with TiffFile(tmp_path / "b.ome.tif") as tiff:
        assert len(tiff.series) == 1
        assert len(tiff.series[0].levels) == 2
        assert np.array_equal(tiff.series[0].asarray(), tissue())
    assert {"OME-XML AcquisitionDate", "OME-XML Description"} <= {one.tag for one in found}


@pytest.mark.parametrize("write", [write_svs, write_tiled, write_ome])
def test_a_slide_that_tells_nothing_is_read_as_before(tmp_path: Path, write: object) -> None:
    name = "a.ome.tif" if write is write_ome else "a.svs" if write is write_svs else "a.tif"
    slide = write(tmp_path / name, levels_of(tissue()))
    out = tmp_path / f"copy-{name}"
    _, levels = copy_tiff(slide, out)
    assert len(levels) >= 3
    assert np.array_equal(imread(out), imread(slide))
    assert mpp_of(out) == mpp_of(slide)
    if name != "a.ome.tif":
        with OpenSlide(slide) as before, OpenSlide(out) as after:
            assert after.level_dimensions == before.level_dimensions


def test_a_plain_pyramid_loses_texts_and_pictures_of_another_shape(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(tissue(), **TILES, description="S09-1234", software="of Miller")
        writer.write(halved(tissue()), **TILES, subfiletype=1)
        writer.write(label_picture(), photometric="rgb", metadata=None)
    found, levels = copy_tiff(tmp_path / "a.tif", tmp_path / "b.tif")
    check_nothing_told(tmp_path / "b.tif")
    assert len(levels) == 2
    assert [one.tag for one in found][:1] == ["the whole image"]


def test_what_hides_between_the_parts_of_a_file_is_not_copied(tmp_path: Path) -> None:
    slide = write_tiled(tmp_path / "a.tif", levels_of(tissue()))
    with slide.open("ab") as file:
        file.write(b"S09-1234 Miller")
    copy_tiff(slide, tmp_path / "b.tif")
    check_nothing_told(tmp_path / "b.tif")


def test_a_label_that_shares_bytes_with_tissue_is_refused(tmp_path: Path) -> None:
    slide = write_scanned_svs(tmp_path / "a.svs")
    with TiffFile(slide, mode="r+") as tiff:
        inside = tiff.pages[0].dataoffsets[0] + 5
        tiff.pages[3].tags["StripOffsets"].overwrite([inside])
    with pytest.raises(ImageError, match="cannot be parted from the pixels"):
        copy_tiff(slide, tmp_path / "b.svs")


def test_a_tile_with_exif_is_refused(tmp_path: Path) -> None:
    slide = tmp_path / "a.tif"
    with TiffWriter(slide) as writer:
        writer.write(tissue(), **{**TILES, "compression": "jpeg"})
    with TiffFile(slide) as tiff:
        start = tiff.pages[0].dataoffsets[0]
    data = bytearray(slide.read_bytes())
    assert data[start : start + 2] == b"\xff\xd8"
    data[start + 2 : start + 6] = b"\xff\xe1\x00\x40"
    slide.write_bytes(data)
    with pytest.raises(ImageError, match="carries text or Exif"):
        copy_tiff(slide, tmp_path / "b.tif")


def test_formats_that_are_not_understood_are_refused(tmp_path: Path) -> None:
    scn = write_scn(tmp_path / "a.scn", levels_of(tissue()))
    with pytest.raises(ImageError, match="Leica SCN, not understood"):
        copy_tiff(scn, tmp_path / "b.scn")
    mrxs = tmp_path / "a.mrxs"
    mrxs.write_bytes(b"\xff\xd8\xff" + bytes(200))
    with pytest.raises(ImageError, match="MRXS is not understood"):
        look_at(mrxs)


@pytest.mark.parametrize(
    "name", ["CMU-1-Small-Region.svs", "fluorescence.ndpi", "tcga-cr-7395-01a-01-ts1.svs"]
)
def test_slides_of_scanners(tmp_path: Path, name: str) -> None:
    slide = SLIDES / name
    if not slide.is_file():
        pytest.skip(f"{slide} is not here")
    own = tmp_path / f"own{slide.suffix}"
    shutil.copy(slide, own)
    copy = tmp_path / f"copy{slide.suffix}"
    copy_tiff(own, copy)
    with OpenSlide(own) as before, OpenSlide(copy) as after:
        assert set(after.associated_images) <= {"thumbnail"}
        assert after.level_dimensions == before.level_dimensions
        for key in ("openslide.mpp-x", "openslide.objective-power"):
            assert after.properties.get(key) == before.properties.get(key)
        level = before.level_count - 1
        size = tuple(min(side, 512) for side in before.level_dimensions[level])
        same = [np.array(one.read_region((0, 0), level, size)) for one in (before, after)]
        assert np.array_equal(*same)
    for told in (b"CMU-1", b"ScanScope", b"Created=", b"950291", b"2017:02:07"):
        assert told not in copy.read_bytes()
