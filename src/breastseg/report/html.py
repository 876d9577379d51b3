"""write_report(): what evaluate() wrote -> report.html, with every picture inside; it opens without
network or neighbours."""

import base64
import csv
import hashlib
import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError
from markupsafe import Markup
from PIL import Image

from breastseg.errors import BreastsegError, InputError
from breastseg.files import write_text
from breastseg.json_files import SCORES_BYTES, read_json, shown
from breastseg.metrics import kinds_of
from breastseg.report.charts import reliability_chart, training_charts
from breastseg.report.regions import SMALL_PX, WORST, region_views
from breastseg.wording import in_short

_NOT_ANALYSED = "not analysed"
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    SyntaxError,
    TypeError,
    ValueError,
    csv.Error,
    struct.error,
    TemplateError,
    Image.DecompressionBombError,
)
"""What tables, scores and pictures raise that somebody has changed, OSError apart."""


def write_report(evaluation: str | Path) -> Path:
    """Write `report.html` into an evaluation's folder and return its path.

    Raises:
        InputError: the folder holds no finished evaluation.
    """
    folder = Path(evaluation)
    scores = scores_of(folder)
    with as_written(folder, "evaluate"):
        page = _page(folder, scores)
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _page(folder: Path, scores: Any) -> str:
    names = [found["name"] for found in scores["label_map"]["classes"]]
    levels = scores.get("probabilities", {}).get("reliability")
    pages = html_pages()
    script = pages.get_template("report.js.j2").render()
    return pages.get_template("report.html.j2").render(
        scores=scores,
        script=Markup(script),  # our own file, nothing of the evaluation is in it
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        regions=region_views(folder / "regions", scores["regions"]),
        worst=WORST,
        small_px=SMALL_PX,
        confusion=confusion_of(folder / "counts.csv", "px", names),
        dots_confusion=confusion_of(folder / "dots_counts.csv", "dots", names, kinds_of(names)),
        dots_kinds=(
            [kind for kind in scores["dots"]["classes"] if kind not in names]
            if "dots" in scores
            else []
        ),
        reliability=reliability_chart(levels) if levels else None,
        training=(
            training_charts(folder / "training.csv") if (folder / "training.csv").is_file() else []
        ),
    )


@contextmanager
def as_written(folder: Path, by: str) -> Iterator[None]:
    """Read in the body what a command wrote; whatever a changed or damaged file there raises
    becomes one InputError.

    A fault in writing the page itself, as a full disk, goes through: such errors name their file.
    """
    try:
        yield
    except BreastsegError:
        raise
    except FileNotFoundError as cause:
        raise InputError(f"{cause.filename}: not found; {by} again into a new folder") from None
    except OSError as cause:
        if cause.errno is not None:
            raise
        raise InputError(_changed(folder, by, cause)) from None
    except _DAMAGE as cause:
        raise InputError(_changed(folder, by, cause)) from None


def _changed(folder: Path, by: str, cause: Exception) -> str:
    said = (
        f"{shown(cause.args[0])} is missing"
        if isinstance(cause, KeyError) and cause.args
        else in_short(cause)
    )
    return (
        f"{folder}: a file there is not as breastseg {by} writes it ({said}); {by} again into a new"
        " folder"
    )


def scores_of(folder: Path) -> Any:
    """Read the scores of an evaluation.

    Raises:
        InputError: the folder holds no finished evaluation, or one that an earlier version made.
    """
    path = folder / "scores.json"
    scores = read_json(
        path, InputError, "the scores of a finished evaluation", most_bytes=SCORES_BYTES
    )
    if not isinstance(scores, dict) or not isinstance(scores.get("regions"), dict):
        raise InputError(
            f"{path}: not the scores of an evaluation; give a folder that breastseg evaluate wrote"
        )
    for region in scores["regions"]:  # pictures of a region are looked for under its name
        if Path(region).name != region:
            raise InputError(
                f"{path}: has a region {shown(region)}, wanted names without folders; evaluate"
                " again"
            )
    if "seen" not in scores:
        raise InputError(
            f"{folder / 'scores.json'}: of an earlier version, without the patients that the model"
            " has seen; evaluate again"
        )
    return scores


def html_pages() -> Environment:
    """Return the templates of this room; what they show is escaped, and a name they lack is an
    error."""
    pages = Environment(
        loader=PackageLoader("breastseg", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "score": _score,
        "interval": _interval,
        "bound": _bound,
        "below": _below,
        "microns": _microns,
        "sentence": lambda words: words[:1].upper() + words[1:],
        "count": lambda value: f"{int(value):,}",
    }
    return pages


def _score(value: Any) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"


def _bound(value: Any) -> str:
    """Return what something is at most: rounded up."""
    return "–" if value is None or math.isnan(value) else f"{math.ceil(value * 1000) / 1000:.3f}"


def _microns(value: Any) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.1f}"


def _interval(ends: list[float] | None, digits: int = 3) -> str:
    """Return an interval in words; nothing where there is none."""
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}" if ends else ""


def _below(drawn: Mapping[str, Any], *path: str, digits: int = 3) -> str:
    """Return the interval at a path of keys as the small print under its figure; nothing where
    there is none."""
    found: Any = drawn
    for key in path:
        found = (found or {}).get(key)
    return Markup("<small>{}</small>").format(_interval(found, digits)) if found else ""


def confusion_of(
    path: Path, unit: str, names: list[str], truths: list[str] | None = None
) -> dict[str, Any] | None:
    """Return what was taken for what over all regions, by truth class (of `truths`, or `names`)
    that occurs; None without counts."""
    if not path.is_file():
        return None
    counts: Counter[tuple[str, str]] = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts[row["truth"], row["prediction"]] += int(row[unit])
    columns = [_NOT_ANALYSED] * any(prediction == _NOT_ANALYSED for _, prediction in counts) + names
    return {
        "unit": unit,
        "columns": columns,
        "rows": {
            name: cells for name in truths or names if (cells := _shares(counts, name, columns))
        },
    }


def _shares(
    counts: Mapping[tuple[str, str], int], name: str, columns: list[str]
) -> list[dict[str, Any]]:
    """Return pixels or dots of a truth class and their share by what they were taken for; nothing
    where it does not occur."""
    total = sum(counts.get((name, column), 0) for column in columns)
    return [
        {
            "count": counts.get((name, column), 0),
            "percent": 100 * counts.get((name, column), 0) / total,
        }
        for column in columns
        if total
    ]
