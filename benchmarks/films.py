"""Masks of every film of a folder: CPU time, chest walls, films without muscle, failures.

    python benchmarks/films.py FOLDER --mm 0.2
    python benchmarks/films.py FOLDER --mm 0.2 --mias --sheets SHEETS --muscle srg

`--mias` judges the chest wall by mini-MIAS's file names: in its images the chest wall is on the
right of odd numbers and on the left of even ones. `--sheets` writes contact sheets of 40 films to
look at.
"""

import argparse
import re
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from breastseg.errors import BreastsegError, one_of_several
from breastseg.mammography.masks import MUSCLE, FilmMasks, masks_of
from breastseg.mammography.overlay import overlay
from breastseg.mammography.pectoral import METHODS

KINDS = (".pgm", ".png", ".tif", ".tiff")
CELL_PX, PER_ROW, PER_SHEET = 224, 8, 40


def read(path: Path) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint16]:
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise BreastsegError(f"{path}: cannot be read as an image")
    return pixels


def cell(pixels: np.ndarray, masks: FilmMasks, name: str) -> npt.NDArray[np.uint8]:
    shown = overlay(pixels, masks, longest_px=2 * CELL_PX)
    half = (max(1, shown.shape[1] // 2), max(1, shown.shape[0] // 2))
    small = cv2.resize(shown, half, interpolation=cv2.INTER_AREA)
    framed = np.zeros((CELL_PX, CELL_PX, 3), np.uint8)
    framed[: small.shape[0], : small.shape[1]] = small
    text = f"{name} {masks.muscle_score:.2f}"
    cv2.putText(framed, text, (2, CELL_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 0), 1)
    return framed


def write_sheets(cells: Sequence[npt.NDArray[np.uint8]], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(cells), PER_SHEET):
        part = list(cells[start : start + PER_SHEET])
        while len(part) % PER_ROW:
            part.append(np.zeros_like(part[0]))
        rows = [np.hstack(part[first : first + PER_ROW]) for first in range(0, len(part), PER_ROW)]
        path = folder / f"films-{start // PER_SHEET:02d}.png"
        cv2.imwrite(str(path), np.vstack(rows)[:, :, ::-1])


def is_wrong_side(name: str, chest_wall: str) -> bool:
    number = int(re.findall(r"\d+", name)[-1])
    return chest_wall != ("right" if number % 2 else "left")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder of films: PGM, PNG or TIFF")
    parser.add_argument("--mm", type=float, help="mm a pixel; unknown without it")
    parser.add_argument("--muscle", choices=tuple(METHODS), default="path")
    parser.add_argument("--mias", action="store_true", help="judge the chest wall by file numbers")
    parser.add_argument("--sheets", type=Path, help="write contact sheets into this folder")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    paths = sorted(path for path in options.folder.iterdir() if path.suffix.lower() in KINDS)
    if not paths:
        parser.error(f"{options.folder}: no films ({', '.join(KINDS)})")
    seconds, cells = [], []
    wrong, unsure, without, failed = [], [], [], []
    for path in paths:
        pixels = read(path)
        began = time.process_time()
        try:
            with one_of_several(path.name):
                masks = masks_of(pixels, options.mm, muscle=options.muscle)
        except BreastsegError as error:
            failed.append(f"{path.name}: {error}")
            continue
        seconds.append(time.process_time() - began)
        if options.mias and is_wrong_side(path.stem, masks.chest_wall):
            wrong.append(path.stem)
        if not masks.chest_wall_sure:
            unsure.append(path.stem)
        if not (masks.labels == MUSCLE).any():
            without.append(f"{path.stem} ({masks.muscle_score:.2f})")
        if options.sheets:
            cells.append(cell(pixels, masks, path.stem))
    if cells:
        write_sheets(cells, options.sheets)
    print(f"films           {len(paths)}")
    if seconds:
        times = f"median {np.median(seconds):.3f}, mean {np.mean(seconds):.3f}"
        print(f"CPU-s a film    {times}, most {max(seconds):.3f}")
    if options.mias:
        print(f"chest wall      {len(seconds) - len(wrong)} of {len(seconds)} right {wrong}")
    print(f"  not sure      {len(unsure)} {unsure}")
    print(f"without muscle  {len(without)} {without}")
    print(f"failed          {len(failed)}")
    for line in failed:
        print(f"  {line}")


if __name__ == "__main__":
    main()
