"""What is raised at a broken TIFF becomes one line."""

import struct
from pathlib import Path

import pytest

from breastseg.errors import ImageError, MppError
from breastseg.images.readers.tiff.damage import damage_told

PATH = Path("a.tif")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("two\n lines"), "two lines"),
        (struct.error("unpack requires 4 bytes"), "unpack requires 4 bytes"),
        (IndexError(), "IndexError"),
        (ZeroDivisionError("x"), "x"),
    ],
)
def test_damage_is_one_line_that_says_what_to_do(error: Exception, reason: str) -> None:
    with pytest.raises(ImageError) as caught, damage_told(PATH):
        raise error
    assert str(caught.value) == (f"a.tif: cut short or damaged ({reason}); copy or export it again")


@pytest.mark.parametrize("error", [MppError("ours"), MemoryError(), KeyboardInterrupt()])
def test_what_is_not_the_files_fault_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, damage_told(PATH):
        raise error
    assert caught.value is error
