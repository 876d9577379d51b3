"""What lies in the folder of a result, and what its run.json says: only here."""

import re
from dataclasses import dataclass
from pathlib import Path

from breastseg.bundles.margins import Margins
from breastseg.errors import InputError
from breastseg.files import write_json
from breastseg.geometry import Box
from breastseg.json_files import number_in, read_json, whole_in
from breastseg.labels import LabelMap
from breastseg.maps.polygons import RegionsReport
from breastseg.records import from_json, to_json

RUN = "run.json"
SLIDE_LABELS, PICTURE_LABELS = "labels.ome.tif", "labels.png"
SLIDE_OVERLAY, PICTURE_OVERLAY = "overlay.jpg", "overlay.png"
REGIONS, PACKED_REGIONS = "regions.geojson", "regions.geojson.gz"
PROBABILITIES, UNCERTAINTY = "probabilities.ome.tif", "uncertainty.ome.tif"
DISAGREEMENT = "disagreement.ome.tif"
TISSUE = "tissue.png"
OME_ZARR = "map.ome.zarr"
LABELS = (SLIDE_LABELS, PICTURE_LABELS)
OVERLAYS = (SLIDE_OVERLAY, PICTURE_OVERLAY)
"""One of each lies in a result: of a slide, or of a flat image."""
MANIFEST_TABLE, MEASURES_TABLE = "manifest.csv", "measures.csv"
MEASURES_PARQUET, FIGURE, COHORT = "measures.parquet", "figure.png", "cohort.html"
"""Beside the results, of all of them."""

Measures = dict[str, str | float | int | None]
"""A row of measures.csv by column: the image's name, then numbers; NaN (in JSON of others, null)
where one has no meaning."""

# Up to here a float holds every whole number: JSON has no other numbers, and pages read them so.
_MOST_NUMBER = 2.0**53


@dataclass(frozen=True)
class Origin:
    """Where a slide that was fetched came from.

    Attributes:
        input: its address, without a query.
        version: of its bytes there: size, and ETag or date.
    """

    input: str
    version: str


@dataclass(frozen=True)
class MappedBy:
    """One of several models whose mean a map is.

    Attributes:
        name: of the model.
        files: SHA-256 of each of its files.
    """

    name: str
    files: dict[str, str]


@dataclass(frozen=True)
class RunRecord:
    """run.json: everything needed to make a map again, and what came of it.

    Attributes:
        input: the image or slide, as it was named.
        input_fingerprint: of its bytes before it was mapped.
        size_px: (width, height) at level 0.
        mpp: microns per pixel of level 0.
        mpp_source: where these come from.
        box_level0_px: (x, y, width, height) of what was mapped; null is all of it.
        model: its name; of several all names.
        model_files: SHA-256 of each file of the model; empty where there are several.
        model_mpp: microns per pixel of the map.
        tile_px: side of a tile.
        halo_px: border of a tile that is shown and thrown away.
        backend: runner and precision.
        label_map: names and colours of the labels.
        packages: version of each package that took part.
        use: what the map is for.
        regions: of regions.geojson.
        measures: its row of measures.csv.
        doubts: what speaks against the map, a sentence each.
        input_version: of a slide that was fetched: by it the same command knows it again.
        margins: what low and high in `measures` stand on; where the model's card has some.
        models: those whose mean the map is, where there are several.
    """

    input: str
    input_fingerprint: str
    size_px: tuple[int, int]
    mpp: float
    mpp_source: str
    box_level0_px: tuple[int, int, int, int] | None
    model: str
    model_files: dict[str, str]
    model_mpp: float
    tile_px: int
    halo_px: int
    backend: str
    label_map: LabelMap
    packages: dict[str, str]
    use: str
    regions: RegionsReport
    measures: Measures
    doubts: tuple[str, ...]
    input_version: str | None = None
    margins: Margins | None = None
    models: tuple[MappedBy, ...] | None = None

    @property
    def input_name(self) -> str:
        """Return the file name of the slide that was mapped."""
        # A result may come from another system: Windows parts folders by a backslash.
        return re.split(r"[/\\]", self.input)[-1]

    @property
    def analysed_mm2(self) -> float:
        """Return the area that has labels."""
        return float(self.measures["analysed_mm2"] or 0)

    def write(self, folder: Path) -> None:
        """Write it into the folder of its result."""
        write_json(folder / RUN, to_json(self))

    @staticmethod
    def from_dict(value: object) -> "RunRecord":
        """Read what a run.json holds, which anybody may have written.

        Raises:
            ValueError: what is missing or does not fit.
        """
        record = from_json(RunRecord, value, "")
        for number in (*record.size_px, *(record.box_level0_px or ())):
            whole_in(number, 0, 2**53, "a length in pixels")
        number_in(record.mpp, 0, _MOST_NUMBER, "mpp")
        number_in(record.model_mpp, 0, _MOST_NUMBER, "model_mpp")
        whole_in(record.tile_px, 0, 2**53, "tile_px")
        whole_in(record.halo_px, 0, 2**53, "halo_px")
        if not isinstance(record.measures.get("analysed_mm2"), (int, float)):
            raise ValueError("measures.analysed_mm2 is missing")
        for name, measure in record.measures.items():
            # NaN is no equal of itself: it stands for a measure without meaning, and may stay.
            if isinstance(measure, (int, float)) and measure == measure:
                number_in(measure, -_MOST_NUMBER, _MOST_NUMBER, f"measures.{name}")
        return record


def read_run_json(folder: Path) -> object:
    """Return what lies in the run.json of a result; InputError where that is no JSON.

    `RunRecord.from_dict` tells whether it is a record: some callers make the map again where it is
    none.
    """
    record: object = read_json(folder / RUN, InputError, "a result's run.json")
    return record


def box_px(box: Box | None) -> tuple[int, int, int, int] | None:
    """Return a box as run.json has it: x, y, width, height."""
    return None if box is None else (box.x, box.y, box.width, box.height)
