"""write_cohort_page(): a folder of results -> cohort.html: every measure's distribution, outliers,
failures, doubts and all slides, in one file that needs no other.

The page is written a piece at a time: rows and small images are data in pieces, of which a
browser decodes those that are looked at. What is essential stands in it without scripts too.
"""

import base64
import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from breastseg.errors import InputError
from breastseg.files import held_across, written
from breastseg.json_files import JsonObject
from breastseg.maps.record import COHORT
from breastseg.report.cohort_slides import Slides, manifest_of, slides_of
from breastseg.report.distribution import Distribution, Values, distribution_of
from breastseg.report.html import html_pages
from breastseg.report.measures import with_unit, words_of
from breastseg.report.regions import ADDRESSES_BYTES
from breastseg.report.thumbnails import THUMBNAIL_PX, thumbnails

_ROWS, _PICTURES = 500, 100
"""In one piece of data."""
_MOST_GROUPS, _MOST_IN_GROUP = 40, 5
"""Causes and doubts that are listed, and slides that are named of each; manifest.csv and the table
on the page have all."""
_DIGITS = 6  # as many as anybody reads


def write_cohort_page(out: str | Path) -> Path:
    """Write `cohort.html` into a folder of results and return its path.

    Args:
        out: a folder that predict() wrote into, or gather().

    Raises:
        InputError: no manifest there, or a damaged one.
        OutputError: predict() is writing there.
    """
    folder = Path(out)
    if not folder.is_dir():
        raise InputError(f"{folder}: no folder, wanted one that breastseg predict wrote into")
    manifest_of(folder)  # before the folder is held: a refused one keeps no file of the lock
    with held_across(folder):
        slides = slides_of(folder)
        pages = html_pages()
        pages.filters["with_unit"] = with_unit
        script = pages.get_template("cohort.js.j2").render()
        # The page's policy lets this script run and no other: by its hash, for it has no address.
        script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        page = pages.get_template("cohort.html.j2").stream(
            **_fields(slides, folder),
            script=Markup(script),  # our own file
            script_hash=script_hash,
        )
        page.enable_buffering(64)
        with written(folder / COHORT) as temporary:
            # Names of files may hold bytes that are no UTF-8: they are shown as escapes.
            page.dump(str(temporary), encoding="utf-8", errors="backslashreplace")
    return folder / COHORT


def _fields(slides: Slides, out: Path) -> JsonObject:
    """Return what the template names."""
    measures = slides.measures
    outlying: dict[int, list[int]] = {}  # place of a slide -> columns in which it lies far out
    columns, rows = [], []
    for column, (name, values) in enumerate(measures.items()):
        distribution = distribution_of(values)
        for place in distribution.outliers:
            outlying.setdefault(place, []).append(column)
        columns.append(" · ".join(filter(None, words_of(name))))
        rows.append(_measure(name, distribution, values, slides))
    outcomes = {}
    for word in ("failed", "missing", "stopped", "waits"):
        if slides.counted(word):
            outcomes[word] = slides.counted(word)
    head = {
        "columns": columns,
        "doubts": slides.doubt_texts,
        "patients": any(slides.patients),
        "rows": _ROWS,
        "pictures": _PICTURES,
        "side": THUMBNAIL_PX,
    }
    return {
        "folder": out.resolve().name,
        "total": len(slides.names),
        "done": slides.counted("done"),
        "outcomes": outcomes,
        "doubted": sum(bool(doubts) for doubts in slides.doubts),
        "outlying": len(outlying),
        "left_out": slides.left_out,
        "models": slides.models.most_common(),
        "measures": rows,
        "causes": _groups(slides.by_cause(), slides),
        "doubts": _groups(slides.by_doubt(), slides),
        "side_px": THUMBNAIL_PX,
        "head_data": _json(head),
        # Generators: the page is written while they run, and nothing is held whole.
        "row_pieces": _row_pieces(slides, list(measures.values()), outlying),
        "picture_pieces": _picture_pieces(slides, out),
    }


def _measure(name: str, distribution: Distribution, values: Values, slides: Slides) -> JsonObject:
    """Return what the page shows of a measure: words, histogram and its outliers."""
    words, unit = words_of(name)
    tallest = max(distribution.bars, default=0) or 1
    bars = []
    for place, bar in enumerate(distribution.bars):
        if bar:
            bars.append((place, bar, 100 * bar / tallest))  # % of the tallest
    named = []
    for place in distribution.named(values):
        named.append({**_linked(slides, place), "value": values[place]})
    return {
        "words": words,
        "unit": unit,
        "distribution": distribution,
        "bars": bars,
        "named": named,
    }


def _linked(slides: Slides, place: int) -> JsonObject:
    return {"name": slides.names[place], "link": _link(slides, place)}


def _groups(groups: list[tuple[str, list[int]]], slides: Slides) -> JsonObject:
    """Return causes or doubts, with the places of their slides, as the page lists them."""
    listed = []
    for text, places in groups[:_MOST_GROUPS]:
        first = [_linked(slides, place) for place in places[:_MOST_IN_GROUP]]
        listed.append({"text": text, "count": len(places), "first": first})
    return {"listed": listed, "more": max(0, len(groups) - _MOST_GROUPS)}


def _link(slides: Slides, place: int) -> str:
    """Return the address of a slide's overview beside the page; "" without."""
    name, overview = slides.names[place], slides.overviews[place]
    return f"{quote(name)}/{overview}" if overview else ""


def _row_pieces(
    slides: Slides, columns: list[Values], outlying: dict[int, list[int]]
) -> Iterator[Markup]:
    """Yield rows as JSON: name, outcome, patient, cause, doubts, overview, outlying columns and
    values."""
    for start in range(0, len(slides.names), _ROWS):
        rows = []
        for place in range(start, min(start + _ROWS, len(slides.names))):
            rows.append(
                [
                    slides.names[place],
                    slides.outcomes[place],
                    slides.patients[place],
                    slides.causes[place],
                    slides.doubts[place],
                    slides.overviews[place],
                    outlying.get(place, []),
                    [_rounded(float(values[place])) for values in columns],
                ]
            )
        yield _json(rows)


def _rounded(value: float) -> float | None:
    """Return a number as JSON has it, in as many digits as anybody reads."""
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _picture_pieces(slides: Slides, out: Path) -> Iterator[Markup]:
    """Yield small images as JSON, "" where there is none; from where the page would grow too
    large there are no more."""
    overviews: list[Path | None] = []
    for name, overview in zip(slides.names, slides.overviews, strict=True):
        overviews.append(out / name / overview if overview else None)
    piece: list[str] = []
    bytes_left = ADDRESSES_BYTES
    for picture in thumbnails(overviews):
        bytes_left -= len(picture)
        piece.append(picture)
        if len(piece) == _PICTURES:
            yield _json(piece)
            piece = []
        if bytes_left <= 0:
            break
    if piece:
        yield _json(piece)


def _json(value: Any) -> Markup:
    """Return JSON that can stand in a page: no letter of it ends an element."""
    return htmlsafe_json_dumps(value, separators=(",", ":"), allow_nan=False)
