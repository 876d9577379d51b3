"""verify_mini_mias(): a copy of mini-MIAS against the release: what is missing, altered or turned.

Copies in circulation were made smaller, turned, saved as PNG or JPEG, or have other tables; a
circle of Info.txt does not fit them. Pixels are compared, not files, so that a PNG is right too.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError, SourceError
from breastseg.mammography.film import Grey
from breastseg.mammography.layouts import mini_mias
from breastseg.mammography.picture import read_picture

TABLE = "mini_mias_sha256.csv"
ROWS_SHA256 = "e76527f22b902ae4783369ce4b715612f685b997adafbc6ba6d7b89240635305"
"""Of Info.txt's rows, sorted, their words with one blank between and a line end between rows."""
TURNS: Mapping[str, Callable[[Grey], Grey]] = {
    "mirrored left to right": lambda pixels: pixels[:, ::-1],
    "upside down": lambda pixels: pixels[::-1],
    "turned by 180 degrees": lambda pixels: pixels[::-1, ::-1],
}


@dataclass(frozen=True)
class Sums:
    """SHA-256 of a film of the release.

    Attributes:
        pixels: of its 1024 x 1024 grey values, whatever file they are in.
        pgm: of the file as released.
    """

    pixels: str
    pgm: str


@dataclass(frozen=True)
class MiasCheck:
    """What was found.

    Attributes:
        whole: films whose pixels are those of the release.
        missing: films that are not there.
        wrong: (film, what is wrong with it).
        table: what is wrong with Info.txt, "" when it is right.
    """

    whole: tuple[str, ...]
    missing: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]
    table: str


def verify_mini_mias(folder: str | Path) -> MiasCheck:
    """Hold a copy of mini-MIAS against the release.

    Args:
        folder: the images with Info.txt, or a folder above.

    Raises:
        SourceError: no Info.txt and no film there.
        DatasetError: rows of Info.txt that do not fit.
    """
    layout = mini_mias.find(Path(folder))
    if layout is None:
        raise SourceError(f"{folder}: no Info.txt of mini-MIAS, wanted it with mdb001.pgm and on")
    digests = {film: sums.pixels for film, sums in release_sums().items()}
    whole, wrong = [], []
    paths = {entry.name: entry.path for entry in layout.entries}
    for film, path in paths.items():
        fault = _fault(path, film, digests)
        if fault:
            wrong.append((film, fault))
        else:
            whole.append(film)
    missing = [film for film in digests if film not in paths]
    table_fault = _table_fault(Path(folder))
    return MiasCheck(tuple(whole), tuple(missing), tuple(wrong), table_fault)


def release_sums() -> dict[str, Sums]:
    """Return the checksums of each film of the release, by its name."""
    text = files("breastseg.mammography.layouts").joinpath(TABLE).read_text(encoding="utf-8")
    all_sums = {}
    for line in text.splitlines()[1:]:
        film, pixels, pgm = line.split(",")
        all_sums[film] = Sums(pixels, pgm)
    return all_sums


def _fault(path: Path, film: str, digests: Mapping[str, str]) -> str:
    """Return what is wrong with an image, "" when its pixels are those of the release.

    Args:
        path: the image.
        film: its name.
        digests: film -> SHA-256 of its pixels in the release.
    """
    try:
        read = read_picture(path, film)
    except ImageError as cause:
        return str(cause)
    height, width = read.pixels.shape
    if (height, width) != (mini_mias.SIDE_PX, mini_mias.SIDE_PX):
        return f"{width} x {height} pixels, the release has 1024 x 1024: circles do not fit"
    own_digest = _digest(read.pixels)
    if own_digest == digests.get(film):
        return ""
    for name, turned in TURNS.items():
        if _digest(turned(read.pixels)) == digests.get(film):
            return f"{name}: circles do not fit"
    # Right pixels under a wrong name.
    for other, digest in digests.items():
        if digest == own_digest:
            return f"is {other} of the release"
    return "pixels are not those of the release"


def _digest(pixels: Grey) -> str:
    whole = np.ascontiguousarray(pixels // 257).astype(np.uint8)  # 8 bits, as in the release
    return hashlib.sha256(whole.tobytes()).hexdigest()


def _table_fault(folder: Path) -> str:
    # Sorted words: copies differ in blanks, line ends and the text round the table.
    rows = sorted(" ".join(row) for row in mini_mias.table_rows(folder))
    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    if digest == ROWS_SHA256:
        return ""
    return "rows of Info.txt are not those of the release"
