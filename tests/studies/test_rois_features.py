"""Features of crops, in pieces that stay."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from breastseg.errors import OutputError  # noqa: E402
from breastseg.networks.trunks import build_trunk  # noqa: E402
from breastseg.studies.rois import features  # noqa: E402


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 65536, (3, 32, 32)).astype(np.uint16)


def test_grey_values_are_shares_of_white() -> None:
    found = features.tensor_of(np.array([[[0, 65535]]], np.uint16))
    assert found.dtype == torch.float32
    assert found.tolist() == [[[0.0, 1.0]]]


def test_pieces_stay_and_are_read_again(crops: np.ndarray, tmp_path: Path) -> None:
    trunk = build_trunk("cnn", 1).eval()
    first = features.features_of(trunk, crops, tmp_path, "one")
    assert (first.shape, first.dtype) == ((3, 2 * trunk.channels), np.float32)
    path = tmp_path / "one-000.npy"
    np.save(path, first + 1)
    np.testing.assert_array_equal(features.features_of(trunk, crops, tmp_path, "one"), first + 1)
    maps = features.maps_of(trunk, crops, tmp_path, "maps")
    assert (len(maps), maps.ndim, maps.dtype) == (3, 4, np.float16)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b"no"), "no features"),
        (lambda path: np.save(path, np.zeros((2, 4), np.float32)), "not the features"),
        (lambda path: np.save(path, np.zeros((3, 4))), "not the features"),
        (lambda path: np.save(path, np.full((3, 4), np.nan, np.float32)), "no numbers"),
    ],
)
def test_a_damaged_piece_is_named(crops, tmp_path: Path, damage, said: str) -> None:
    damage(tmp_path / "one-000.npy")
    with pytest.raises(OutputError, match=said):
        features.features_of(build_trunk("cnn", 1).eval(), crops, tmp_path, "one")
