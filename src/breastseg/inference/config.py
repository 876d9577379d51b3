"""PredictConfig: how to predict."""

from dataclasses import asdict, dataclass

from breastseg.geometry import Box, BoxUm
from breastseg.inference.map import MapConfig, TissueMask
from breastseg.inference.result import ResultConfig
from breastseg.maps.polygons import RegionsConfig


@dataclass(frozen=True)
class PredictConfig:
    """How to predict.

    Attributes:
        mpp: microns per pixel of the inputs, when they do not say or say it wrong.
        box: region of each input, in level-0 pixels or microns; None is the whole.
        tissue_mask: "on" looks at tissue alone, "off" at everything, "auto" as the input needs it.
        blend: take the mean of probabilities where tiles overlap.
        probabilities: write those of every class.
        uncertainty: write the entropy of the probabilities, at low resolution.
        disagreement: write how far a tile's mirror images are apart, with flips; of several models
            it is always written.
        min_area_um2: regions and holes smaller than this join what surrounds them.
        tolerance_px: how far borders of regions may be simplified, in pixels of the map.
        compress_regions: write regions.geojson.gz in place of regions.geojson.
        ome_zarr: write map.ome.zarr too.
        types: write type.json also where the model's head on types does no better than colours.
        explore: measure lumens, shapes of nests and sizes of nuclei too.
        parquet: write measures.parquet too.
        figure: draw the first so many inputs beside their masks; 0 draws none.

    Raises:
        InputError: another `tissue_mask`, or what is no area or length.
    """

    mpp: float | None = None
    box: Box | BoxUm | None = None
    tissue_mask: TissueMask = MapConfig.tissue_mask
    blend: bool = False
    probabilities: bool = False
    uncertainty: bool = False
    disagreement: bool = False
    min_area_um2: float = RegionsConfig.min_area_um2
    tolerance_px: float = RegionsConfig.tolerance_px
    compress_regions: bool = False
    ome_zarr: bool = False
    types: bool = False
    explore: bool = False
    parquet: bool = False
    figure: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be done, before anything is read."""
        self.result(None)  # the parts check themselves

    def result(self, box: Box | None) -> ResultConfig:
        """Return what is mapped and written of one input, whose box is in level-0 pixels."""
        return ResultConfig(
            map=MapConfig(
                box=box,
                tissue_mask=self.tissue_mask,
                blend=self.blend,
                probabilities=self.probabilities,
                uncertainty=self.uncertainty,
                disagreement=self.disagreement,
            ),
            regions=RegionsConfig(self.min_area_um2, self.tolerance_px),
            compress_regions=self.compress_regions,
            ome_zarr=self.ome_zarr,
            types=self.types,
            explore=self.explore,
        )

    def settings(self) -> dict[str, object]:
        """Return what decides a result, as JSON values: a folder of other settings is refused."""
        values = asdict(self) | {"box": None if self.box is None else self.box.text}
        for later in ("types", "explore", "disagreement"):
            if not values[later]:
                del values[later]  # a folder of before goes on
        for free in _FREE:
            del values[free]
        return values


_FREE = ("figure", "parquet")
"""What may differ when the same work goes on: both are made anew of what is there."""
