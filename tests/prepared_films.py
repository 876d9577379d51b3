"""A folder of painted films as `mammo prepare` writes it: two patients, one with both breasts."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from breastseg.mammography.findings import Circle, Finding
from breastseg.mammography.layouts.entry import Entry
from breastseg.mammography.prepare import FilmsConfig
from breastseg.mammography.steps import write_film
from film_phantoms import paint

MM_PER_PX = 0.4


def add_film(
    out: Path,
    name: str,
    *,
    patient: str = "patient-0001",
    laterality: str = "L",
    view: str = "MLO",
    mm_per_px: float = MM_PER_PX,
    **config: Any,
) -> Path:
    """Paint a film, the chest wall at the side of its breast, with one circle; prepare it."""
    source = out.parent / f"{out.name}-source"
    source.mkdir(exist_ok=True)
    painted = paint(len(name), mm_per_px=mm_per_px, muscle=view == "MLO", plate=True)
    pixels = painted.pixels if laterality == "L" else np.ascontiguousarray(painted.pixels[:, ::-1])
    Image.fromarray(pixels).save(source / f"{name}.png")
    at = 60 / mm_per_px
    across = 30 / mm_per_px
    x = across if laterality == "L" else pixels.shape[1] - 1 - across
    circle = Finding("mass", "benign", "2", Circle(x, 1.5 * at, 8 / mm_per_px))
    entry = Entry(
        name,
        source / f"{name}.png",
        patient,
        laterality=laterality,
        view=view,
        mm_per_px=mm_per_px,
        mm_origin="as painted",
        origin="as painted",
        findings=(circle,),
        facts={"density": "b"},
        notes=("painted, of nobody",),
    )
    folder = out / name
    folder.mkdir(parents=True)
    write_film(entry, folder, name, "painted films", FilmsConfig(mm_per_px=mm_per_px, **config))
    return folder


def prepared_folder(out: Path) -> Path:
    """Make a folder of five films: both breasts of one patient in two views, one of another."""
    for number, (side, view) in enumerate((("R", "MLO"), ("L", "MLO"), ("R", "CC"), ("L", "CC"))):
        add_film(out, f"film-{number + 1}", laterality=side, view=view)
    add_film(out, "film-5", patient="patient-0002", laterality="R")
    return out
