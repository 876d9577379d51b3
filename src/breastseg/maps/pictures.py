"""Label images as images: palette PNG, layers for a page, overlay with legend, a figure of
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
"""Rows that are washed and counted at once: of a whole large image the copies between would take
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
    """Write an image and what to lay over it, shrunk alike by a whole number until no side is over
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
    height, width = truth.shape
    size = max(1, width // step), max(1, height // step)
    # A whole number of pixels for each new one: ten times as fast as a fraction. What is left over
    # at the right and lower edge is not shown.
    part = np.s_[: size[1] * step, : size[0] * step]
    small = resample_pixels(pixels[part], size)  # (h, w, 3)
    image = Image.fromarray(np.ascontiguousarray(small))
    with written(folder / "image.jpg") as temporary:
        image.save(temporary, format="JPEG", quality=85)
    true = resample_labels(truth[part], size)  # (h, w)
    predicted = resample_labels(prediction[part], size)
    wrong = np.where((true > 0) & (predicted != true), predicted, 0)
    # The PNG holds no colour beyond the classes', and one opacity for each of them.
    palette = label_map.palette()[: len(label_map.classes) + 1]
    opacities = bytes([0] + [255] * len(label_map.classes))
    for name, labels in zip(COMPARED, (true, predicted, wrong), strict=True):
        _save_palette(labels, palette, folder / f"{name}.png", transparency=opacities)


def save_pair(folder: Path, label_map: LabelMap, path: Path) -> None:
    """Write truth beside prediction, small, with a legend below, as JPEG; from what
    `save_comparison` wrote into FOLDER."""
    truth = _tinted(folder / "image.jpg", folder / "truth.png")
    prediction = _tinted(folder / "image.jpg", folder / "prediction.png")
    for picture in (truth, prediction):
        # Tall ones may be twice as high as wide: they stand side by side.
        picture.thumbnail((_PAIR_PX, 2 * _PAIR_PX), Image.Resampling.BOX)
    left, height = truth.width + 8, truth.height
    legend = _legend(left + prediction.width, label_map, None)
    sheet = Image.new("RGB", (legend.width, height + legend.height), "white")
    sheet.paste(truth, (0, 0))
    sheet.paste(prediction, (left, 0))
    sheet.paste(legend, (0, height))
    with written(path) as temporary:
        sheet.save(temporary, format="JPEG", quality=75)


def overlay(
    pixels: npt.NDArray[np.uint8], labels: Labels, label_map: LabelMap
) -> npt.NDArray[np.uint8]:
    """Return pixels with classes washed over them and their borders drawn; label 0 stays as it is.

    Args:
        pixels: (H, W, 3) uint8.
        labels: (H, W) uint8 of the same size.
        label_map: names the colours.
    """
    # OpenCV's table wants as many channels in as it gives out.
    wash = cv2.LUT(cv2.merge([labels] * 3), label_map.palette()[None])  # (H, W, 3)
    mixed = cv2.addWeighted(pixels, 1 - _OPACITY, wash, _OPACITY, 0)
    border = np.zeros(labels.shape, bool)  # (H, W)
    border[1:] |= labels[1:] != labels[:-1]
    border[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    cv2.copyTo(wash, border.astype(np.uint8), mixed)
    # Last, because a border may have been drawn into what has no label.
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
        washed = overlay(pixels[band], labels[band], label_map)[top - above :]
        sheet.paste(Image.fromarray(washed), (0, top))
    sheet.paste(legend, (0, height))
    with written(path) as temporary:
        if path.suffix == ".png":
            sheet.save(temporary, format="PNG", compress_level=1, exif=exif_of(sheet))
        else:
            sheet.save(temporary, format="JPEG", quality=88, exif=exif_of(sheet))


def save_figure(
    pairs: Sequence[tuple[str, npt.NDArray[np.uint8], Labels]], label_map: LabelMap, path: Path
) -> None:
    """Write the report's figure: images on the left, their masks on the right, one row each, with a
    legend."""
    tile, gap, text = _FIGURE_TILE_PX, 8, 18
    row_height = tile + text + gap
    width = 2 * tile + 3 * gap
    legend = _legend(width, label_map, None)
    sheet = Image.new("RGB", (width, len(pairs) * row_height + gap + legend.height), "white")
    draw = ImageDraw.Draw(sheet)
    for row, (name, pixels, labels) in enumerate(pairs):
        top = gap + row * row_height
        # The end of a long name tells files apart better than its beginning.
        draw.text((gap, top), name[-90:], fill="black", font=ImageFont.load_default(12))
        image = Image.fromarray(pixels)
        mask = Image.fromarray(label_map.palette()[labels])
        size = _fit(image.size, tile)
        sheet.paste(image.resize(size, Image.Resampling.BOX), (gap, top + text))
        # Nearest: a mean of two colours would be the colour of no class.
        size = _fit(mask.size, tile)
        sheet.paste(mask.resize(size, Image.Resampling.NEAREST), (gap + tile + gap, top + text))
    sheet.paste(legend, (0, sheet.height - legend.height))
    with written(path) as temporary:
        sheet.save(temporary, format="PNG")


def _save_palette(
    labels: Labels, palette: npt.NDArray[np.uint8], path: Path, **options: Any
) -> None:
    picture = Image.fromarray(np.ascontiguousarray(labels))
    picture.putpalette(palette.ravel().tolist())
    with written(path) as temporary:
        # Runs of equal pixels: a third of zlib's usual time, and the file is smaller.
        picture.save(temporary, format="PNG", compress_type=zlib.Z_RLE, **options)


def _tinted(image: Path, labels: Path) -> Image.Image:
    with Image.open(image) as below, Image.open(labels) as above:
        picture, layer = below.convert("RGB"), above.convert("RGBA")
    washed = [round(_OPACITY * alpha) for alpha in range(256)]
    picture.paste(layer, mask=layer.getchannel("A").point(washed))
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
        entries = _with_shares(entries, labels)
    x, y, line, placed = size // 2, size // 2, round(1.6 * size), []
    for color, name in entries:
        # The box and the space behind it are 1.5 wide, the space before the next entry 1.2.
        needed = round(1.5 * size + font.getlength(name) + 1.2 * size)
        # An entry that is wider than the sheet stands alone, at the left edge.
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


def _with_shares(
    entries: list[tuple[tuple[int, int, int], str]], labels: Labels
) -> list[tuple[tuple[int, int, int], str]]:
    """Return a legend's entries, each with its share of the labelled pixels behind its name."""
    counts = np.zeros(256, np.int64)
    for top in range(0, len(labels), _BAND_ROWS):
        counts += np.bincount(labels[top : top + _BAND_ROWS].ravel(), minlength=256)
    counts = counts[1 : len(entries) + 1]
    total = max(1, int(counts.sum()))
    shares = []
    for (color, name), count in zip(entries, counts, strict=True):
        shares.append((color, f"{name} {100 * count / total:.1f} %"))
    return shares
