"""The errors a person can cause, each one line long: what came, what was wanted, what to do.

BreastsegError
├── InputError           an option or argument is wrong            (also ValueError)
├── LabelError           a label code or class is not in the map   (also ValueError)
├── ImageError           an image or mask cannot be used          (also ValueError)
├── MppError             microns per pixel unknown or implausible  (also ValueError)
├── SourceError          no annotated regions where they should be (also FileNotFoundError)
├── DatasetError         a prepared data set is missing or broken  (also ValueError)
├── SplitError           a split is empty or leaks                 (also ValueError)
├── ModelError           a bundle is missing, altered or unfit     (also ValueError)
├── EngineError          the library that computes failed or died  (also RuntimeError)
├── OutputError          an output folder is in use                (also FileExistsError)
├── ShortageError        out of memory                             (also MemoryError)
├── IncompleteError      some of several slides failed, or doctor  (also RuntimeError)
│                        found that predicting does not work here
├── LeakError            audit found the same patient or tissue    (also RuntimeError)
│                        on two sides of a split
└── MissingPackageError  an optional package is not installed      (also ImportError)

`explained` turns what the system and the libraries raise into one of these.
"""

import errno
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHORT = re.compile(
    r"bad[_ ]alloc|out of memory|(?:not enough|insufficient) memory|(?:can ?not|can't|could"
    r" not|failed to|unable to) allocate"
    r"|failed to map segment|allocation failed|can't start new thread|resource temporarily"
    r" unavailable|error return without exception set",
    re.IGNORECASE,
)
"""What NumPy, OpenCV, OpenVINO, ONNX Runtime, PyTorch, zlib and the loader of libraries say when
memory has run out."""
_ENGINE = re.compile(
    r"Exception from src[/\\]|\[ONNXRuntimeError\]|onednn|oneDNN|could not create a primitive"
)
"""What OpenVINO and ONNX Runtime say of errors of their own."""
_AGAIN = "; nothing half-written was kept, mend it and run the same command again"
_DISK_IS_FULL = {
    errno.ENOSPC,
    errno.EROFS,
    *(getattr(errno, name) for name in ("EDQUOT",) if hasattr(errno, name)),
}


class BreastsegError(Exception):
    """Everything that a user's input can cause; the command line prints it as one line and exits
    with 2."""

    def __str__(self) -> str:
        """Return the message alone (the file errors among the parents would print a tuple), as one
        line that can be printed.

        Names of files, columns and classes stand in messages, and any of them may have line breaks,
        halves of letters or a million letters.
        """
        said = _cut(" ".join(str(argument) for argument in self.args))
        return said if said.isprintable() else _cut("".join(map(_printed, said)))


_MOST, _END = 2000, 400


def _cut(said: str) -> str:
    return (
        said if len(said) <= _MOST else f"{said[: _MOST - _END]} ... {said[-_END:]}"
    )  # what to do stands at the end


def _printed(letter: str) -> str:
    """Return a letter, or how Python writes it where it would break the line or cannot be
    encoded."""
    return (
        letter.encode("unicode-escape").decode()
        if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"}
        else letter
    )


class InputError(BreastsegError, ValueError):
    """An option or argument is wrong."""


class LabelError(BreastsegError, ValueError):
    """A label code, class or label map is wrong."""


class ImageError(BreastsegError, ValueError):
    """An image or mask cannot be used."""


class MppError(BreastsegError, ValueError):
    """Microns per pixel are unknown or implausible."""


class SourceError(BreastsegError, FileNotFoundError):
    """No annotated regions where they should be."""


class DatasetError(BreastsegError, ValueError):
    """A prepared data set is missing, unfinished or broken."""


class SplitError(BreastsegError, ValueError):
    """A split is empty, incomplete, or has one patient in two parts."""


class ModelError(BreastsegError, ValueError):
    """A model bundle is missing, altered, or does not fit the data."""


class EngineError(BreastsegError, RuntimeError):
    """The library that computes a network failed, or ended its process."""


class OutputError(BreastsegError, FileExistsError):
    """An output folder holds something else."""


class ShortageError(BreastsegError, MemoryError):
    """Memory has run out."""


class IncompleteError(BreastsegError, RuntimeError):
    """Some of several slides failed and the others are done, or predicting does not work on this
    machine."""


class LeakError(BreastsegError, RuntimeError):
    """The same patient, slide, region or tissue is on two sides of a split."""


class MissingPackageError(BreastsegError, ImportError):
    """An optional package is not installed."""


def explained(error: BaseException, where: str = "") -> BreastsegError | None:
    """Return an error of the system or of a library as one of ours, in one line; None for one that
    nobody foresaw.

    Args:
        error: what was raised.
        where: the file or folder in hand, said where the error names none.
    """
    if isinstance(error, BreastsegError):
        cause = error.__context__ if isinstance(error, MissingPackageError) else None
        # A library that there is no memory to load cannot be imported either; it is not missing.
        return (
            explained(cause, where)
            if cause is not None and _is_shortage(cause, str(cause))
            else error
        )
    text = " ".join(str(error).split())
    at = f"{where}: " if where else ""
    if _is_shortage(error, text):
        detail = f" ({text[-160:]})" if text and isinstance(error, Exception) else ""
        return ShortageError(
            f"{at}out of memory{detail}; take a smaller --box or image, fewer --threads or"
            " --workers, or a machine with more memory"
        )
    if isinstance(error, OSError):
        reason = error.strerror or text or type(error).__name__
        return BreastsegError(f"{_named(error) or where or 'a file'}: {reason}{_AGAIN}")
    if (
        isinstance(error, Exception)
        and not isinstance(error, AssertionError)
        and _ENGINE.search(text)
    ):
        return EngineError(
            f"{at}the engine failed ({text[-200:]}); if memory is not short, try another"
            " --precision or --backend and report this line"
        )
    return None


@contextmanager
def one_of_several(where: str, *, several: bool = True) -> Iterator[None]:
    """Raise whatever one item of several does as one of our errors, so that the others are not
    stopped by it.

    A full disk goes through as it is: it will meet all that follow. So does everything that a
        single item does.

    Args:
        where: the item's file.
        several: whether there are others.
    """
    try:
        yield
    except Exception as error:
        told = explained(error, where)
        if (
            not several
            or told is error
            or (isinstance(error, OSError) and error.errno in _DISK_IS_FULL)
        ):
            raise
        raise told or BreastsegError(f"{where}: {_unforeseen(error)}") from error


def _unforeseen(error: Exception) -> str:
    """Return an error of ours or of a library that nobody thought of, with its place."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f" at {Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
    return (
        f"could not be done ({type(error).__name__}{place}: {' '.join(str(error).split())[:200]});"
        " report it with this line"
    )


def _is_shortage(error: BaseException, text: str) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or (
        isinstance(error, Exception) and _SHORT.search(text) is not None
    )


def _named(error: OSError) -> str:
    name = error.filename
    return (
        name.decode("utf-8", "backslashreplace")
        if isinstance(name, bytes)
        else str(name)
        if name
        else ""
    )
