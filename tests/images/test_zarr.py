"""OME-Zarr: axes, versions, and folders that are broken."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import ImageError, MissingPackageError
from breastseg.geometry import Box
from breastseg.images import open_slide
from breastseg.images.readers import zarr
from conftest import crop
from slide_files import (
    halved,
    levels_of,
    write_zarr,
)

FIELD = crop(0)[:211, :253]


@pytest.mark.parametrize("axes", ["cyx", "yxc", "tczyx", "tzyxc"])
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_axes_of_zarr(tmp_path: Path, axes: str, version: str) -> None:
    slide = open_slide(
        write_zarr(tmp_path / "a.zarr", levels_of(FIELD), axes=axes, version=version)
    )
    assert (slide.size_px, slide.mpp, slide.mpp_source) == ((253, 211), 0.25, "OME-Zarr scale")
    assert np.array_equal(slide.read(mpp=0.25), FIELD)
    assert np.array_equal(slide.read(Box(8, 16, 128, 64), mpp=0.5), halved(FIELD)[8:40, 4:68])


def test_the_image_inside_what_bioformats2raw_writes(tmp_path: Path) -> None:
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zattrs").write_text(json.dumps({"bioformats2raw.layout": 3}))
    write_zarr(tmp_path / "a.zarr" / "0", [FIELD])
    assert np.array_equal(open_slide(tmp_path / "a.zarr").read(mpp=0.25), FIELD)


def test_zarr_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zarr(tmp_path / "a.zarr", [FIELD])
    monkeypatch.delitem(sys.modules, "breastseg.images.readers.zarr", raising=False)
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(
        MissingPackageError,
        match=r"a\.zarr: .*pip install 'breastseg\[zarr\]'",
    ):
        open_slide(path)


@pytest.mark.parametrize(
    ("change", "say"),
    [
        ({".zattrs": "{"}, r"\.zattrs: not JSON"),
        (
            {".zattrs": "{}"},
            r"a\.zarr: a Zarr without an image \(no 'multiscales'\), wanted OME-Zarr 0\.4 or 0\.5",
        ),
        (
            {".zattrs": '{"multiscales": [{"datasets": [{"path": "0"}]}]}'},
            r"a\.zarr: .* or not OME-Zarr 0\.4 or 0\.5 \(KeyError\('axes'\)\)",
        ),
        ({".zattrs": '{"multiscales": [7]}'}, r"a\.zarr: cut short or damaged, or not OME-Zarr"),
        ({".zattrs": "[1, 2]"}, r"a\.zarr: cut short or damaged, or not OME-Zarr"),
        (
            {
                ".zattrs": (
                    '{"multiscales": [{"axes": [{"name": "y"}, {"name": "x"}], "datasets":'
                    ' [{"path": "../b.zarr/0"}]}]}'
                )
            },
            r"a\.zarr: names pixels in another folder; put all of it into one",
        ),
        ({"0/.zarray": "3"}, r"a\.zarr: cut short or damaged"),
        ({"0/.zarray": None}, r"a\.zarr: cut short or damaged"),
        ({"0/0.0.0": "words"}, r"a\.zarr: cannot be read at x 0, y 0, 253 x 211 px of level 0"),
    ],
)
def test_broken_zarrs(tmp_path: Path, change: dict[str, str | None], say: str) -> None:
    path = write_zarr(tmp_path / "a.zarr", [FIELD])
    for name, content in change.items():
        if content is None:
            (path / name).unlink()
        else:
            (path / name).write_text(content)
    with pytest.raises(ImageError, match=say):
        open_slide(path, mpp=0.25).read(mpp=0.25)


def test_a_zarr_of_several_times_is_refused(tmp_path: Path) -> None:
    path = write_zarr(tmp_path / "a.zarr", [FIELD], axes="tcyx")
    text = (path / "0" / ".zarray").read_text()
    (path / "0" / ".zarray").write_text(json.dumps({**json.loads(text), "shape": [4, 3, 211, 253]}))
    with pytest.raises(
        ImageError,
        match=(r"a\.zarr: uint8 pixels, axes t 4, c 3, y 211, x 253; wanted"),
    ):
        open_slide(path)


def image(*scales: list[float], unit: str | None = "micrometer", of_whole: float = 1.0) -> dict:
    axes = [{"name": "c"}, {"name": "y", "unit": unit}, {"name": "x", "unit": unit}]
    steps = [{"type": "scale", "scale": scale} for scale in scales]
    whole = [{"type": "scale", "scale": [1.0, of_whole, of_whole]}, {"type": "translation"}]
    return {
        "axes": axes,
        "datasets": [{"coordinateTransformations": steps}],
        "coordinateTransformations": whole,
    }


def test_scales_of_a_level_and_of_the_whole_are_multiplied() -> None:
    clue = zarr._scale_clue(image([1.0, 0.5, 0.25], of_whole=2.0))
    assert clue.mpp == (0.5, 1.0), "x comes first, whatever the order of the axes"
    assert zarr._scale_clue(image([1.0, 250.0, 250.0], unit="nanometer")).mpp == (0.25, 0.25)
    assert zarr._scale_clue(image([1.0, 1.0, 1.0], unit=None)).mpp is None


def test_a_level_lies_inside_the_folder() -> None:
    whole, place = Path("a.zarr"), Path("a.zarr/0")
    assert zarr._inside(whole, place, "s0/data") == place / "s0" / "data"
    for name in ("../b", "s0/../../b", "/etc"):
        with pytest.raises(ImageError, match="another folder"):
            zarr._inside(whole, place, name)


@pytest.mark.parametrize("axes", ["cyx", "yxc", "xyc"])
def test_the_reader_gives_rows_columns_and_colours_in_any_order(tmp_path: Path, axes: str) -> None:
    path = write_zarr(tmp_path / "a.zarr", [FIELD], axes=axes)
    slide = zarr.ZarrSlide(path, 0.25)
    assert slide.size_px == (253, 211)
    assert np.array_equal(slide.read(Box(30, 20, 40, 50), mpp=0.25), FIELD[20:70, 30:70])
