"""SLIDE BUNDLE PRECISION OUT.ome.tif: breastseg's map of the whole slide and nothing else, as the
peers give it."""

import sys
import tempfile
from pathlib import Path

from breastseg.images import open_slide
from breastseg.inference.map import MapConfig, make_maps, plan_map
from breastseg.inference.model import load_model
from breastseg.maps.files.label_tiff import write_label_tiff


def main() -> None:
    slide, model = open_slide(sys.argv[1]), load_model(sys.argv[2], precision=sys.argv[3])
    config = MapConfig(tissue_mask="off")
    with (
        tempfile.TemporaryDirectory() as scratch,
        make_maps(plan_map(slide, model, config), model, config, Path(scratch)) as maps,
    ):
        write_label_tiff(
            maps.labels, model.card.label_map, Path(sys.argv[4]), mpp=model.card.mpp, notes={}
        )
    slide.close()


if __name__ == "__main__":
    main()
