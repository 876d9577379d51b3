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
"""Bytes in which the SeriesInstanceUID is looked for."""
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
        properties = self._handle.properties
        full = self._handle.dimensions
        self._bounds = _bounds(properties, full)
        sizes, self._factors = self._handle.level_dimensions, self._handle.level_downsamples
        if sizes.count(full) > 1:
            self._handle.close()
            raise ImageError(
                f"{path}: {sizes.count(full)} images of {full[0]} x {full[1]} px (planes of"
                " focus), wanted one; export one alone"
            )
        self._in_ycbcr = frozenset(level for level, size in enumerate(sizes) if size in misnamed)
        levels = []
        for size, factor in zip(sizes, self._factors, strict=True):
            levels.append(self._bounded(size, factor))
        super().__init__(path, levels, find_mpp(path, mpp, _clues(properties)))
        self.scanner = scanner_of(properties)

    def _bounded(self, size: tuple[int, int], factor: float) -> tuple[int, int]:
        """Return (width, height) of a level within the bounds."""
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
            reason = cause if self._file.exists() else "the file is not there any more"
            raise self._broken(level, box, reason) from None
        return pixels

    def _region(self, handle: openslide.OpenSlide, level: int, box: Box) -> Pixels:
        # OpenSlide counts places in level-0 pixels and blends neighbours where that is no whole
        # pixel of the level: by a quarter at most.
        place = (
            self._bounds.x + round(box.x * self._factors[level]),
            self._bounds.y + round(box.y * self._factors[level]),
        )
        image = handle.read_region(place, level, (box.width, box.height))
        if level in self._in_ycbcr:
            image = _turned_right(image)
        # What was not scanned is transparent; elsewhere there is nothing to lay over white.
        if image.getchannel("A").getextrema() != (255, 255):
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGBA2RGB), np.uint8)

    def close(self) -> None:
        """Let go of the file."""
        self._handle.close()


def _bounds(properties: Mapping[str, str], full: tuple[int, int]) -> Box:
    """Return the rectangle that was scanned, in pixels of OpenSlide's level 0; all of it where
    nothing else is said."""
    x = int(properties.get(openslide.PROPERTY_NAME_BOUNDS_X, 0))
    y = int(properties.get(openslide.PROPERTY_NAME_BOUNDS_Y, 0))
    width = int(properties.get(openslide.PROPERTY_NAME_BOUNDS_WIDTH, full[0]))
    height = int(properties.get(openslide.PROPERTY_NAME_BOUNDS_HEIGHT, full[1]))
    return Box(x, y, width, height)


def _turned_right(image: Image.Image) -> Image.Image:
    """Return in RGB what was given as R, G and B and is Y, Cb and Cr; it is what a JPEG decoder
    makes of them, to 1 of 255."""
    given = np.asarray(image)  # (H, W, 4): Y, Cb, Cr, alpha
    # OpenCV has Cr before Cb.
    colours = cv2.cvtColor(np.ascontiguousarray(given[..., [0, 2, 1]]), cv2.COLOR_YCrCb2RGB)
    return Image.fromarray(np.dstack([colours, given[..., 3]]))


def _clues(properties: Mapping[str, str]) -> list[Clue]:
    """Return where the microns per pixel may be written, the surest first."""
    own = written_mpp(
        "openslide.mpp-x and -y",
        properties.get(openslide.PROPERTY_NAME_MPP_X),
        properties.get(openslide.PROPERTY_NAME_MPP_Y),
    )
    x = _number(properties.get("tiff.XResolution"))
    y = _number(properties.get("tiff.YResolution"))
    unit = _TIFF_UNITS.get(properties.get("tiff.ResolutionUnit", ""))
    objective = objective_clue(properties.get(openslide.PROPERTY_NAME_OBJECTIVE_POWER))
    return [own, *tiff_clues(x, y, unit), objective]


def _number(text: str | None) -> float | None:
    return None if text is None else float(text)


def _check_index(path: Path) -> None:
    """Refuse a text that names its files by a path: slides of several files lie in one folder, and
    OpenSlide would follow it anywhere."""
    index = path.with_suffix("") / "Slidedat.ini" if path.suffix.lower() == ".mrxs" else path
    try:
        with index.open("rb") as file:
            text = file.read(_INDEX_HEAD)
            if b"\0" not in text:  # an image has one among its first bytes
                text += file.read(_INDEX_BYTES)
    except OSError:
        return  # OpenSlide says it better
    if b"\0" not in text and (len(text) > _INDEX_BYTES or _ELSEWHERE.search(text)):
        raise ImageError(f"{path}: names a file in another folder; put all its files into one")


def _dicom_file(folder: Path) -> Path:
    """Return a file of the one series in a folder; OpenSlide finds the others."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and is_dicom(path))
    series = set()
    for file in files:
        with file.open("rb") as opened:
            found = _DICOM_SERIES.search(opened.read(_DICOM_HEADER))
        series.add(found[1] if found else b"")
    if len(series) > 1:
        raise ImageError(
            f"{folder}: holds the files of {len(series)} DICOM series; name a file of the one that"
            " is wanted"
        )
    return files[0]
