"""The orientation tag of flat images, and how pixels are turned upright by it.

An image with an orientation tag is turned wherever it is looked at, as on a telephone. Nobody can
see whether a mask, or areas that were drawn elsewhere, lie on the image as it is stored (QuPath
and scikit-image show it so) or as it is turned (OpenCV, browsers and the view
of `breastseg serve` do): where the two would be put together, the image is refused by
`check_upright`, whatever the tag."""

import numpy as np

from breastseg.images.slide import Pixels

UPRIGHT = 1
"""The orientation that turns nothing."""


def upright_size(size_px: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Return the (width, height) that an image of some size has when it was turned."""
    return (size_px[1], size_px[0]) if orientation >= 5 else size_px


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return an image upright, by its orientation tag: what the first stored row and column are, 1
    to 8."""
    # 5 to 8 exchange rows and columns; of what that gives, 3, 4, 7, 8 go upwards and 2, 3, 6, 7
    # from right to left.
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)  # (W, H, 3)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
