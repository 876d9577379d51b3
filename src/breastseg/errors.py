"""The errors a person can cause, each one line long: what came, what was wanted, what to do.

BreastsegError
├── InputError           an option or argument is wrong            (also ValueError)
├── LabelError           a label code or class is not in the map   (also ValueError)
├── ImageError           a picture or mask cannot be used          (also ValueError)
├── MppError             microns per pixel unknown or implausible  (also ValueError)
├── SourceError          no annotated regions where they should be (also FileNotFoundError)
├── DatasetError         a prepared data set is missing or broken  (also ValueError)
├── SplitError           a split is empty or leaks                 (also ValueError)
├── ModelError           a bundle is missing, altered or unfit     (also ValueError)
├── EngineError          the library that computes failed or died  (also RuntimeError)
├── OutputError          an output folder is in use                (also FileExistsError)
├── IncompleteError      some of several slides failed, or doctor  (also RuntimeError)
│                        found that predicting does not work here
├── LeakError            audit found the same patient or tissue    (also RuntimeError)
│                        on two sides of a split
└── MissingPackageError  an optional package is not installed      (also ImportError)
"""

import unicodedata


class BreastsegError(Exception):
    """Everything that a user's input can cause; the command line prints it as one line and exits with 2."""

    def __str__(self) -> str:
        """Return the message alone (the file errors among the parents would print a tuple), as one line that can be printed.

        Names of files, columns and classes stand in messages, and any of them may have line breaks, halves of letters or a million letters.
        """
        said = _cut(" ".join(str(argument) for argument in self.args))
        return said if said.isprintable() else _cut("".join(map(_printed, said)))


_MOST, _END = 2000, 400


def _cut(said: str) -> str:
    return said if len(said) <= _MOST else f"{said[: _MOST - _END]} ... {said[-_END:]}"  # what to do stands at the end


def _printed(letter: str) -> str:
    """Return a letter, or how Python writes it where it would break the line or cannot be encoded."""
    return letter.encode("unicode-escape").decode() if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter


class InputError(BreastsegError, ValueError):
    """An option or argument is wrong."""


class LabelError(BreastsegError, ValueError):
    """A label code, class or label map is wrong."""


class ImageError(BreastsegError, ValueError):
    """A picture or mask cannot be used."""


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
    """The library that computes a network failed, ran out of memory, or ended its process."""


class OutputError(BreastsegError, FileExistsError):
    """An output folder holds something else."""


class IncompleteError(BreastsegError, RuntimeError):
    """Some of several slides failed and the others are done, or predicting does not work on this machine."""


class LeakError(BreastsegError, RuntimeError):
    """The same patient, slide, region or tissue is on two sides of a split."""


class MissingPackageError(BreastsegError, ImportError):
    """An optional package is not installed."""
