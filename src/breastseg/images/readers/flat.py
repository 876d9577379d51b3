"""Flat images as slides of one level: PNG and JPEG, and TIFF small enough to be held; decoded in
bands of rows or whole, turned upright by their tag."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError, MppError
from breastseg.geometry import Box
from breastseg.images.pyramid import Pyramid
from breastseg.images.readers.flat_file import Flat, is_tiff, joined
from breastseg.images.readers.orientation import UPRIGHT, upright_size
from breastseg.images.readers.png_jpeg import (
    check_colours,
    is_cut_short,
    opened,
    orientation_of,
    upright_bands,
)
from breastseg.images.resolution import Clue, find_mpp
from breastseg.images.slide import Pixels, Slide


class FlatSlide(Pyramid):
    """A flat image as a Slide of one level. From `hold()` or the first box on its pixels are held,
    until `close()`.

    Attributes:
        orientation: of the file's tag; the pixels that are read were turned by it. 1 turns nothing.
    """

    is_flat = True

    def __init__(self, path: Path, mpp: float | None = None) -> None:
        """Read the header and find the microns per pixel.

        Args:
            path: a PNG, JPEG or TIFF file.
            mpp: microns per pixel when the file does not say, or says it wrong.

        Raises:
            ImageError: no image, one cut short, or one too large to decode whole.
            MppError: no mpp was given and the file has none; the message lists what was looked at.
        """
        flat = _look(path)
        try:
            super().__init__(path, [flat.size_px], find_mpp(path, mpp, flat.clues))
        except MppError:
            if flat.is_cut():
                raise ImageError(
                    f"{path}: cut short or damaged (it ends before its pixels do); copy or export"
                    " it again"
                ) from None
            raise
        self.orientation = flat.orientation
        self.notes = flat.notes
        self._bands = flat.bands
        if self.orientation != UPRIGHT:
            note = (
                f"turned upright by its orientation tag ({self.orientation}); QuPath and others"
                " show it as it is stored"
            )
            self.notes = (*self.notes, note)
        self._lock = threading.Lock()
        self._held: Pixels | None = None

    def hold(self) -> None:
        """Decode the image now and keep it: it will be read more than once."""
        with self._lock:
            if self._held is None:
                self._held = self._decoded()

    def _stored(self, level: int, box: Box) -> Pixels:
        # Boxes come in numbers; an image that is read once as a whole is not kept.
        if box != Box(0, 0, *self.size_px):
            self.hold()
        with self._lock:
            whole = self._decoded() if self._held is None else self._held
        return np.ascontiguousarray(whole[box.y : box.y + box.height, box.x : box.x + box.width])

    def bands(self) -> Iterator[Pixels]:
        """Yield the whole image in bands of rows from top to bottom: (h, W, 3) uint8 each.

        Most PNGs take a few MB so, whatever their size; other images are decoded whole first.

        Raises:
            ImageError: the file is broken; what was yielded before is worth nothing then.
        """
        width, height = self.size_px
        rows = 0
        for band in self._bands():
            rows += band.shape[0]
            if band.shape[1] != width or rows > height:
                raise self._changed()
            yield band
        if rows < height:
            raise self._changed()

    def _decoded(self) -> Pixels:
        return joined(self.bands(), self.size_px)

    def _changed(self) -> ImageError:
        return ImageError(
            f"{self.path}: changed since it was opened; leave it alone while it is read"
        )

    def close(self) -> None:
        """Let go of the pixels."""
        with self._lock:
            self._held = None


def image_size(path: Path) -> tuple[int, int]:
    """Return (width, height) in pixels as `read` will give them, from the header alone."""
    return _look(path).size_px


def check_upright(slide: Slide, annotation: str) -> None:
    """Refuse an image that a tag turns, because nobody can see whether its annotation lies on it
    as stored or as turned.

    Args:
        slide: an open image.
        annotation: the mask or the file of areas that is to be laid on it, for the error.

    Raises:
        ImageError: it has an orientation tag that turns or mirrors it.
    """
    if isinstance(slide, FlatSlide) and slide.orientation != UPRIGHT:
        raise ImageError(
            f"{slide.path}: an orientation tag ({slide.orientation}) turns it, and whether"
            f" {annotation} is turned too cannot be seen; save the image upright without the tag,"
            " and its annotation in the same way"
        )


def _look(path: Path) -> Flat:
    if is_tiff(path):
        # Flat images of other kinds wait for no tifffile.
        from breastseg.images.readers.tiff import look_flat

        return look_flat(path)
    with opened(path) as image:
        check_colours(image, path)
        turn = orientation_of(image)
        size = upright_size(image.size, turn)
        return Flat(
            size,
            turn,
            clues=[Clue("TIFF resolution tags", found="not a TIFF")],
            bands=lambda: upright_bands(path, turn),
            is_cut=lambda: is_cut_short(path),
        )
