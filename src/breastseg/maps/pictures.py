"""Label images as pictures: palette PNG, layers for a page, overlay with legend, a figure of
many."""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from breastseg.files import written
from breastseg.images import resample_labels, resample_pixels
from breastseg.labels import LabelMap, Labels
from breastseg.maps.small_copy import exif_of

COMPARED = ("truth", "prediction", "errors")
_OPACITY = 0.42
_PAGE_PX = 1200
_PAIR_PX = 480
_FIGURE_TILE_PX = 320
_BAND_ROWS = 512
"""Rows that are washed and counted at once: of a whole large picture the copies between would take
four times what it does itself."""


def save_labels(labels: Labels, label_map: LabelMap, path: Path) -> None:
    """Write labels as an 8-bit palette PNG: pixel values are labels, colours those of the map."""
    _save_palette(labels, label_map.palette(), path)


def save_comparison(
    pixels: npt.NDArray[np.uint8],
    truth: Labels,
    prediction: Labels,
    label_map: LabelMap,
    folder: Path,
) -> None:
    """Write a picture and what to lay over it, shrunk alike by a whole number until no side is over
    1200 px.

    FOLDER gets image.jpg, truth.png, prediction.png, and errors.png: the prediction where it is
    not the truth. They are clear where the label is 0.

    Args:
        pixels: (H, W, 3) uint8.
        truth: (H, W) uint8 labels; 0 is not annotated.
        prediction: (H, W) uint8 labels.
        label_map: names the colours.
        folder: made when missing.
    """
    step = -(-max(truth.shape) // _PAGE_PX)
    width, height = (max(1, side // step) for side in truth.shape[::-1])
    part = np.s_[
        : height * step, : width * step
    ]  # a whole number of pixels for each new one: ten times as fast as a fraction
    image = Image.fromarray(np.ascontiguousarray(resample_pixels(pixels[part], (width, height))))
    with written(folder / "image.jpg") as beside:
        image.save(beside, format="JPEG", quality=85)
    true, named = (resample_labels(labels[part], (width, height)) for labels in (truth, prediction))
    wrong = np.where((true > 0) & (named != true), named, 0)
    palette = label_map.palette()[: len(label_map.classes) + 1]
    for name, labels in zip(COMPARED, (true, named, wrong), strict=True):
        _save_palette(
            labels,
            palette,
            folder / f"{name}.png",
            transparency=bytes([0] + [255] * len(label_map.classes)),
        )


def save_pair(folder: Path, label_map: LabelMap, path: Path) -> None:
    """Write truth beside prediction, small, with a legend below, as JPEG; from what
    `save_comparison` wrote into FOLDER."""
    pair = [
        _tinted(folder / "image.jpg", folder / f"{name}.png") for name in ("truth", "prediction")
    ]
    for picture in pair:
        picture.thumbnail((_PAIR_PX, 2 * _PAIR_PX), Image.Resampling.BOX)
    left, height = pair[0].width + 8, pair[0].height
    legend = _legend(left + pair[1].width, label_map, None)
    sheet = Image.new("RGB", (legend.width, height + legend.height), "white")
    for picture, corner in ((pair[0], (0, 0)), (pair[1], (left, 0)), (legend, (0, height))):
        sheet.paste(picture, corner)
    with written(path) as beside:
        sheet.save(beside, format="JPEG", quality=75)


def overlay(
    pixels: npt.NDArray[np.uint8], labels: Labels, label_map: LabelMap
) -> npt.NDArray[np.uint8]:
    """Return pixels with classes washed over them and their borders drawn; label 0 stays as it is.

    Args:
        pixels: (H, W, 3) uint8.
        labels: (H, W) uint8 of the same size.
        label_map: names the colours.
    """
    wash = cv2.LUT(cv2.merge([labels] * 3), label_map.palette()[None])
    mixed = cv2.addWeighted(pixels, 1 - _OPACITY, wash, _OPACITY, 0)
    border = np.zeros(labels.shape, bool)
    border[1:] |= labels[1:] != labels[:-1]
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    cv2.copyTo(wash, border.astype(np.uint8), mixed)
    cv2.copyTo(pixels, (labels == 0).astype(np.uint8), mixed)
    return np.asarray(mixed, np.uint8)


def save_overlay(
    pixels: npt.NDArray[np.uint8], labels: Labels, label_map: LabelMap, path: Path
) -> None:
    """Write the overlay as PNG or JPEG with a legend of the classes below it: colour, name, share
    of what was labelled. The file holds a small copy of itself."""
    height, width = labels.shape
    legend = _legend(width, label_map, labels)
    sheet = Image.new("RGB", (width, height + legend.height), "white")
    for top in range(0, height, _BAND_ROWS):
        above = max(0, top - 1)  # a border is seen from the row below it
        band = np.s_[above : top + _BAND_ROWS]
        sheet.paste(
            Image.fromarray(overlay(pixels[band], labels[band], label_map)[top - above :]), (0, top)
        )
    sheet.paste(legend, (0, height))
    with written(path) as beside:
        if path.suffix == ".png":
            sheet.save(beside, format="PNG", compress_level=1, exif=exif_of(sheet))
        else:
            sheet.save(beside, format="JPEG", quality=88, exif=exif_of(sheet))


def save_figure(
    pairs: Sequence[tuple[str, npt.NDArray[np.uint8], Labels]], label_map: LabelMap, path: Path
) -> None:
    """Write the report's figure: images on the left, their masks on the right, one row each, with a
    legend."""
    tile, gap, text = _FIGURE_TILE_PX, 8, 18
    legend = _legend(2 * tile + 3 * gap, label_map, None)
    sheet = Image.new(
        "RGB", (2 * tile + 3 * gap, len(pairs) * (tile + text + gap) + gap + legend.height), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for row, (name, pixels, labels) in enumerate(pairs):
        top = gap + row * (tile + text + gap)
        draw.text((gap, top), name[-90:], fill="black", font=ImageFont.load_default(12))
        image = Image.fromarray(pixels)
        mask = Image.fromarray(label_map.palette()[labels])
        for column, (picture, method) in enumerate(
            ((image, Image.Resampling.BOX), (mask, Image.Resampling.NEAREST))
        ):
            size = _fit(picture.size, tile)
            sheet.paste(picture.resize(size, method), (gap + column * (tile + gap), top + text))
    sheet.paste(legend, (0, sheet.height - legend.height))
    with written(path) as beside:
        sheet.save(beside, format="PNG")


def _save_palette(
    labels: Labels, palette: npt.NDArray[np.uint8], path: Path, **options: Any
) -> None:
    picture = Image.fromarray(np.ascontiguousarray(labels))
    picture.putpalette(palette.ravel().tolist())
    with written(
        path
    ) as beside:  # runs of equal pixels: a third of zlib's usual time, and the file is smaller
        picture.save(beside, format="PNG", compress_type=zlib.Z_RLE, **options)


def _tinted(image: Path, labels: Path) -> Image.Image:
    with Image.open(image) as below, Image.open(labels) as above:
        picture, layer = below.convert("RGB"), above.convert("RGBA")
    picture.paste(
        layer, mask=layer.getchannel("A").point([round(_OPACITY * alpha) for alpha in range(256)])
    )
    return picture


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _legend(width: int, label_map: LabelMap, labels: Labels | None) -> Image.Image:
    """Draw colour, name and, given labels, share of each class; entries wrap at `width`."""
    size = int(np.clip(width / 45, 11, 36))
    font = ImageFont.load_default(size)
    entries = [(c.color, c.name) for c in label_map.classes]
    if labels is not None and labels.any():  # of nothing there are no shares
        tops = range(0, len(labels), _BAND_ROWS)
        found = np.sum(
            [np.bincount(labels[top : top + _BAND_ROWS].ravel(), minlength=256) for top in tops],
            axis=0,
        )
        counts = found[1 : len(entries) + 1]
        total = max(1, int(counts.sum()))
        entries = [
            (color, f"{name} {100 * n / total:.1f} %")
            for (color, name), n in zip(entries, counts, strict=True)
        ]
    x, y, line, placed = size // 2, size // 2, round(1.6 * size), []
    for color, name in entries:
        needed = round(1.5 * size + font.getlength(name) + 1.2 * size)
        if x + needed > width and x > size // 2:
            x, y = size // 2, y + line
        placed.append((x, y, color, name))
        x += needed
    legend = Image.new("RGB", (width, y + line), "white")
    draw = ImageDraw.Draw(legend)
    for left, top, color, name in placed:
        draw.rectangle((left, top, left + size, top + size), fill=color, outline="black")
        draw.text((left + round(1.5 * size), top - size // 8), name, fill="black", font=font)
    return legend
