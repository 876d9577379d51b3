"""Arrays of a data set: mapped, never written to, and refused where they are others."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.data.arrays import array_path, map_array, save_array
from breastseg.errors import DatasetError
from field_data import small


def test_arrays_are_memory_maps_that_cannot_be_written(tmp_path: Path) -> None:
    data = small(tmp_path)
    (region,) = data.regions.index
    kinds = (
        (data.image(region), (40, 40, 3), np.uint8),
        (data.labels(region), (40, 40), np.uint8),
        (data.dots(region), (0, 3), np.int32),
    )
    for array, shape, kind in kinds:
        assert isinstance(array, np.memmap)
        assert (array.shape, array.dtype) == (shape, kind)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_missing_or_damaged_array_is_named(tmp_path: Path) -> None:
    data = small(tmp_path)
    (region,) = data.regions.index
    path = data.path / "arrays" / f"{region}.labels.npy"
    for content in (path.read_bytes()[:500], b"words", b""):
        path.write_bytes(content)
        with pytest.raises(
            DatasetError, match=r"labels\.npy: damaged .*; prepare the data set again"
        ):
            data.labels(region)
    path.unlink()
    path.mkdir()
    with pytest.raises(DatasetError, match=r"labels\.npy: cannot be read \(Is a directory\)"):
        data.labels(region)
    path.rmdir()
    with pytest.raises(DatasetError, match=r"labels\.npy: missing .*; prepare it again"):
        data.labels(region)


FOREIGN = {
    "other sizes": (
        np.zeros((5, 5), np.uint8),
        r"labels of \(5, 5\) \|u1, regions\.csv tells \(40, 40\) \|u1; prepare it again",
    ),
    "more sides": (
        np.zeros((40, 40, 1), np.uint8),
        r"labels of \(40, 40, 1\) \|u1, regions\.csv tells \(40, 40\) \|u1",
    ),
    "other numbers": (
        np.zeros((40, 40), np.int16),
        r"labels of \(40, 40\) <i2, regions\.csv tells \(40, 40\) \|u1",
    ),
    "turned": (
        np.asfortranarray(np.zeros((40, 40), np.uint8)),
        r"damaged \(not an array as prepare writes it\)",
    ),
    "objects": (np.array([{"a": 1}], object), r"labels of \(1,\) \|O, regions\.csv tells"),
    "other labels": (
        np.ones((40, 40), np.uint8),
        r"damaged \(other labels than regions\.csv counts\); prepare the data set again",
    ),
    "labels of no class": (
        np.full((40, 40), 200, np.uint8),
        r"damaged \(other labels than regions\.csv counts\)",
    ),
}


@pytest.mark.parametrize(("array", "message"), FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_array_is_named(tmp_path: Path, array: np.ndarray, message: str) -> None:
    """Nothing is mapped, loaded or unpickled that is not what regions.csv tells."""
    data = small(tmp_path)
    (region,) = data.regions.index
    np.save(data.path / "arrays" / f"{region}.labels.npy", array, allow_pickle=True)
    with pytest.raises(DatasetError, match=rf"{region}\.labels\.npy: {message}"):
        data.labels(region)


def test_an_array_that_is_longer_than_it_says(tmp_path: Path) -> None:
    data = small(tmp_path)
    (region,) = data.regions.index
    with (data.path / "arrays" / f"{region}.image.npy").open("ab") as file:
        file.write(b"more")
    with pytest.raises(
        DatasetError,
        match=r"image\.npy: damaged \(4,932 bytes, .*; prepare",
    ):
        data.image(region)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
        np.arange(12, dtype=np.int32).reshape(4, 3).T,
        np.empty((0, 3), np.int32),
    ],
)
def test_what_is_saved_is_mapped_and_numpy_reads_it_too(tmp_path: Path, array: np.ndarray) -> None:
    path = array_path(tmp_path, "a", "points")
    path.parent.mkdir()
    save_array(path, array)
    assert np.array_equal(np.load(path), array)
    shape = (None, *array.shape[1:])
    if array.size:
        assert np.array_equal(map_array(path, "points", array.dtype, shape), array)


def test_an_array_of_another_shape_is_named_with_both(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    save_array(path, np.zeros((2, 3), np.uint8))
    for dtype, shape in ((np.uint8, (2, 4)), (np.int32, (2, 3)), (np.uint8, (2, 3, 1))):
        with pytest.raises(DatasetError, match=r"labels of \(2, 3\) \|u1, regions\.csv tells"):
            map_array(path, "labels", np.dtype(dtype), shape)
