"""Which reader a TIFF is for, by its directories alone."""

from pathlib import Path

import numpy as np
import pytest
from tifffile import imwrite

from breastseg.errors import ImageError
from breastseg.images.readers.tiff import kinds
from breastseg.images.readers.tiff.kinds import check_depth, is_large, is_plain
from slide_files import levels_of, move_tile, write_ome, write_svs, write_tiled
from tiff_files import FIELD, write


def test_levels_and_ome_make_a_slide(tmp_path: Path) -> None:
    assert is_large(write_tiled(tmp_path / "a.tif", levels_of(FIELD)))
    assert is_large(write_ome(tmp_path / "b.tif", [FIELD]))
    assert not is_large(write_tiled(tmp_path / "c.tif", [FIELD]))


@pytest.mark.parametrize(
    ("options", "is_slide"),
    [
        ({"tile": (64, 64), "compression": "lzw"}, True),
        ({"rowsperstrip": 48, "compression": "lzw"}, True),
        ({}, True),
        ({"rowsperstrip": 192, "compression": "lzw"}, False),
    ],
)
def test_a_large_picture_is_a_slide_where_it_lies_in_pieces(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, object],
    is_slide: bool,
) -> None:
    """One compressed strip has to be decoded whole, whoever reads it."""
    path = write(tmp_path / "a.tif", [FIELD], photometric="rgb", **options)
    assert not is_large(path)
    monkeypatch.setattr(kinds, "LARGE_PX", 256 * 192 - 1)
    assert is_large(path) is is_slide


def test_a_scanners_file_is_plain_when_all_its_tiles_are_there(tmp_path: Path) -> None:
    path = write_svs(tmp_path / "a.svs", levels_of(FIELD))
    assert is_plain(path)
    assert not is_plain(move_tile(path, 0, 3, past_end=False))


@pytest.mark.parametrize("kind", [np.uint16, np.int8, np.float32])
def test_a_scanners_file_of_another_depth_is_refused(tmp_path: Path, kind: type) -> None:
    path = tmp_path / "a.tif"
    imwrite(path, FIELD.astype(kind), photometric="rgb", tile=(64, 64), metadata=None)
    with pytest.raises(ImageError, match=r"a\.tif: .*-bit pixels, wanted"):
        check_depth(path)


def test_a_label_in_strips_may_have_any_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    imwrite(path, FIELD.astype(np.uint16), photometric="rgb", metadata=None)
    check_depth(path)
