"""Noise and contrast of a film, safe for 16 bits.

Every function takes (H, W) uint8 or uint16 and gives (H, W) uint16 of the full range; 8 bits are
multiplied by 257 first, so that white stays white.
"""

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError, InputError
from breastseg.mammography.working import Floats, Mask, Pixels, check_pixels

Film16 = npt.NDArray[np.uint16]


def in_16_bits(pixels: Pixels) -> Film16:
    """Return a film in 16 bits: 255 becomes 65535."""
    check_pixels(pixels)
    if pixels.dtype == np.uint16:
        return pixels.astype(np.uint16)
    return pixels.astype(np.uint16) * np.uint16(257)


def wiener(pixels: Pixels, *, window_px: int = 5) -> Film16:
    """Return a film without noise, by Wiener's filter with the local mean and variance.

    The noise is the mean of the local variances, as in `scipy.signal.wiener`; at its edges the film
    is mirrored, where SciPy takes zeros.

    Args:
        pixels: (H, W).
        window_px: side of the window, odd.

    Raises:
        InputError: the window is even or smaller than 3.
    """
    _check_window(window_px)
    values = in_16_bits(pixels).astype(np.float64)
    size = (window_px, window_px)
    mean = cv2.blur(values, size, borderType=cv2.BORDER_REFLECT)  # (H, W), as all that follow
    mean_of_squares = cv2.blur(values**2, size, borderType=cv2.BORDER_REFLECT)
    variance = np.maximum(mean_of_squares - mean**2, 0)  # rounding makes small negative ones
    noise = float(variance.mean())
    signal = np.maximum(variance - noise, 0)
    share = signal / np.maximum(np.maximum(variance, noise), 1e-9)
    return _rounded(mean + share * (values - mean))


def median(pixels: Pixels, *, window_px: int = 5) -> Film16:
    """Return a film with the median of a square window at each pixel.

    Args:
        pixels: (H, W).
        window_px: 3 or 5: OpenCV has no larger ones for 16 bits.

    Raises:
        InputError: another window.
    """
    if window_px not in (3, 5):
        raise InputError(f"a median window of {window_px} px, wanted 3 or 5")
    return np.asarray(cv2.medianBlur(in_16_bits(pixels), window_px), np.uint16)


def clahe(pixels: Pixels, *, clip_limit: float = 2.0, tiles: int = 8) -> Film16:
    """Return a film after contrast limited adaptive histogram equalisation.

    Args:
        pixels: (H, W).
        clip_limit: as in OpenCV: how many times the even height a histogram may be; over 0.
        tiles: tiles along each side.

    Raises:
        InputError: a clip limit or a number of tiles that cannot be.
    """
    if not 0 < clip_limit <= 1000:
        raise InputError(f"a clip limit of {clip_limit:g}, wanted more than 0 and 1000 at most")
    if not 1 <= tiles <= 64:
        raise InputError(f"{tiles} tiles a side, wanted 1 to 64")
    operator = cv2.createCLAHE(clipLimit=clip_limit, tileGridSize=(tiles, tiles))
    return np.asarray(operator.apply(in_16_bits(pixels)), np.uint16)


def adaptive_watershed(
    pixels: Pixels, breast: Mask, *, window_px: int = 51, core_px: float = 3.0
) -> npt.NDArray[np.int32]:
    """Return bright regions inside the breast: an adaptive threshold, parted by a watershed.

    Bright is what lies over the mean of its window (only pixels of the breast count in it) by a
    tenth of the breast's standard deviation. Markers are the cores of these parts: all that is at
    least `core_px` from their edge.

    Args:
        pixels: (H, W).
        breast: (H, W) bool.
        window_px: side of the window, odd.
        core_px: how far a core is from the edge of its part, in pixels.

    Returns:
        (H, W) int32: 0 outside the breast and where nothing is bright, then 1, 2, 3 ... a region
        each.

    Raises:
        ImageError: film and mask have other sizes.
        InputError: the window is even or smaller than 3.
    """
    _check_window(window_px)
    values = in_16_bits(pixels).astype(np.float32)
    if breast.shape != values.shape:
        raise ImageError(
            f"the film is {values.shape} and the mask {breast.shape}, wanted one size; use the "
            "mask of this film"
        )
    labels = np.zeros(values.shape, np.int32)
    if not breast.any():
        return labels
    local_mean = _mean_inside(values, breast, window_px)
    deviation = float(values[breast].std())
    bright = values > local_mean + 0.1 * deviation
    bright &= breast
    depth_px = cv2.distanceTransform(bright.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    cores = (depth_px >= core_px).astype(np.uint8)
    count, markers = cv2.connectedComponents(cores)
    if count < 2:
        return labels
    # the watershed needs a marker for the rest too; its lines (-1) fall to nothing
    markers[~bright] = count
    soft = cv2.GaussianBlur(values, (0, 0), 1.0) / 257
    grey = np.clip(soft, 0, 255).astype(np.uint8)
    # OpenCV's watershed takes (H, W, 3) of 8 bits alone
    three = np.repeat(grey[:, :, None], 3, axis=2)
    flooded = cv2.watershed(three, markers)
    is_region = (flooded > 0) & (flooded < count) & bright
    labels[is_region] = flooded[is_region]
    return labels


def _mean_inside(values: Floats, inside: Mask, window_px: int) -> Floats:
    """Return the mean of each window over the pixels inside a mask."""
    size = (window_px, window_px)
    # Both are means over the whole window; their ratio is the mean over its pixels inside.
    weight = cv2.blur(inside.astype(np.float32), size)
    values_inside = np.where(inside, values, 0).astype(np.float32)
    total = cv2.blur(values_inside, size)
    return np.asarray(total / np.maximum(weight, 1e-6), np.float32)


def _check_window(window_px: int) -> None:
    if window_px < 3 or window_px % 2 == 0:
        raise InputError(f"a window of {window_px} px, wanted an odd number of 3 or more")


def _rounded(values: npt.NDArray[np.float64]) -> Film16:
    return np.clip(np.rint(values), 0, 65535).astype(np.uint16)
