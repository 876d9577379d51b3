"""What is said of a TIFF that is broken, or of a kind that nobody reads here."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from breastseg.errors import BreastsegError, ImageError
from breastseg.images.pyramid import DAMAGE

REMEDY = "copy or export it again"
WANTED = "wanted one image in RGB or grey with 8 bits a channel; convert it"


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Raise ImageError, in one line, for what tifffile and its decoders raise at a broken file."""
    try:
        yield
    except BreastsegError:
        raise
    except DAMAGE as cause:
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise ImageError(f"{path}: cut short or damaged ({reason}); {REMEDY}") from None
