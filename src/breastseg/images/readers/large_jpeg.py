"""A large JPEG, decoded to three bytes a pixel.

Pillow holds four bytes a pixel, and the array beside it takes three: 1.2 GB for 177 Mpx.
imagecodecs writes into the array itself. Both call libjpeg-turbo and give the same pixels, but
imagecodecs fills up what was cut off, where Pillow refuses. So something stands behind the file
here that no decoder passes over, and whatever is refused so is left to Pillow, which has the last
word.
"""

from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image

from breastseg.images.pyramid import DAMAGE
from breastseg.images.slide import Pixels

LARGE_PX = 16_000_000
"""A JPEG that has more is decoded here."""
_NO_END = b"\xff\xd8" * 2**15
"""Beginnings of further images, longer than the longest segment: read only where the end was
missed, and an error then."""


def decode_large(image: Image.Image, path: Path) -> Pixels | None:
    """Return a large RGB JPEG as it is stored: (H, W, 3) uint8; None where Pillow must decode it.

    Args:
        image: the file opened by Pillow, nothing of it decoded.
        path: the file.
    """
    width, height = image.size
    if image.format == "PNG" or image.mode != "RGB" or width * height <= LARGE_PX:
        return None
    # A JPEG larger than its pixels holds something else; it is not held whole beside them.
    most = 3 * width * height
    try:
        with path.open("rb") as file:
            data = file.read(most)
        if len(data) == most:
            return None
        pixels = np.empty((height, width, 3), np.uint8)
        imagecodecs.jpeg8_decode(data + _NO_END, out=pixels)
    except DAMAGE:
        return None
    return pixels
