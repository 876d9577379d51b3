"""Label images as regions: polygons with holes in GeoJSON that QuPath reads."""

from breastseg.maps.polygons.write import RegionsConfig, RegionsReport, write_regions

__all__ = ["RegionsConfig", "RegionsReport", "write_regions"]
