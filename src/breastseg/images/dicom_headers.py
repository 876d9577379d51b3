"""Reading DICOM headers by pydicom: what a damaged file makes it raise, in one line."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from breastseg.errors import BreastsegError, ImageError


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
