"""write_report(): what evaluate() wrote -> report.html, with every image inside; it opens without
network or neighbours."""

import base64
import csv
import hashlib
import math
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, TemplateError
from markupsafe import Markup
from PIL import Image

from breastseg.errors import BreastsegError, InputError
from breastseg.evaluation.groups import FEW_PATIENTS
from breastseg.evaluation.scores import COUNTS, DOTS_COUNTS, REGIONS, TRAINING_TABLE, Scores
from breastseg.files import write_text
from breastseg.json_files import shown
from breastseg.metrics import kinds_of
from breastseg.report.charts import reliability_chart, training_charts
from breastseg.report.groups import group_notes, group_views, share_views
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
"""What tables, scores and images raise that somebody has changed, OSError apart."""


def write_report(evaluation: str | Path) -> Path:
    """Write `report.html` into an evaluation's folder and return its path.

    Raises:
        InputError: the folder holds no finished evaluation.
    """
    folder = Path(evaluation)
    scores = Scores.read(folder)
    with as_written(folder, "evaluate"):
        page = _page(folder, scores)
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _page(folder: Path, scores: Scores) -> str:
    names = list(scores.label_map.names)
    levels = scores.probabilities.reliability if scores.probabilities else ()
    # Dots may be of kinds that no class of the map is.
    dots_classes = scores.dots.classes if scores.dots else ()
    dots_kinds = [kind for kind in dots_classes if kind not in names]
    training = folder / TRAINING_TABLE
    pages = html_pages()
    script = pages.get_template("report.js.j2").render()
    # The page's policy lets this script run and no other: by its hash, for it has no address.
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return pages.get_template("report.html.j2").render(
        scores=scores,
        script=Markup(script),  # our own file, nothing of the evaluation is in it
        script_hash=script_hash,
        regions=region_views(folder / REGIONS, scores.regions),
        worst=WORST,
        small_px=SMALL_PX,
        confusion=confusion_of(folder / COUNTS, "px", names),
        dots_confusion=confusion_of(folder / DOTS_COUNTS, "dots", names, kinds_of(names)),
        dots_kinds=dots_kinds,
        groups=group_views(scores),
        shares=share_views(scores),
        group_notes=group_notes(scores),
        few_patients=FEW_PATIENTS,
        reliability=reliability_chart(levels) if levels else None,
        training=training_charts(training) if training.is_file() else [],
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
        # Pillow raises OSError without a number at damaged images; the system's has one.
        if cause.errno is not None:
            raise
        raise InputError(_changed(folder, by, cause)) from None
    except _DAMAGE as cause:
        raise InputError(_changed(folder, by, cause)) from None


def _changed(folder: Path, by: str, cause: Exception) -> str:
    reason = in_short(cause)
    if isinstance(cause, KeyError) and cause.args:
        # The text of a KeyError is the bare key, which says nothing to a person.
        reason = f"{shown(cause.args[0])} is missing"
    return (
        f"{folder}: a file there is not as breastseg {by} writes it ({reason}); {by} again into a"
        " new folder"
    )


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


def _interval(ends: Sequence[float] | None, digits: int = 3) -> str:
    """Return an interval in words; nothing where there is none."""
    return f"{ends[0]:.{digits}f} to {ends[1]:.{digits}f}" if ends else ""


def _below(intervals: Any, *path: str, digits: int = 3) -> str:
    """Return the interval at a path of keys as the small print under its figure; nothing where
    there is none."""
    ends: Any = intervals
    for key in path:
        ends = ends.get(key) if isinstance(ends, Mapping) else getattr(ends, key, None)
    return Markup("<small>{}</small>").format(_interval(ends, digits)) if ends else ""


@dataclass(frozen=True)
class Share:
    """A cell of a confusion: how many, and which share of the truth class they are."""

    count: int
    percent: float


@dataclass(frozen=True)
class Confusion:
    """What was taken for what.

    Attributes:
        unit: px or dots.
        columns: predictions.
        rows: by truth class that occurs, a cell a column.
    """

    unit: str
    columns: list[str]
    rows: dict[str, list[Share]]


def confusion_of(
    path: Path, unit: str, names: list[str], truths: list[str] | None = None
) -> Confusion | None:
    """Return what was taken for what over all regions, by truth class (of `truths`, or `names`)
    that occurs; None without counts."""
    if not path.is_file():
        return None
    counts: Counter[tuple[str, str]] = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            counts[row["truth"], row["prediction"]] += int(row[unit])
    # Its column is there only where something was not analysed.
    has_gaps = any(prediction == _NOT_ANALYSED for _, prediction in counts)
    columns = [_NOT_ANALYSED, *names] if has_gaps else names
    rows = {}
    for name in truths or names:
        if cells := _shares(counts, name, columns):
            rows[name] = cells
    return Confusion(unit, columns, rows)


def _shares(counts: Mapping[tuple[str, str], int], name: str, columns: list[str]) -> list[Share]:
    """Return pixels or dots of a truth class and their share by what they were taken for; nothing
    where it does not occur."""
    cells = [counts.get((name, column), 0) for column in columns]
    total = sum(cells)
    if not total:
        return []
    return [Share(count, 100 * count / total) for count in cells]
