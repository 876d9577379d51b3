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
from breastseg.report.measures import WORDS, with_unit
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
    value = read_run_json(folder)
    with as_written(folder, "predict"):
        run = RunRecord.from_dict(value)
        measures = run.measures
        rows = []
        for name, (words, unit) in WORDS.items():
            # Measures that are explored are there only where they were asked for.
            if name in measures:
                rows.append((words, with_unit(measures[name], unit)))
        fields = {
            "run": run,
            "made": made,
            "slide": run.input_name,
            "analysed_mm2": measures["analysed_mm2"],
            "classes": _class_rows(run),
            "margins": run.margins.sentences() if run.margins else [],
            "measures": rows,
            "picture": _picture(folder),
        }
        pages = html_pages()
        pages.filters["with_unit"] = with_unit
        return pages.get_template("slide.html.j2").render(fields)


def _class_rows(run: RunRecord) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for label_class in run.label_map.classes:
        name = label_class.name
        rows.append(
            {
                "name": name,
                "color": label_class.color,
                "mm2": run.measures[f"{name}_mm2"],
                "percent": run.measures[f"{name}_percent"],
                "ends": _ends(run.measures, name),
            }
        )
    return rows


def _ends(measures: Measures, name: str) -> dict[str, object] | None:
    """Return low and high of a class's area and share; None without any."""
    ends: dict[str, object] = {}
    for kind in _KINDS:
        for end in ("low", "high"):
            value = measures.get(f"{name}_{kind}_{end}")
            if value is None:
                return None
            ends[f"{kind}_{end}"] = value
    return ends


def _picture(folder: Path) -> str | None:
    """Return the overlay as a data address, shrunk; None without one that can be shown."""
    name = overview_of(folder)
    if not name:
        return None
    try:
        # As a slide, because that reads a large image in bands; its um/px plays no part.
        overlay = FlatSlide(folder / name, mpp=1.0)
        width, height = overlay.size_px
        if width * height > _MOST_PX:
            return None
        shrink = min(1.0, _PICTURE_PX / max(width, height))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        pixels = overlay.resampled((0, 0, width, height), size)
    except ImageError:
        return None
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, format="JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()
