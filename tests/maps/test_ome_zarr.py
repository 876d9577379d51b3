"""OME-Zarr 0.5: valid by its own models, the values that were written, and where they lie."""

import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from breastseg.errors import MissingPackageError
from breastseg.images import open_slide
from breastseg.labels import BUILT_IN
from breastseg.maps.files.ome_zarr import check_zarr, write_ome_zarr
from breastseg.maps.raster import Raster
from slide_files import levels_of, write_svs

zarr = pytest.importorskip("zarr")
models = pytest.importorskip("ome_zarr_models.v05")

MAP = BUILT_IN["region5"]
SIZE = (2600, 1900)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A slide that is red where x is large and green where y is, with labels at half its size."""
    folder = tmp_path_factory.mktemp("zarr")
    x, y = np.meshgrid(np.linspace(0, 255, SIZE[0]), np.linspace(0, 255, SIZE[1]))
    pixels = np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    write_svs(folder / "a.svs", levels_of(pixels, 2))
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, (SIZE[1] // 2, SIZE[0] // 2)).astype(np.uint8)
    with (
        closing(open_slide(folder / "a.svs")) as slide,
        Raster(folder / "r", labels.shape[::-1]) as raster,
    ):
        for box in raster.blocks(256):
            raster.write(box, labels[box.y : box.y + box.height, box.x : box.x + box.width])
        raster.finish()
        write_ome_zarr(slide, raster, MAP, folder / "map.ome.zarr")
    return folder / "map.ome.zarr", pixels, labels


def test_it_is_valid_by_the_models_of_the_format(written: tuple[Path, Any, Any]) -> None:
    """They hold it against the specification: axes, transforms, as many levels in both."""
    group = zarr.open_group(written[0], mode="r")
    image = models.Image.from_zarr(group)
    assert image.attributes.ome.version == "0.5"
    assert models.Labels.from_zarr(group["labels"]).attributes.ome.labels == ["tissue"]
    said = models.ImageLabel.from_zarr(group["labels/tissue"]).attributes.ome.image_label
    assert [color.rgba for color in said.colors][:2] == [(0, 0, 0, 0), (*MAP.classes[0].color, 255)]
    names = group["labels/tissue"].attrs["ome"]["image-label"]["properties"]
    assert [one["name"] for one in names] == ["not analysed", *MAP.names]


def test_labels_are_those_of_the_map(written: tuple[Path, Any, Any]) -> None:
    path, _, labels = written
    group = zarr.open_group(path, mode="r")["labels/tissue"]
    for level in range(3):
        step = 2**level
        assert np.array_equal(group[str(level)][:], labels[::step, ::step])
    assert "3" not in group


def test_slide_and_labels_lie_one_over_the_other(written: tuple[Path, Any, Any]) -> None:
    """Where a level says that its pixels are, in microns, the slide has that colour."""
    path, pixels, _ = written
    root = zarr.open_group(path, mode="r")
    with closing(open_slide(path.with_name("a.svs"))) as slide:
        mpp = slide.mpp
    for group, axes in ((root, 3), (root["labels/tissue"], 2)):
        for dataset in group.attrs["ome"]["multiscales"][0]["datasets"]:
            scale, shift = (one[one["type"]] for one in dataset["coordinateTransformations"])
            height, width = group[dataset["path"]].shape[-2:]
            assert len(scale) == axes
            ends = [(count * side) for count, side in zip((height, width), scale[-2:], strict=True)]
            assert ends == pytest.approx([SIZE[1] * mpp, SIZE[0] * mpp])
            assert shift[-2:] == pytest.approx([side / 2 for side in scale[-2:]])
    for level in range(3):
        small = root[str(level)][:]
        height, width = small.shape[1:]
        rows = ((np.arange(height) + 0.5) * SIZE[1] / height).astype(int)
        columns = ((np.arange(width) + 0.5) * SIZE[0] / width).astype(int)
        wanted = pixels[rows][:, columns].transpose(2, 0, 1).astype(int)
        assert np.abs(small.astype(int) - wanted).mean() < 3
    assert max(root["0"].shape) == 2048


def test_our_own_reader_takes_the_slide_in_it(written: tuple[Path, Any, Any]) -> None:
    with closing(open_slide(written[0])) as small:
        assert small.size_px == (2048, 1497)


@pytest.mark.slow
def test_a_large_map_is_not_held(tmp_path: Path, written: tuple[Path, Any, Any]) -> None:
    """12,000 px a side are 144 MB; a shard is 16 MB."""
    size = (12000, 12000)
    with (
        closing(open_slide(written[0].with_name("a.svs"))) as slide,
        Raster(tmp_path / "r", size) as raster,
    ):
        for box in raster.blocks(1024):
            raster.write(box, np.full((box.height, box.width), 1 + box.y % 5, np.uint8))
        raster.finish()
        tracemalloc.start()
        write_ome_zarr(slide, raster, MAP, tmp_path / "m.ome.zarr")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 90e6
    assert sorted(one.name for one in tmp_path.iterdir()) == ["m.ome.zarr", "r"]
    assert sum(1 for one in (tmp_path / "m.ome.zarr").rglob("*") if one.is_file()) < 100


def test_the_same_map_makes_the_same_bytes(tmp_path: Path, written: tuple[Path, Any, Any]) -> None:
    path, _, labels = written
    with (
        closing(open_slide(path.with_name("a.svs"))) as slide,
        Raster(tmp_path / "r", labels.shape[::-1]) as raster,
    ):
        for box in raster.blocks(256):
            raster.write(box, labels[box.y : box.y + box.height, box.x : box.x + box.width])
        raster.finish()
        write_ome_zarr(slide, raster, MAP, tmp_path / "m.ome.zarr")
    files = [one for one in path.rglob("*") if one.is_file()]
    assert len(files) > 20
    for one in files:
        assert one.read_bytes() == (tmp_path / "m.ome.zarr" / one.relative_to(path)).read_bytes()


def test_without_zarr_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'breastseg\[zarr\]'"):
        check_zarr()
