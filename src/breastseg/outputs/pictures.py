"""Label images as pictures: palette PNG, overlay with legend, a figure of many."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from breastseg.files import written
from breastseg.labels import LabelMap, Labels

_OPACITY = 0.42
_FIGURE_TILE_PX = 320


def save_labels(labels: Labels, label_map: LabelMap, path: Path) -> None:
    """Write labels as an 8-bit palette PNG: pixel values are labels, colours those of the map."""
    picture = Image.fromarray(np.ascontiguousarray(labels))
    picture.putpalette(label_map.palette().ravel().tolist())
    with written(path) as beside:
        picture.save(beside, format="PNG")


def save_pixels(pixels: npt.NDArray[np.uint8], path: Path) -> None:
    """Write a picture as JPEG, for looking at."""
    with written(path) as beside:
        Image.fromarray(np.ascontiguousarray(pixels)).save(beside, format="JPEG", quality=90)


def overlay(pixels: npt.NDArray[np.uint8], labels: Labels, label_map: LabelMap) -> npt.NDArray[np.uint8]:
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


def save_overlay(pixels: npt.NDArray[np.uint8], labels: Labels, label_map: LabelMap, path: Path) -> None:
    """Write the overlay as PNG or JPEG with a legend of the classes below it: colour, name, share of what was labelled."""
    picture = Image.fromarray(overlay(pixels, labels, label_map))
    legend = _legend(picture.width, label_map, labels)
    sheet = Image.new("RGB", (picture.width, picture.height + legend.height), "white")
    sheet.paste(picture, (0, 0))
    sheet.paste(legend, (0, picture.height))
    options: dict[str, Any] = {"format": "PNG", "compress_level": 1} if path.suffix == ".png" else {"format": "JPEG", "quality": 88}
    with written(path) as beside:
        sheet.save(beside, **options)


def save_figure(pairs: Sequence[tuple[str, npt.NDArray[np.uint8], Labels]], label_map: LabelMap, path: Path) -> None:
    """Write the report's figure: images on the left, their masks on the right, one row each, with a legend."""
    tile, gap, text = _FIGURE_TILE_PX, 8, 18
    legend = _legend(2 * tile + 3 * gap, label_map, None)
    sheet = Image.new("RGB", (2 * tile + 3 * gap, len(pairs) * (tile + text + gap) + gap + legend.height), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (name, pixels, labels) in enumerate(pairs):
        top = gap + row * (tile + text + gap)
        draw.text((gap, top), name[-90:], fill="black", font=ImageFont.load_default(12))
        image = Image.fromarray(pixels)
        mask = Image.fromarray(label_map.palette()[labels])
        for column, (picture, method) in enumerate(((image, Image.Resampling.BOX), (mask, Image.Resampling.NEAREST))):
            size = _fit(picture.size, tile)
            sheet.paste(picture.resize(size, method), (gap + column * (tile + gap), top + text))
    sheet.paste(legend, (0, sheet.height - legend.height))
    with written(path) as beside:
        sheet.save(beside, format="PNG")


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _legend(width: int, label_map: LabelMap, labels: Labels | None) -> Image.Image:
    """Draw colour, name and, given labels, share of each class; entries wrap at `width`."""
    size = int(np.clip(width / 45, 11, 36))
    font = ImageFont.load_default(size)
    entries = [(c.color, c.name) for c in label_map.classes]
    if labels is not None:
        counts = np.bincount(labels.ravel(), minlength=len(entries) + 1)[1 : len(entries) + 1]
        total = max(1, int(counts.sum()))
        entries = [(color, f"{name} {100 * n / total:.1f} %") for (color, name), n in zip(entries, counts, strict=True)]
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
