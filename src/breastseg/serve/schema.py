"""What the API sends and takes; the page reads nothing else. Boxes and polygons are level-0 pixels
of the slide."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from breastseg.json_files import JsonObject


class _Input(BaseModel):
    """What comes from outside: names that are not known are refused."""

    model_config = ConfigDict(extra="forbid")


class ClassOut(BaseModel):
    """A class of a map: its label (1 and up), look and share."""

    label: int
    name: str
    color: tuple[int, int, int]
    area_mm2: float | None = None
    share: float | None = Field(None, description="of the analysed area, 0 to 1")
    border_um: float | None = Field(
        default=None, description="how far its border may be off, where its model has a margin"
    )


class LayerOut(BaseModel):
    """Labels over a whole slide, in their own pixels: stretched over the slide's frame; tiles at
    /api/layers/ID/tiles."""

    id: str
    kind: Literal["map", "truth"]
    title: str = Field(description="the model's name, or 'annotation'")
    made: str | None = Field(None, description="ISO date and time")
    size_px: tuple[int, int]
    levels: int = Field(
        description=(
            "deep zoom levels: level `levels` - 1 is the full size, each below half of it,"
            " rounded up"
        )
    )
    mpp: float | None = Field(
        default=None, description="microns per pixel of level 0 that a map was made with"
    )
    classes: list[ClassOut]
    uncertainty: bool = False
    disagreement: bool = False
    files: list[str] = Field(
        default_factory=list, description="names to download from /api/layers/ID/files/NAME"
    )


class MeasuresOut(BaseModel):
    """The row of measures of a map, by column, and what it was made with, as in its run.json."""

    measures: dict[str, str | int | float | None] = Field(default_factory=dict)
    made: str | None = Field(None, description="ISO date and time")
    model: str | None = None
    mpp: float | None = None
    mpp_source: str | None = None
    model_mpp: float | None = None
    box_level0_px: tuple[int, int, int, int] | None = Field(
        None, description="x, y, width, height; null: all of it"
    )
    backend: str | None = None
    use: str | None = None
    doubts: list[str] = Field(default_factory=list)
    margins: list[str] = Field(
        default_factory=list, description="what low and high stand on, and how far borders go"
    )


class EntryOut(BaseModel):
    """A slide or image of the folder, as the gallery shows it."""

    id: str
    name: str = Field(description="its place in the folder, with / between folders")
    bytes: int
    state: Literal["plain", "mapped", "queued", "running", "broken"] = Field(
        description="broken: cannot be opened, `cause` says why"
    )
    cause: str | None = None
    maps: int = 0
    annotated: bool = Field(False, description="areas were drawn here or beside the slide")
    version: str = Field(
        "",
        description=(
            "changes with the file; give it as ?v= with tiles and thumbnails, which may then be"
            " kept for good"
        ),
    )


class SlideOut(EntryOut):
    """An entry that was opened."""

    size_px: tuple[int, int]
    levels: int = Field(
        description="deep zoom levels, as of a layer; tiles at /api/entries/ID/tiles"
    )
    mpp: float | None = Field(description="microns per pixel at level 0; none when nobody knows")
    mpp_source: str
    mpp_own: bool = Field(
        description="whether its file says its microns per pixel; else a job may be told others"
    )
    layers: list[LayerOut]
    doubts: list[str] = Field(default_factory=list)


class ModelOut(BaseModel):
    """A model that jobs can use."""

    name: str
    mpp: float
    classes: list[ClassOut]


class GalleryOut(BaseModel):
    """The folder."""

    folder: str = Field(description="its name, not its path")
    entries: list[EntryOut]
    models: list[ModelOut]
    writable: bool = Field(description="whether jobs, corrections and uploads can be kept")
    left_out: list[str] = Field(
        default_factory=list,
        description="what is in the folder and cannot be shown, as in '2 pipes or devices'",
    )
    version: str


class JobIn(_Input):
    """A map to make, with the words of `breastseg predict`."""

    entry: str
    model: str
    box: tuple[int, int, int, int] | None = Field(
        None, description="x, y, width, height in level-0 px; none is the whole slide"
    )
    mpp: float | None = Field(
        None,
        gt=0,
        description="microns per pixel, over what the slide says; needed where nobody knows them",
    )
    uncertainty: bool = False


class WhyIn(_Input):
    """A place to explain, with the words of `breastseg explain`."""

    entry: str
    model: str
    x: float = Field(ge=0, le=1e9, description="level-0 px from the left edge")
    y: float = Field(ge=0, le=1e9, description="level-0 px from the upper edge")


class NearOut(BaseModel):
    """A field of the training data that is like the place."""

    class_name: str
    color: tuple[int, int, int]
    similarity: float = Field(description="cosine of the network's features; 1 is the same")
    patient: str
    source: str
    thumbnail: str | None = Field(
        description="a data address; null where the licence does not let the image travel"
    )


class WhyOut(BaseModel):
    """Why a model says what it says at a place."""

    model: str
    class_name: str = Field(description="the likeliest class")
    classes: list[ClassOut]
    probabilities: dict[str, float]
    box: tuple[int, int, int, int] = Field(
        description="x, y, width, height in level-0 px of the field whose squares were hidden"
    )
    drops: list[list[float]] = Field(
        description="by row and column, how much the class's log-odds fall without the square"
    )
    square_um: float
    alone: float = Field(description="probability of the class when this field alone is seen")
    nearest: list[NearOut] | None = Field(description="null: the model has no reference")
    notes: list[str]


class JobOut(BaseModel):
    """A job: waiting, at work, or ended."""

    id: int
    entry: str
    entry_name: str
    model: str
    box: tuple[int, int, int, int] | None
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(description="0 to 1")
    seconds_left: float | None = None
    blocks: int = Field(
        0, description="grows when /api/jobs/ID/preview.png shows more; 0: there is none yet"
    )
    preview_box: tuple[int, int, int, int] | None = Field(
        None, description="what the preview covers"
    )
    classes: list[ClassOut] = Field(default_factory=list, description="labels of the preview")
    cause: str | None = Field(None, description="why it failed, in one line")
    layer: str | None = Field(None, description="the map, when done")
    made: str


class AnnotationOut(BaseModel):
    """Areas drawn on a slide, as QuPath GeoJSON in level-0 pixels; `version` must come back with
    the next save."""

    version: str = Field(description="changes with every save; '' when nothing was saved")
    file: str | None = Field(None, description="its name beside the slide")
    features: list[JsonObject]
    classes: list[ClassOut] = Field(description="classes that can be given")


class AnnotationIn(_Input):
    """Areas to keep in place of those of `version`."""

    version: str
    features: list[JsonObject]


class FilmOut(BaseModel):
    """A prepared mammogram, as the gallery shows it."""

    id: str
    name: str = Field(description="of its folder")
    version: str = Field(description="changes with its files; give it as ?v= with its images")
    data_set: str
    patient: str = Field(description="what the data set calls the patient, or a number; '' unknown")
    laterality: str = Field(description="L or R; '' where nobody says")
    view: str = Field(description="MLO, CC and so on; '' where nobody says")
    size_px: tuple[int, int]
    mm_per_px: float | None
    chest_wall: Literal["left", "right"] = Field(description="side of the image")
    findings_count: int
    line: Literal["", "waiting", "used"] = Field(
        description="the muscle's line that a person put: none, for the next prepare, or used"
    )


class FindingOut(BaseModel):
    """A finding, in pixels of the image; whole numbers are the middles of pixels."""

    kind: str
    pathology: str
    birads: str
    shape: str = Field(description="circle, box, polygon, mask; '' where nobody says where it is")
    left_px: float | None
    top_px: float | None
    right_px: float | None
    bottom_px: float | None
    x_px: float | None
    y_px: float | None
    radius_px: float | None
    points_px: list[tuple[float, float]]
    mask: bool = Field(description="findings/NUMBER.png is its mask; the first has number 1")


class FilmPageOut(FilmOut):
    """A film with all that its record says and a page shows."""

    laterality_origin: str
    view_origin: str
    mm_origin: str
    chest_wall_sure: bool
    muscle_by: str = Field(description="path, srg, rows, none, line (a person's), or 'as 3.5'")
    muscle_score: float | None
    areas_px: tuple[float | None, float | None] = Field(description="breast, muscle")
    areas_mm2: tuple[float | None, float | None] = Field(description="breast, muscle")
    density: list[str] = Field(description="as the data set has it, and as proposed")
    findings: list[FindingOut]
    has_muscle_picture: bool = Field(description="whether muscle.png is there")
    partner: str | None = Field(description="the other breast of the same patient and view")
    notes: list[str]
    history: list[str]


class FilmsOut(BaseModel):
    """The prepared films of the folder, by patient."""

    films: list[FilmOut]
    left_out: list[str] = Field(default_factory=list, description="what cannot be shown")


class FilmLineOut(BaseModel):
    """The muscle's line as a person put it; `version` must come back with the next save."""

    version: str = Field(description="changes with every save; '' when nothing was saved")
    points_px: list[tuple[float, float]] | None = Field(
        description="two points on the line; none at all: no muscle; null: nobody put one"
    )
    fixed_by: str | None = Field(description="why no line can be put here")
    cause: str | None = Field(description="what is wrong with the file; saving replaces it")


class FilmLineIn(_Input):
    """A line to keep in place of that of `version`; null removes it."""

    version: str
    points_px: list[tuple[float, float]] | None = Field(max_length=2)


class ErrorOut(BaseModel):
    """What went wrong, in one line for a person; no paths, no traces."""

    error: str


def answers(*statuses: int) -> dict[int | str, JsonObject]:
    """Return the errors that a route can give, for its description; 400, 403, 408, 413 and 503 can
    come from any."""
    every = {400, 403, 408, 413, 503, *statuses}
    # Sorted, so that the description is the same in each run: a set has no order.
    return {status: {"model": ErrorOut} for status in sorted(every)}
