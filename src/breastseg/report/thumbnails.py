"""Overviews of results, very small, as data addresses."""

import base64
import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from breastseg.maps.record import OVERLAYS
from breastseg.maps.small_copy import small_copy
from breastseg.processor import worker_count

THUMBNAIL_PX = 72
"""Longer side."""
_MOST_PX = 24_000_000
"""A larger overview is not decoded for so small an image."""
_MOST_COPY_PX = 512
"""A small copy with a longer side is none."""
_QUALITY = 45
_AHEAD = 16  # enough that no thread waits for the one that writes


def overview_of(folder: Path) -> str:
    """Return the name of a result's overview; "" without one. A link may lead anywhere."""
    for name in OVERLAYS:
        path = folder / name
        if path.is_file() and not path.is_symlink():
            return name
    return ""


def thumbnails(overviews: Iterable[Path | None]) -> Iterator[str]:
    """Yield each overview as a data address (WebP); "" for one that cannot be shown.

    A few are decoded ahead; no more are held.

    Args:
        overviews: images; None where there is none.
    """
    with ThreadPoolExecutor(worker_count()) as pool:
        waiting: deque[Future[str]] = deque()
        for overview in overviews:
            waiting.append(pool.submit(_thumbnail, overview))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _thumbnail(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        # Only the formats that predict writes: Pillow's others need not be tried on a foreign file.
        with Image.open(path, formats=("JPEG", "PNG")) as picture:
            small = _from_copy(small_copy(picture)) or _from_whole(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""  # a damaged image is no image
    if small is None:
        return ""
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BOX)
    data = io.BytesIO()
    small.save(data, format="WEBP", quality=_QUALITY, method=2)
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode()


def _from_copy(data: bytes) -> Image.Image | None:
    """Decode the small copy in an image's file: a fiftieth of the work. None without one that is
    whole and large enough."""
    if not data:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as copy:
            if THUMBNAIL_PX <= max(copy.size) <= _MOST_COPY_PX:
                return copy.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass  # the image itself is asked then
    return None


def _from_whole(picture: Image.Image) -> Image.Image | None:
    """Decode an image; None for one that is too large."""
    if picture.width * picture.height > _MOST_PX:
        return None
    picture.draft("RGB", (2 * THUMBNAIL_PX, 2 * THUMBNAIL_PX))  # an eighth is decoded
    return picture.convert("RGB")
