"""A PNG checked by its own checksums, without decoding it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError
from breastseg.transfer import png
from breastseg.transfer.png import check_png


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(png, "_PIECE", 64)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_whole_png_has_its_size(path: Path) -> None:
    assert check_png(path) == (13, 9)


def test_a_png_cut_anywhere_is_refused(path: Path) -> None:
    data = path.read_bytes()
    for end in range(0, len(data), 23):
        path.write_bytes(data[:end])
        with pytest.raises(ImageError, match=r"a\.png: (cut short|not a PNG)"):
            check_png(path)


def test_a_changed_bit_anywhere_is_noticed(path: Path) -> None:
    data = path.read_bytes()
    for place in range(0, len(data), 23):
        changed = bytearray(data)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(ImageError, match=r"a\.png: "):
            check_png(path)
