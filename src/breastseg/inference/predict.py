"""predict(): pictures in, a folder of results each.

OUT/STEM/labels.png    8-bit palette, the input's size, values are labels
OUT/STEM/overlay.png   the input with its classes over it, and a legend
OUT/STEM/run.json      everything needed to do it again
OUT/measures.csv       mm2 and % per class, one row an input
OUT/figure.png         with `figure`: the first inputs beside their masks
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from tqdm import tqdm

from breastseg.errors import ImageError, InputError
from breastseg.files import WORK_FILE, claim_folder, read_json, sha256_of, write_json, write_text, written_folder
from breastseg.geometry import scaled_size
from breastseg.inference.model import Model
from breastseg.measures import class_areas
from breastseg.outputs.pictures import save_figure, save_labels, save_overlay
from breastseg.slides import open_slide
from breastseg.slides.flat import FlatSlide
from breastseg.slides.tissue import doubts
from breastseg.sources.region import IMAGE_SUFFIXES

_OWN_NAMES = ("measures.csv", "figure.png", WORK_FILE)


@dataclass(frozen=True)
class PredictConfig:
    """How to predict.

    Attributes:
        mpp: microns per pixel of the inputs, when they do not say or say it wrong.
        figure: draw the first so many inputs beside their masks; 0 draws none.
    """

    mpp: float | None = None
    figure: int = 0


def predict(
    inputs: str | Path | Sequence[str | Path], model: Model, out: str | Path, config: PredictConfig = PredictConfig(), *,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:  # fmt: skip
    """Name the tissue in pictures; goes on where an interrupted run stopped.

    Args:
        inputs: pictures, or folders of pictures.
        model: from `load_model`.
        out: folder of the results; must be empty or hold the same work.
        config: resolution and figure.
        say: takes one line at a time of what a person should know.

    Returns:
        the measures, one row an input.

    Raises:
        ImageError, MppError: an input cannot be used; every input is opened before the first is run.
    """
    if config.figure < 0:
        raise InputError(f"figure {config.figure}: wanted 0 or more")
    paths = list_pictures([inputs] if isinstance(inputs, (str, Path)) else inputs)
    slides = {path: open_slide(path, mpp=config.mpp) for path in paths}
    out, card = Path(out), model.card
    settings = {
        "model": card.name,
        "model_files": card.files,
        "backend": model.backend,
        "mpp": config.mpp,
        "inputs": [str(p) for p in paths],
    }
    claim_folder(out, "predict", settings)
    total = sum(width * height for width, height in (scaled_size(s.size_px, s.mpp, card.mpp) for s in slides.values()))
    rows = []
    with tqdm(
        total=total / 1e6,
        unit="Mpx",
        desc="predict",
        disable=None,
        bar_format="{l_bar}{bar}| {n:.1f}/{total:.1f} Mpx [{elapsed}<{remaining}, {rate_fmt}]",
    ) as bar:
        for path in paths:
            folder = out / path.stem
            if folder.is_dir() and _result(folder)["input_sha256"] != sha256_of(path):
                shutil.rmtree(folder)  # the picture was exchanged since
            if not folder.is_dir():
                _predict_one(slides[path], model, folder, lambda area: bar.update(area / 1e6))
            result = _result(folder)
            for doubt in result["doubts"]:
                say(f"warning: {path}: {doubt}")
            rows.append(result["measures"])
    table = pd.DataFrame(rows)
    write_text(out / "measures.csv", table.to_csv(index=False, lineterminator="\n"))
    if config.figure:
        _figure(paths[: config.figure], slides, model, out)
    say(f"{len(paths)} picture{'s' if len(paths) > 1 else ''}, {table['analysed_mm2'].sum():.3g} mm2: {out}")
    return table


def list_pictures(inputs: Sequence[str | Path]) -> list[Path]:
    """List pictures and the pictures of folders, in order; ImageError for none or for two of one name."""
    paths: list[Path] = []
    for item in map(Path, inputs):
        if item.is_dir():
            inside = sorted(p for p in item.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith("."))
            if not inside:
                raise ImageError(f"{item}: no pictures in this folder; wanted {', '.join(IMAGE_SUFFIXES)}")
            paths += inside
        else:
            paths.append(item)
    stems: dict[str, Path] = {}
    for path in paths:
        if path.stem in _OWN_NAMES:
            raise ImageError(f"{path}: its results would be called like {path.stem}, which breastseg writes itself; rename it")
        if path.stem in stems:
            raise ImageError(f"{path}: its results would overwrite those of {stems[path.stem]}; rename one or predict them apart")
        stems[path.stem] = path
    if not paths:
        raise ImageError("no pictures given; name files or folders")
    return paths


def _result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(folder / "run.json", InputError, "a result's run.json")
    return found


def _predict_one(slide: FlatSlide, model: Model, folder: Path, step: Callable[[int], object]) -> None:
    card = model.card
    pixels = slide.read(mpp=slide.mpp)
    labels = model.label(pixels, mpp=slide.mpp, step=step)
    measures = {"image": slide.path.stem, "mpp": slide.mpp, **class_areas(labels, card.label_map, slide.mpp)}
    with written_folder(folder) as beside:
        save_labels(labels, card.label_map, beside / "labels.png")
        save_overlay(pixels, labels, card.label_map, beside / "overlay.png")
        write_json(beside / "run.json", {
            "input": str(slide.path), "input_sha256": sha256_of(slide.path), "size_px": list(slide.size_px), "mpp": slide.mpp,
            "mpp_source": slide.mpp_source, "model": card.name, "model_files": card.files, "model_mpp": card.mpp, "tile_px": card.tile_px,
            "halo_px": card.halo_px, "backend": model.backend, "label_map": card.label_map.to_dict(), "measures": measures,
            "doubts": doubts(pixels),
            "packages": {name: version(name) for name in ("breastseg", "numpy", model.runner.package, "opencv-python-headless", "pillow")},
            "use": "research use only, not for diagnosis",
        })  # fmt: skip


def _figure(paths: Sequence[Path], slides: dict[Path, FlatSlide], model: Model, out: Path) -> None:
    pairs = []
    for path in paths:
        with Image.open(out / path.stem / "labels.png") as picture:
            pairs.append((path.name, slides[path].read(mpp=slides[path].mpp), np.asarray(picture)))
    save_figure(pairs, model.card.label_map, out / "figure.png")
