"""What is known of the file of a flat image before it is decoded."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import ImageError
from breastseg.images.readers import flat_file
from breastseg.images.readers.flat_file import check_area, first_bytes, is_tiff, joined

PIXELS = np.random.default_rng(0).integers(0, 256, (10, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize("rows", [1, 3, 4, 9])
def test_bands_put_together_are_the_whole(rows: int) -> None:
    bands = (PIXELS[top : top + rows] for top in range(0, 10, rows))
    assert np.array_equal(joined(bands, (7, 10)), PIXELS)


def test_a_band_that_is_all_of_it_is_not_copied() -> None:
    assert joined(iter([PIXELS]), (7, 10)) is PIXELS


@pytest.mark.parametrize("head", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_tiffs_of_either_order_and_size_are_known(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(head + bytes(100))
    assert is_tiff(path)
    path.write_bytes(head[::-1] + bytes(100))
    assert not is_tiff(path)


def test_a_short_file_has_fewer_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123456789")
    assert first_bytes(tmp_path / "a") == b"12345678"
    (tmp_path / "a").write_bytes(b"")
    assert first_bytes(tmp_path / "a") == b""


def test_no_file_and_a_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="a: not found"):
        first_bytes(tmp_path / "a")
    with pytest.raises(ImageError, match="is a folder, wanted an image"):
        first_bytes(tmp_path)


def test_the_largest_picture_is_just_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat_file, "MAX_PIXELS", 12_000_000)
    check_area(Path("a.png"), (4000, 3000))
    with pytest.raises(ImageError, match=r"a\.png: 4000 x 3001 px, .* up to 12 Mpx"):
        check_area(Path("a.png"), (4000, 3001))
