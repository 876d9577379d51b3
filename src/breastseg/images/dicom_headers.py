"""DICOM headers by pydicom: what a damaged file makes it raise, in one line; UIDs of what is
made."""

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from breastseg.errors import BreastsegError, ImageError

_ROOT = "2.25."
"""UIDs under it need no registration: a whole number of 128 bits follows."""


@contextmanager
def guarded_dicom(where: str) -> Iterator[None]:
    """Turn what a damaged file makes pydicom raise into an ImageError, and keep it quiet.

    Values are parsed when they are asked for, so that any line may meet any fault. What pydicom
    says of it is not passed on: it may hold values of the header.

    Raises:
        ImageError: naming `where`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that bend the standard; ours are checked
        try:
            yield
        except (BreastsegError, OSError, MemoryError):
            raise
        except Exception as cause:
            raise ImageError(
                f"{where}: a damaged DICOM file ({type(cause).__name__}); export it again"
            ) from cause


def uids_from(parts: Sequence[str]) -> Callable[[str], str]:
    """Return a function from a name to a UID that depends on the parts alone.

    Args:
        parts: what the object is made of.
    """
    seed = "".join(parts)

    def uid(name: str) -> str:
        digest = hashlib.sha256(f"{name} {seed}".encode()).digest()
        return _ROOT + str(int.from_bytes(digest[:16], "big"))

    return uid
