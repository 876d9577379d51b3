"""write_report(): what evaluate() wrote -> report.html, with every picture inside; it opens without network or neighbours."""

import base64
import io
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from breastseg.errors import InputError
from breastseg.files import read_json, write_text

_PICTURE_PX = 900
_PICTURES = ("image.jpg", "truth.jpg", "prediction.jpg")


def write_report(evaluation: str | Path) -> Path:
    """Write `report.html` into an evaluation's folder and return its path.

    Raises:
        InputError: the folder holds no finished evaluation.
    """
    folder = Path(evaluation)
    scores = read_json(folder / "scores.json", InputError, "the scores of a finished evaluation")
    pages = html_pages()
    pages.filters["score"] = _score
    pages.filters["interval"] = _interval
    pages.filters["pixels"] = lambda value: f"{int(value):,}"
    regions = [
        {"id": region, **values, **{Path(name).stem: _picture(folder / "regions" / region / name) for name in _PICTURES}}
        for region, values in scores["regions"].items()
    ]  # fmt: skip
    found = [name for name in ("confusion", "dots_confusion", "curves", "reliability") if (folder / f"{name}.png").is_file()]
    plots = {name: _picture(folder / f"{name}.png", shrink=False) for name in found}
    write_text(folder / "report.html", pages.get_template("report.html.j2").render(scores=scores, regions=regions, plots=plots))
    return folder / "report.html"


def html_pages() -> Environment:
    """Return the templates of this room; what they show is escaped, and a name they lack is an error."""
    return Environment(loader=PackageLoader("breastseg", "report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)


def _score(value: Any) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _interval(ends: list[float] | None) -> str:
    """Return an interval in words; nothing where there is none."""
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else ""


def _picture(path: Path, *, shrink: bool = True) -> str:
    """Return a picture as a data address: photographs shrunk to JPEG, plots as they are."""
    if not shrink:
        return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_PICTURE_PX, _PICTURE_PX), Image.Resampling.BOX)
    data = io.BytesIO()
    small.save(data, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
