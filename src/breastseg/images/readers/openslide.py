"""Scanners' own formats through OpenSlide: SVS, NDPI, MRXS, SCN, BIF, VMS, DICOM and others.

Where a slide has bounds (MRXS, SCN: scanned islands on a large empty canvas), level 0 is the
rectangle of its bounds. Where the header of DICOM calls RGB what is YCbCr, colours are turned
right.
"""

import re
import threading
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import openslide
from PIL import Image

from breastseg.errors import ImageError
from breastseg.geometry import Box
from breastseg.images.open import is_dicom
from breastseg.images.pyramid import Pyramid
from breastseg.images.readers.dicom import misnamed_levels
from breastseg.images.resolution import Clue, find_mpp, objective_clue, tiff_clues, written_mpp
from breastseg.images.scanner import scanner_of
from breastseg.images.slide import Pixels

_TIFF_UNITS = {"none": 1, "inch": 2, "centimeter": 3}
_DICOM_SERIES = re.compile(rb"\x20\x00\x0e\x00UI..([0-9.]+)", re.DOTALL)
_DICOM_HEADER = 2**16
_INDEX_HEAD, _INDEX_BYTES = 128, 2**20
"""OpenSlide reads no larger index either."""
_ELSEWHERE = re.compile(
    rb"^\s*(?:ImageFile[^=\n]*|MapFile|OptimisationFile|MacroImage|INDEXFILE|FILE_\d+)\s*=[^\n]*[/"
    rb"\\]",
    re.I | re.M,
)
"""What VMS, VMU, and MRXS's Slidedat.ini name their files by."""


class VendorSlide(Pyramid):
    """A slide that OpenSlide knows. What was not scanned is white."""

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Open a slide and find its microns per pixel.

        Args:
            path: a file, or a folder with the DICOM files of one slide.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: broken, a folder with several DICOM series, or an index that names a file
                elsewhere.
            MppError: no mpp was given and the file has none that is plausible.
        """
        self._file = _dicom_file(path) if path.is_dir() else path
        misnamed = misnamed_levels(self._file) if is_dicom(self._file) else frozenset()
        _check_index(self._file)
        try:
            self._handle = openslide.OpenSlide(self._file)
        except openslide.OpenSlideError as cause:
            raise ImageError(
                f"{path}: a slide that cannot be opened ({cause}); copy or export it again"
            ) from None
        self._lock = threading.Lock()
        said, full = self._handle.properties, self._handle.dimensions
        names = (
            openslide.PROPERTY_NAME_BOUNDS_X,
            openslide.PROPERTY_NAME_BOUNDS_Y,
            openslide.PROPERTY_NAME_BOUNDS_WIDTH,
            openslide.PROPERTY_NAME_BOUNDS_HEIGHT,
        )
        self._bounds = Box(
            *(int(said.get(name, other)) for name, other in zip(names, (0, 0, *full), strict=True))
        )
        sizes, self._factors = self._handle.level_dimensions, self._handle.level_downsamples
        if sizes.count(full) > 1:
            self._handle.close()
            raise ImageError(
                f"{path}: {sizes.count(full)} pictures of {full[0]} x {full[1]} px (planes of"
                " focus), wanted one; export one alone"
            )
        self._in_ycbcr = frozenset(level for level, size in enumerate(sizes) if size in misnamed)
        levels = [
            self._bounded(size, factor) for size, factor in zip(sizes, self._factors, strict=True)
        ]
        super().__init__(path, levels, find_mpp(path, mpp, _clues(said)))
        self.scanner = scanner_of(said)

    def _bounded(self, size: tuple[int, int], factor: float) -> tuple[int, int]:
        if (self._bounds.width, self._bounds.height) == self._handle.dimensions:
            return size
        return max(1, int(self._bounds.width / factor)), max(1, int(self._bounds.height / factor))

    def _stored(self, level: int, box: Box) -> Pixels:
        handle = self._handle
        try:
            return self._region(handle, level, box)
        except openslide.OpenSlideError:
            return self._apart(handle, level, box)

    def _apart(self, spoiled: openslide.OpenSlide, level: int, box: Box) -> Pixels:
        """Read a box with a handle of its own, because one failed read, of any thread, spoils a
        handle for good; then replace that."""
        try:
            with openslide.OpenSlide(self._file) as own:
                pixels = self._region(own, level, box)
            with self._lock:
                if self._handle is spoiled:
                    self._handle = openslide.OpenSlide(self._file)
        except openslide.OpenSlideError as cause:
            raise self._broken(
                level, box, cause if self._file.exists() else "the file is not there any more"
            ) from None
        return pixels

    def _region(self, handle: openslide.OpenSlide, level: int, box: Box) -> Pixels:
        # OpenSlide counts places in level-0 pixels and blends neighbours where that is no whole
        # pixel of the level: by a quarter at most.
        place = (
            self._bounds.x + round(box.x * self._factors[level]),
            self._bounds.y + round(box.y * self._factors[level]),
        )
        picture = handle.read_region(place, level, (box.width, box.height))
        if level in self._in_ycbcr:
            picture = _turned_right(picture)
        if picture.getchannel("A").getextrema() != (255, 255):
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        return np.asarray(cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGBA2RGB), np.uint8)

    def close(self) -> None:
        """Let go of the file."""
        self._handle.close()


def _turned_right(picture: Image.Image) -> Image.Image:
    """Return in RGB what was given as R, G and B and is Y, Cb and Cr; it is what a JPEG decoder
    makes of them, to 1 of 255."""
    given = np.asarray(picture)
    colours = cv2.cvtColor(np.ascontiguousarray(given[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    return Image.fromarray(np.dstack([colours, given[..., 3]]))


def _clues(said: Mapping[str, str]) -> list[Clue]:
    own = written_mpp(
        "openslide.mpp-x and -y",
        said.get(openslide.PROPERTY_NAME_MPP_X),
        said.get(openslide.PROPERTY_NAME_MPP_Y),
    )
    x, y = (
        float(said[name]) if name in said else None
        for name in ("tiff.XResolution", "tiff.YResolution")
    )
    unit = _TIFF_UNITS.get(said.get("tiff.ResolutionUnit", ""))
    return [
        own,
        *tiff_clues(x, y, unit),
        objective_clue(said.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER)),
    ]


def _check_index(path: Path) -> None:
    """Refuse a text that names its files by a path: slides of several files lie in one folder, and
    OpenSlide would follow it anywhere."""
    index = path.with_suffix("") / "Slidedat.ini" if path.suffix.lower() == ".mrxs" else path
    try:
        with index.open("rb") as file:
            text = file.read(_INDEX_HEAD)
            text += b"" if b"\0" in text else file.read(_INDEX_BYTES)
    except OSError:
        return  # OpenSlide says it better
    if b"\0" not in text and (len(text) > _INDEX_BYTES or _ELSEWHERE.search(text)):
        raise ImageError(f"{path}: names a file in another folder; put all its files into one")


def _dicom_file(folder: Path) -> Path:
    """Return a file of the one series in a folder; OpenSlide finds the others."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and is_dicom(p))
    series = {}
    for file in files:
        with file.open("rb") as opened:
            found = _DICOM_SERIES.search(opened.read(_DICOM_HEADER))
        series[found[1] if found else b""] = file
    if len(series) > 1:
        raise ImageError(
            f"{folder}: holds the files of {len(series)} DICOM series; name a file of the one that"
            " is wanted"
        )
    return files[0]
