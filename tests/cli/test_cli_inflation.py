"""breastseg inflation: its options."""

import argparse

from breastseg.cli import inflation
from breastseg.cli.options import given
from breastseg.studies.inflation.config import InflationConfig


def test_only_what_is_given_is_handed_on() -> None:
    parser = argparse.ArgumentParser()
    inflation.add_arguments(parser)
    words = ["data", "--out", "o", "--tile", "64", "--folds", "3", "--seed", "5"]
    options = parser.parse_args(words)
    fields = InflationConfig.__dataclass_fields__
    assert given(options, *fields) == {"tile_px": 64, "folds": 3}
    # the seed is of the training, which is made of a preset
    assert given(options, "epochs", "crops_per_epoch", "seed") == {"seed": 5}
