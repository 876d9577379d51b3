"""Data sets of mammograms, recognised by looking; one file each with the facts of its release."""

from pathlib import Path

from breastseg.errors import SourceError
from breastseg.mammography.layouts import (
    bcdr,
    cbis_ddsm,
    cmmd,
    curated,
    ddsm,
    inbreast,
    loose,
    mini_mias,
    rsna,
    vindr,
)
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut

__all__ = ["LAYOUTS", "Entry", "Layout", "LeftOut", "find_layout"]

LAYOUTS = (mini_mias, cbis_ddsm, vindr, curated, inbreast, cmmd, ddsm, bcdr, rsna)
"""The more particular first."""


def find_layout(root: Path, *, keep_names: bool = False) -> Layout:
    """Recognise what a folder holds, and list its films.

    Args:
        root: a folder of a data set, or of films; or one film.
        keep_names: call loose DICOM films as their files are called.

    Raises:
        SourceError: nothing there, or no film in it.
        DatasetError: a table of the data set that does not fit.
    """
    if not root.exists():
        raise SourceError(f"{root}: not found, wanted a folder of mammograms")
    for module in LAYOUTS:
        layout: Layout | None = module.find(root)
        if layout is not None:
            return layout
    # Last: films of a data set are films too, and would lose what their tables know.
    films = loose.find(root, keep_names=keep_names)
    if films is None:
        names = [module.NAME for module in LAYOUTS]
        raise SourceError(
            f"{root}: no mammograms in it, wanted DICOM, PGM, PNG or TIFF, or a data set "
            f"({', '.join(names)})"
        )
    return films
