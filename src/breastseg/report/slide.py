"""slide_page(): the folder of one map -> one page with its overview, areas, measures and origin; it
opens without network or neighbours."""

import base64
import io
from pathlib import Path

from PIL import Image

from breastseg.errors import ImageError
from breastseg.images.readers.flat import FlatSlide
from breastseg.maps.record import Measures, RunRecord, read_run_json
from breastseg.report.html import as_written, html_pages
from breastseg.report.measures import WORDS, said
from breastseg.report.thumbnails import overview_of

_PICTURE_PX = 1400
_MOST_PX = 80_000_000
"""A larger overlay is not decoded for a page."""
_KINDS = ("mm2", "percent")


def slide_page(result: str | Path, *, made: str | None = None) -> str:
    """Return the page of a map as HTML.

    Args:
        result: folder of one slide's results, as `predict` writes it.
        made: when it was made, as text.

    Raises:
        InputError: the folder holds no finished map.
    """
    folder = Path(result)
    held = read_run_json(folder)
    with as_written(folder, "predict"):
        run = RunRecord.from_dict(held)
        classes, measures = run.label_map.classes, run.measures
        shown = {
            "run": run,
            "made": made,
            "slide": run.input_name,
            "analysed_mm2": measures["analysed_mm2"],
            "classes": [
                {
                    "name": one.name,
                    "color": one.color,
                    "mm2": measures[f"{one.name}_mm2"],
                    "percent": measures[f"{one.name}_percent"],
                    "ends": _ends(measures, one.name),
                }
                for one in classes
            ],
            "margins": run.margins.sentences() if run.margins else [],
            "measures": [
                (words, said(measures[name], unit))
                for name, (words, unit) in WORDS.items()
                if name in measures
            ],
            "picture": _picture(folder),
        }
        pages = html_pages()
        pages.filters["said"] = said
        return pages.get_template("slide.html.j2").render(shown)


def _ends(measures: Measures, name: str) -> dict[str, object] | None:
    """Return low and high of a class's area and share; None without any."""
    keys = {f"{kind}_{end}": f"{name}_{kind}_{end}" for kind in _KINDS for end in ("low", "high")}
    if any(measures.get(key) is None for key in keys.values()):
        return None
    return {short: measures[key] for short, key in keys.items()}


def _picture(folder: Path) -> str | None:
    """Return the overlay as a data address, shrunk; None without one that can be shown."""
    name = overview_of(folder)
    if not name:
        return None
    try:
        overlay = FlatSlide(folder / name, mpp=1.0)
        width, height = overlay.size_px
        if width * height > _MOST_PX:
            return None
        shrink = min(1.0, _PICTURE_PX / max(width, height))
        pixels = overlay.resampled(
            (0, 0, width, height), (max(1, round(width * shrink)), max(1, round(height * shrink)))
        )
    except ImageError:
        return None
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
