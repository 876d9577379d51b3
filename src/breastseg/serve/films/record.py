"""film.json as far as a page shows it; anybody may have written it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from breastseg.errors import BreastsegError
from breastseg.mammography.muscle_line import MOST_PX
from breastseg.mammography.record import RECORD, read_record
from breastseg.serve.library.results import is_own_file
from breastseg.serve.parsing import json_bytes
from breastseg.serve.refusals import TooMuch, Unreadable

RECORD_BYTES = 2**20
"""`mammo prepare` writes some kB; outlines by hand may take more."""
HELD_BYTES = 2**24
"""Memory that one record may take once it is read."""

Text = Annotated[str, Field(max_length=400)]
Line = Annotated[str, Field(max_length=2000)]
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e9, le=1e9)]
Side = Annotated[int, Field(ge=1, le=MOST_PX)]


class Finding(BaseModel):
    """A row of findings, in pixels of image.png."""

    model_config = ConfigDict(extra="ignore")

    kind: Text = ""
    pathology: Text = ""
    birads: Text = ""
    shape: Text = ""
    left_px: Number | None = None
    top_px: Number | None = None
    right_px: Number | None = None
    bottom_px: Number | None = None
    x_px: Number | None = None
    y_px: Number | None = None
    radius_px: Number | None = None
    points_px: list[tuple[Number, Number]] = Field(default_factory=list, max_length=20_000)
    mask: Text = ""


class Record(BaseModel):
    """What is read of a film.json; names that are not here are not looked at."""

    model_config = ConfigDict(extra="ignore")

    data_set: Text = ""
    patient: Text = ""
    laterality: Text = ""
    laterality_origin: Text = ""
    view: Text = ""
    view_origin: Text = ""
    width_px: Side
    height_px: Side
    mm_per_px: Annotated[float, Field(gt=0, le=100)] | None
    mm_origin: Text = ""
    chest_wall: Annotated[str, Field(pattern="^(left|right)$")]
    chest_wall_sure: bool = True
    muscle_by: Text = ""
    muscle_line: Text | None = None
    muscle_score: Number | None = None
    breast_px: Number | None = None
    breast_mm2: Number | None = None
    muscle_px: Number | None = None
    muscle_mm2: Number | None = None
    fibroglandular_share: Annotated[float, Field(ge=0, le=1)] | None = None
    density_proposed: Annotated[str, Field(pattern="^[abcd]?$")] = ""
    density_also: Annotated[str, Field(pattern="^[abcd]?$")] = ""
    findings: list[Finding] = Field(default_factory=list, max_length=1000)
    facts: dict[Text, Any] = Field(default_factory=dict, max_length=100)
    history: list[Line] = Field(default_factory=list, max_length=200)
    notes: list[Line] = Field(default_factory=list, max_length=200)


def record_of(folder: Path) -> Record:
    """Read the record of a film's folder.

    Raises:
        Refused: it is a link, too large, or not what `mammo prepare` writes.
    """
    path = folder / RECORD
    try:
        if not is_own_file(path):
            raise Unreadable(f"{RECORD}: is no file of its own here")
        # One byte more than is taken, so that what is larger shows; and memory is counted from the
        # text, before it is parsed.
        with path.open("rb") as file:
            text = file.read(RECORD_BYTES + 1)
        if len(text) > RECORD_BYTES or json_bytes(text) > HELD_BYTES:
            raise TooMuch(f"{RECORD}: more in it than the record of a film has")
        return Record.model_validate(read_record(path))
    except ValidationError as cause:
        # Without the input: it may name a patient, and errors go to the page.
        first = cause.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise Unreadable(f"{RECORD}: {place}: {first['msg']}") from None
    except BreastsegError:
        raise Unreadable(f"{RECORD}: not the record of a prepared film") from None
    except OSError as cause:
        raise Unreadable(f"{RECORD}: cannot be read ({cause.strerror or cause})") from None
