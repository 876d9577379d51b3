"""What is audited: images with classes, patients, sources and parts, wherever they lie.

A folder of prepared films, a folder of `breastseg mammo classify`, or a table of images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from breastseg.errors import DatasetError, InputError
from breastseg.mammography.picture import read_grey
from breastseg.studies.rois.config import PROTOCOLS
from breastseg.studies.rois.crops import Crops
from breastseg.tables import Row, Table, read_table

THUMBNAIL_PX = 64
CROP_PX = 128
_FILMS, _CROPS, _COPIES = "films.csv", "crops.npy", "copies.csv"
_MOST_PICTURES = 50_000

Thumbnails = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Item:
    """One image.

    Attributes:
        name: how findings call it.
        label: its class; "" where nobody says.
        patient: "" where nobody says.
        source: data set that it comes from; "" where nobody says.
        part: side of the split, or fold; "" where there is none.
        read: gives its grey values, (H, W).
        original: False for a copy that the study itself made of another item.
        suffix: of its file.
    """

    name: str
    label: str
    patient: str
    source: str
    part: str
    read: Callable[[], npt.NDArray[np.unsignedinteger]]
    original: bool = True
    suffix: str = ""


@dataclass(frozen=True)
class Items:
    """What is audited together.

    Attributes:
        title: what it is, for sentences.
        items: the images.
        are_regions: whether images show one place of a breast each, and not a whole film.
    """

    title: str
    items: tuple[Item, ...]
    are_regions: bool


def read_items(source: Path, split: Path | None) -> list[Items]:
    """Return what is audited, each protocol of a study by itself.

    Args:
        source: a folder of prepared films, a folder of `classify`, or a table (CSV) with image and
            class, and any of patient, source and split.
        split: of prepared films: a table with film and split.

    Raises:
        DatasetError: a table that does not fit.
        InputError: nothing that can be audited.
    """
    if (source / _FILMS).is_file():
        return [_films(source, split)]
    if split is not None:
        raise InputError(
            f"--split-table {split}: only for prepared films; others have a column split"
        )
    if (source / _CROPS).is_file():
        studies = []
        for protocol in PROTOCOLS:
            if (source / protocol / _COPIES).is_file():
                studies.append(_study(source, protocol))
        return studies
    if source.is_file():
        return [_table(source)]
    raise InputError(
        f"{source}: wanted a folder of breastseg mammo prepare or classify, or a CSV with image"
        " and class"
    )


def _films(folder: Path, split: Path | None) -> Items:
    table = read_table(folder / _FILMS, DatasetError, needed=("film", "findings"), others=True)
    films = table.by("film")
    parts: dict[str, str] = {}
    if split is not None:
        split_table = read_table(split, DatasetError, needed=("film", "split"), others=True)
        for film, row in split_table.by("film").items():
            if film not in films:
                raise DatasetError(f"{split_table.where(row)}: no film '{film}' in {folder}")
            parts[film] = row["split"]
    items = []
    for row in table.rows:
        name = row["film"]
        # A person may have changed the table: a name must not lead out of the folder.
        if Path(name).name != name:
            raise DatasetError(f"{table.where(row)}: film '{name}', wanted the name of its folder")
        path = folder / name / "image.png"
        label = "normal" if row["findings"] in ("", "0") else "abnormal"
        part = parts.get(name, "") if split is not None else row["split"]
        items.append(_item(name, row, label, row["data_set"], part, path))
    return Items("films", tuple(items), are_regions=False)


def _item(name: str, row: Row, label: str, source: str, part: str, path: Path) -> Item:
    def read() -> npt.NDArray[np.unsignedinteger]:
        return read_grey(path, name)

    return Item(name, label, row["patient"], source, part, read, suffix=path.suffix.lower())


def _table(path: Path) -> Items:
    columns = ("patient", "source", "split")
    table = read_table(path, DatasetError, needed=("image", "class"), known=columns, others=True)
    table.by("image")
    table.needs("class", "no class; fill it in or take the row away")
    if len(table.rows) > _MOST_PICTURES:
        raise DatasetError(f"{path}: {len(table.rows):,} rows, wanted up to {_MOST_PICTURES:,}")
    items = []
    for row in table.rows:
        image = path.parent / row["image"]
        if not image.is_file():
            raise DatasetError(f"{table.where(row)}: no image {image}")
        item = _item(row["image"], row, row["class"], row["source"], row["split"], image)
        items.append(item)
    return Items("pictures", tuple(items), are_regions=True)


def _study(folder: Path, protocol: str) -> Items:
    path = folder / protocol / _COPIES
    needed = ("crop", "film", "finding", "patient", "source", "class", "copy", "fold")
    table = read_table(path, DatasetError, needed=needed, others=True)
    crops = _crops(folder / _CROPS)
    items = [_study_item(table, row, crops) for row in table.rows]
    return Items(f"protocol {protocol}", tuple(items), are_regions=True)


def _crops(path: Path) -> Crops:
    """Return the crops of a study, (N, px, px), mapped and not read."""
    try:
        # No pickle: whoever made the file could run code here with it.
        crops = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as cause:
        raise DatasetError(f"{path}: no crops ({type(cause).__name__}); classify again") from None
    # An archive of several arrays loads, too, and is no array.
    if not isinstance(crops, np.ndarray) or crops.dtype != np.uint16 or crops.ndim != 3:
        raise DatasetError(f"{path}: not the crops of a study; classify again")
    return crops


def _study_item(table: Table, row: Row, crops: Crops) -> Item:
    crop = int(row["crop"]) if row["crop"].isdecimal() else -1  # -1 is refused below
    if not 0 <= crop < len(crops):
        raise DatasetError(f"{table.where(row)}: crop '{row['crop']}' is not among the crops")

    def read() -> npt.NDArray[np.unsignedinteger]:
        return np.asarray(crops[crop])

    name = f"{row['film']} finding {row['finding']} copy {row['copy']}"
    return Item(
        name, row["class"], row["patient"], row["source"], row["fold"], read, row["copy"] == "0"
    )


def thumbnails(items: Sequence[Item]) -> tuple[Thumbnails, list[tuple[int, int]]]:
    """Return small images, (N, 64, 64) from 0 to 1, and the (H, W) of each as it was."""
    small = np.zeros((len(items), THUMBNAIL_PX, THUMBNAIL_PX), np.float32)
    sizes = []
    for place, item in enumerate(tqdm(items, desc="look", unit="image", disable=None)):
        pixels = item.read()
        sizes.append((pixels.shape[0], pixels.shape[1]))
        small[place] = resized(pixels, THUMBNAIL_PX)
    return small, sizes


def resized(pixels: npt.NDArray[np.unsignedinteger], px: int) -> npt.NDArray[np.float32]:
    """Return an image as (px, px) grey values from 0 to 1."""
    white = np.iinfo(pixels.dtype).max
    grey = pixels.astype(np.float32) / white
    # The mean of areas where pixels grow; where they shrink it would make blocks.
    way = cv2.INTER_AREA if min(grey.shape) > px else cv2.INTER_LINEAR
    resized_grey = cv2.resize(grey, (px, px), interpolation=way)
    return np.asarray(resized_grey, np.float32)
