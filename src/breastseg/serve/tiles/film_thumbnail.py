"""A small image of a prepared film."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from breastseg.errors import ImageError
from breastseg.images.readers.flat_file import MAX_PIXELS
from breastseg.serve.tiles.pieces import jpeg, thumbnail_size

_WHITE_PERCENT = 99.5
"""Some bright pixels, as of a clip or of calcium, must not make all others dark."""


def film_thumbnail(path: Path) -> bytes:
    """Return a 16-bit grey PNG at no more than 320 px as JPEG; its brightest parts are white.

    Raises:
        ImageError: it cannot be decoded.
    """
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.mode != "I;16" or picture.width * picture.height > MAX_PIXELS:
                raise ImageError(f"{path.name}: {picture.mode}, wanted 16 bits of grey")
            size = thumbnail_size(picture.size)
            pixels = np.asarray(picture, np.uint16)
    except ImageError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError) as cause:
        raise ImageError(f"{path.name}: cannot be decoded ({type(cause).__name__})") from None
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)  # (h, w)
    breast = small[small > 0]  # what was cut off is 0
    white = float(np.percentile(breast, _WHITE_PERCENT)) if breast.size else 1.0
    grey = np.clip(small * (255 / white), 0, 255).astype(np.uint8)
    return jpeg(np.repeat(grey[:, :, None], 3, axis=2))
