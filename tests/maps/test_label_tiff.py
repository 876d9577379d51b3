"""The label OME-TIFF, read back by tools that know nothing of breastseg."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import openslide
import pytest
import tifffile
from PIL import Image

from breastseg.geometry import Box
from breastseg.labels import BUILT_IN
from breastseg.maps.files.label_tiff import write_label_tiff, write_planes_tiff
from breastseg.maps.raster import Raster

MAP = BUILT_IN["region5"]


def painted(size: tuple[int, int], seed: int = 0) -> npt.NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(
        0, 6, (size[1] // 90 + 1, size[0] // 90 + 1), dtype=np.uint8
    )
    return np.kron(coarse, np.ones((90, 90), np.uint8))[: size[1], : size[0]].copy()


def written(folder: Path, labels: npt.NDArray[np.uint8], name: str = "labels.ome.tif") -> Path:
    with Raster(folder / "scratch", (labels.shape[1], labels.shape[0])) as raster:
        raster.write(Box(0, 0, *raster.size_px), labels)
        raster.finish()
        write_label_tiff(raster, MAP, folder / name, mpp=0.5, notes={"model": "lite0"})
    return folder / name


@pytest.mark.parametrize("size", [(1, 1), (40, 300), (256, 256), (1500, 1100), (2100, 700)])
def test_tifffile_reads_the_labels_their_pyramid_and_names(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    labels = painted(size)
    path = written(tmp_path, labels)
    with tifffile.TiffFile(path) as tiff:
        assert tiff.is_ome
        levels = tiff.series[0].levels
        assert [max(level.shape) for level in levels[:-1] if max(level.shape) <= 512] == []
        assert max(levels[-1].shape) <= 512
        for number, level in enumerate(levels):
            array = level.asarray()
            assert array.dtype == np.uint8
            assert np.array_equal(array, labels[:: 2**number, :: 2**number])
            assert level.pages[0].tile == (256, 256)
        told = tiff.ome_metadata
    assert told is not None
    assert 'PhysicalSizeX="0.5"' in told
    assert 'PhysicalSizeXUnit="µm"' in told
    assert '<M K="0">not analysed</M>' in told
    assert '<M K="1">tumor #C80000</M>' in told
    assert '<M K="5">other #FFC800</M>' in told
    assert '<M K="model">lite0</M>' in told


def test_openslide_reads_it_with_its_mpp_and_in_its_colours(tmp_path: Path) -> None:
    labels = painted((700, 600))
    with openslide.OpenSlide(str(written(tmp_path, labels))) as slide:
        assert slide.dimensions == (700, 600)
        assert float(slide.properties[openslide.PROPERTY_NAME_MPP_X]) == pytest.approx(0.5)
        shown = np.asarray(slide.read_region((0, 0), 0, (700, 600)).convert("RGB"))
    assert np.array_equal(shown, MAP.palette()[labels])


def test_pillow_reads_the_values_as_labels(tmp_path: Path) -> None:
    labels = painted((300, 200))
    with Image.open(written(tmp_path, labels)) as picture:
        assert picture.mode == "P"
        assert np.array_equal(np.asarray(picture), labels)


def test_same_labels_same_bytes_and_nothing_beside(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    labels = painted((1300, 900))
    one, two = written(tmp_path / "a", labels), written(tmp_path / "b", labels)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["labels.ome.tif", "scratch"]
    labels[5, 5] ^= 1
    assert written(tmp_path / "b", labels, "other.ome.tif").read_bytes() != one.read_bytes()


def test_planes_are_channels_by_name(tmp_path: Path) -> None:
    planes = [painted((800, 600), seed) for seed in range(3)]
    rasters = []
    for number, plane in enumerate(planes):
        raster = Raster(tmp_path / str(number), (800, 600))
        raster.write(Box(0, 0, 800, 600), plane)
        raster.finish()
        rasters.append(raster)
    path = tmp_path / "probabilities.ome.tif"
    write_planes_tiff(rasters, ["a", "b", "c"], path, mpp=0.25, notes={"values": "probability"})
    for raster in rasters:
        raster.close()
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].axes == "CYX"
        for number, level in enumerate(tiff.series[0].levels):
            assert np.array_equal(level.asarray(), np.stack(planes)[:, :: 2**number, :: 2**number])
        assert tiff.ome_metadata is not None
        assert all(
            f'Name="{name}"' in tiff.ome_metadata for name in ("a", "b", "c", "probabilities")
        )
