"""Heads of columns: which of our names each one is, and which a person may have meant."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from breastseg.tables.cells import shown
from breastseg.tables.text import letters_of

NOTE = "note"
"""A column that any table may have, for a person's own words."""

_MEANT: Mapping[str, str] = {
    **dict.fromkeys(
        ("patientid", "patientname", "case", "caseid", "subject", "subjectid", "donor", "pid"),
        "patient",
    ),
    **dict.fromkeys(
        ("hospital", "centre", "center", "institution", "institute", "siteid", "clinic"), "site"
    ),
    **dict.fromkeys(
        (
            "um/px",
            "\u03bcm/px",
            "umperpx",
            "umpx",
            "micron",
            "microns",
            "micronsperpixel",
            "resolution",
            "pixelsize",
            "pixelsizeum",
            "mppx",
            "sourcempp",
            "imagempp",
        ),
        "mpp",
    ),
    **dict.fromkeys(("set", "subset", "part", "partition", "fold", "splits"), "split"),
    **dict.fromkeys(("roi", "field", "rectangle", "bounds", "boundingbox", "bbox"), "box"),
    **dict.fromkeys(("absent", "lacks", "excludes", "no", "not"), "without"),
    **dict.fromkeys(("present", "has", "contains", "includes", "somewhere"), "with"),
    **dict.fromkeys(("label", "classname", "classification", "type", "category"), "class"),
}
"""Heads that others use -> ours, so that an error can ask."""
_NAMES = (
    "file",
    "files",
    "filename",
    "filepath",
    "image",
    "images",
    "imageid",
    "imagename",
    "imagepath",
    "imagefile",
    "name",
    "path",
    "picture",
    "pictures",
    "region",
    "regionid",
    "regions",
    "sample",
    "slide",
    "slideid",
    "slidename",
    "slidepath",
    "slides",
)
"""Heads that others use for what a row is of."""
_WHAT = ("path", "image", "region", "slide")
"""What we call it."""


def wanted_csv(needed: Sequence[str], known: Sequence[str]) -> str:
    """Return which table was wanted, for an error."""
    wish = f"wanted a CSV with {', '.join(map(shown, needed))}"
    if known:
        wish += f" and any of {', '.join(map(shown, known))}"
    return wish


def named_columns(
    heads: Sequence[str],
    path: Path,
    error: type[Exception],
    *,
    needed: Sequence[str],
    known: Sequence[str],
    passive: Sequence[str],
    others: bool,
) -> list[str]:
    """Return our name of each column, "" for one without head."""
    names = (*needed, *known, *passive, NOTE)
    # Backwards, so that of names with the same letters the first stays.
    by_letters = {letters_of(name): name for name in reversed(names)}
    by_letters |= dict.fromkeys(("notes", "comment", "comments"), NOTE)
    columns = []
    unknown = []
    for head in heads:
        name = head if head in names else by_letters.get(letters_of(head), "")
        if head and not name:
            unknown.append(head)
        columns.append(name)
    wish = wanted_csv(needed, known)
    asked = _question(unknown, columns, (*needed, *known))
    if not set(needed) <= set(columns):
        there = ", ".join(shown(head) or "''" for head in heads[:30])
        raise error(f"{path}: columns are {there}; {wish}{asked}")
    if unknown and not others:
        raise error(
            f"{path}: unknown column '{shown(unknown[0])}', {wish}{asked}; what is for yourself"
            f" goes into a column '{NOTE}'"
        )
    # Where others may be there, they keep their heads.
    columns = [name or head for name, head in zip(columns, heads, strict=True)]
    _check_once(columns, heads, path, error)
    return columns


def _check_once(
    columns: Sequence[str], heads: Sequence[str], path: Path, error: type[Exception]
) -> None:
    for place, name in enumerate(columns):
        if name and name in columns[:place]:
            twice = []
            for head, other in zip(heads, columns, strict=True):
                if other == name:
                    twice.append(shown(head))
            raise error(
                f"{path}: column '{shown(name)}' is there twice ({', '.join(twice)}); keep one"
            )


def _question(unknown: Iterable[str], columns: Sequence[str], names: Sequence[str]) -> str:
    """Return which of our columns a person may have meant; nothing where none is near."""
    missing = [name for name in names if name not in columns]
    for head in unknown:
        letters = letters_of(head)
        # From sure to guessed: a word that others use, a misspelling, a longer head ("mpp [um]").
        near = [_MEANT.get(letters, "")]
        if letters in _NAMES:
            near += _WHAT
        near += difflib.get_close_matches(letters, missing, n=1, cutoff=0.6)
        near += [name for name in missing if letters.startswith(name)]
        for name in near:
            if name in missing:
                return f"; did you mean {name} by '{shown(head)}'?"
    return ""
