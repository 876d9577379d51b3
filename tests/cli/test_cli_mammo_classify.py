"""breastseg mammo classify: its options make its config."""

import argparse

from breastseg.cli import mammo_classify
from breastseg.cli.options import configured
from breastseg.studies.rois.config import ClassifyConfig


def config_of(*words: str) -> ClassifyConfig:
    parser = argparse.ArgumentParser()
    mammo_classify.add_arguments(parser)
    made: ClassifyConfig = configured(
        ClassifyConfig, parser.parse_args(["films", "--out", "o", *words])
    )
    return made


def test_without_options_the_config_is_the_default() -> None:
    assert config_of() == ClassifyConfig()


def test_each_option_sets_its_field() -> None:
    made = config_of(
        *("--net", "cnn", "--strategy", "scratch", "--weights", "none", "--crop", "64"),
        *("--folds", "3", "--steps", "7", "--seed", "2", "--off-centre", "0.1", "--both"),
    )
    assert (made.net, made.strategy, made.weights, made.crop_px) == ("cnn", "scratch", "none", 64)
    assert (made.folds, made.steps, made.seed, made.off_centre) == (3, 7, 2, 0.1)
    assert made.both
