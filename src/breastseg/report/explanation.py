"""write_explanation(): why a model says what it says at a place, as explain.json and one page."""

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.explain.explanation import USE, Explanation, in_words
from breastseg.explain.occlusion import FIELD_PX, SQUARE_PX
from breastseg.files import own_folder, write_json, write_text
from breastseg.images import Pixels
from breastseg.inference.model import Model
from breastseg.json_files import JsonObject
from breastseg.report.html import html_pages

PAGE, NUMBERS = "explain.html", "explain.json"


@contextmanager
def explanation_folder(
    out: str | Path,
    image: str,
    model: Model,
    at: tuple[float, float],
    mpp: float | None,
    *,
    gradients: bool = False,
) -> Iterator[None]:
    """Hold the folder of an explanation: another image, model or place is other work."""
    settings = {
        "image": str(image),
        "model": model.card.name,
        "model_files": model.card.files,
        "at": list(at),
        "mpp": mpp,
    }
    if gradients:
        settings["gradients"] = True
    with own_folder(Path(out), "explain", settings):
        yield


def write_explanation(explanation: Explanation, out: str | Path) -> Path:
    """Write both files into a folder that is there; return the page's path."""
    folder = Path(out)
    page = html_pages().get_template("explanation.html.j2").render(_fields(explanation))
    write_json(folder / NUMBERS, explanation.to_dict())
    write_text(folder / PAGE, page)
    return folder / PAGE


def shade(drop: float, most: float) -> tuple[str, float]:
    """Return the colour and opacity of a square: red carries the class, blue speaks against it."""
    strength = 0.0 if most <= 0 else min(1.0, abs(drop) / most)
    # Never opaque: the tissue under the strongest square must be seen.
    return ("#d62728" if drop > 0 else "#1f6feb"), round(0.75 * strength, 3)


def _fields(explanation: Explanation) -> JsonObject:
    """Return what the template names."""
    occlusion = explanation.occlusion
    most = max(map(abs, chain.from_iterable(occlusion.drops)))
    squares = []
    for top, row in enumerate(occlusion.drops):
        for left, drop in enumerate(row):
            colour, opacity = shade(drop, most)
            where = in_words(occlusion.offsets_um[top][left])
            squares.append((left * SQUARE_PX, top * SQUARE_PX, colour, opacity, drop, where))
    # Offsets run from the place to a square's middle: the first square lies at the field's corner.
    corner = occlusion.offsets_um[0][0]
    place = tuple(SQUARE_PX / 2 - offset / explanation.model_mpp for offset in corner)
    nearest = []
    for near in explanation.nearest or ():
        nearest.append((near, base64.b64encode(near.field.thumbnail).decode()))
    return {
        "why": explanation,
        "ranked": sorted(explanation.probabilities.items(), key=lambda pair: -pair[1]),
        "picture": _png(explanation.picture),
        "gradients": _heat(explanation),
        "squares": squares,
        "place": place,
        "side": FIELD_PX,
        "square": SQUARE_PX,
        "field_um": FIELD_PX * explanation.model_mpp,
        "strongest": [(drop, in_words(offset)) for drop, offset in occlusion.strongest],
        "nearest": nearest,
        "use": USE,
    }


def _heat(explanation: Explanation) -> list[tuple[str, str]]:
    """Return title and image of the model's gradients and of those of random weights."""
    gradients = explanation.gradients
    if gradients is None:
        return []
    return [
        (f"Model {explanation.model}", _png(heat(gradients.pixels))),
        ("Random weights", _png(heat(gradients.random))),
    ]


def heat(pixels: npt.NDArray[np.float64]) -> Pixels:
    """Return (H, W, 4) uint8 colours over a field: red adds to the class, blue takes from it; the
    strongest hundredth has the full colour."""
    strength = np.abs(pixels)
    # The tiny number: gradients may be 0 everywhere.
    most = max(float(np.quantile(strength, 0.99)), 1e-12)
    colours = np.empty((*pixels.shape, 4), np.uint8)
    colours[..., :3] = np.where(pixels[..., None] > 0, (214, 39, 40), (31, 111, 235))
    colours[..., 3] = np.round(255 * np.clip(strength / most, 0, 1))
    return colours


def _png(pixels: Pixels) -> str:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="PNG")
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()
