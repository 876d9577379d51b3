"""A small image of a 16-bit film."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.errors import ImageError
from breastseg.serve.tiles.film_thumbnail import film_thumbnail


def saved(values: np.ndarray, folder: Path) -> Path:
    Image.fromarray(values).save(folder / "image.png")
    return folder / "image.png"


def shown(path: Path) -> np.ndarray:
    with Image.open(io.BytesIO(film_thumbnail(path))) as picture:
        return np.asarray(picture.convert("RGB"))


def test_its_brightest_parts_are_white_however_dark_the_film_is(tmp_path: Path) -> None:
    values = np.zeros((400, 800), np.uint16)
    values[:, :400] = 500
    values[:, 400:600] = 250
    small = shown(saved(values, tmp_path))
    assert small.shape == (160, 320, 3)
    assert small[80, 80].min() > 250
    assert abs(int(small[80, 200, 0]) - 127) < 4
    assert small[80, 300].max() < 5


def test_a_film_without_light_is_black(tmp_path: Path) -> None:
    assert shown(saved(np.zeros((20, 10), np.uint16), tmp_path)).max() < 5


def test_what_is_not_16_bits_of_grey_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"^image\.png: .* wanted 16 bits of grey"):
        film_thumbnail(saved(np.zeros((4, 4), np.uint8), tmp_path))
    path = saved(np.zeros((40, 40), np.uint16), tmp_path)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ImageError, match="cannot be decoded"):
        film_thumbnail(path)
