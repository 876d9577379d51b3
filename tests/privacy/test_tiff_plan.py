"""Which images and tags of a TIFF stay."""

from pathlib import Path

import numpy as np
import pytest
from tifffile import TiffWriter

from breastseg.errors import ImageError
from breastseg.privacy.tiff_form import TiffFileForm
from breastseg.privacy.tiff_plan import Plan, pixel_places, plan_tiff, size_of
from private_slides import (
    label_picture,
    tissue,
    write_labelled_ome,
    write_ndpi,
    write_scanned_svs,
)
from slide_files import TILES, halved


def plan_of(path: Path) -> Plan:
    with path.open("rb") as file:
        return plan_tiff(TiffFileForm(path, file))


@pytest.mark.parametrize(
    ("write", "name", "flavour", "counts"),
    [
        (write_scanned_svs, "a.svs", "svs", (3, 2)),
        (write_labelled_ome, "a.ome.tif", "ome", (1, 1)),
        (write_ndpi, "a.ndpi", "ndpi", (2, 2)),
    ],
)
def test_label_and_macro_go_and_levels_stay(
    tmp_path: Path, write: object, name: str, flavour: str, counts: tuple[int, int]
) -> None:
    plan = plan_of(write(tmp_path / name))  # type: ignore[operator]
    assert plan.flavour == flavour
    assert (len(plan.kept), len(plan.dropped)) == counts
    assert len([one for one in plan.findings if one.tag == "the whole image"]) == counts[1]


def test_of_a_plain_tiff_what_has_the_shape_of_a_level_stays(tmp_path: Path) -> None:
    odd = np.ascontiguousarray(halved(tissue())[:, :100])
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(tissue(), **TILES)
        writer.write(halved(tissue()), **TILES)
        writer.write(odd, **TILES)  # of another shape
        writer.write(halved(tissue(3)), photometric="rgb", metadata=None)  # in strips
        writer.write(label_picture(), photometric="rgb", metadata=None)
    plan = plan_of(tmp_path / "a.tif")
    with (tmp_path / "a.tif").open("rb") as file:
        form = TiffFileForm(tmp_path / "a.tif", file)
        assert [size_of(form, one) for one in plan.kept] == [(320, 256), (160, 128)]
        assert len(plan.dropped) == 3
        places = pixel_places(form, form.directories[0])
    assert len(places) == 20
    assert all(start + length <= form.end for start, length in places)


@pytest.mark.parametrize(
    ("tag", "value", "maker"),
    [
        (305, "Philips Scanner", "Philips"),
        (270, "<scn xmlns='http://www.leica-microsystems.com'>", "Leica SCN"),
        (305, "MetaMorph", "MetaMorph"),
        (50838, "x", "ImageJ"),
    ],
)
def test_makers_whose_files_are_not_understood_are_named(
    tmp_path: Path, tag: int, value: str, maker: str
) -> None:
    options = {"software": False, "extratags": [(tag, 2, len(value) + 1, value, True)]}
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(tissue(), **{**TILES, **options})
    with pytest.raises(ImageError, match=f"a TIFF of {maker}, not understood"):
        plan_of(tmp_path / "a.tif")


def test_a_slide_that_begins_with_its_label_is_refused(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(tissue(), **TILES, description="label of a slide")
        writer.write(tissue(1), **TILES)
    with pytest.raises(ImageError, match="its first image is a label or macro image"):
        plan_of(tmp_path / "a.tif")


def test_a_label_that_has_the_shape_of_a_level_goes_by_its_name(tmp_path: Path) -> None:
    with TiffWriter(tmp_path / "a.svs") as writer:
        for number, words in enumerate(["320x256", "160x128", "label 160x128"]):
            level = tissue() if not number else halved(tissue())
            writer.write(level, **TILES, description=f"Aperio Image Library v1.2.3\r\n{words}")
    plan = plan_of(tmp_path / "a.svs")
    assert (len(plan.kept), len(plan.dropped)) == (2, 1)
    assert plan.findings[0].kind == "label image"
