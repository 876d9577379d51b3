"""breastseg split."""

import argparse

from breastseg.cli.options import add_option, configured
from breastseg.wording import counted

_CONFIG = "breastseg.data.split:SplitConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg split data/bcss --scheme bcss-official\n"
        "  breastseg split data/bcss --scheme kfold --folds 5 --fold 0 --by hospital\n"
        "  breastseg split data/bcss --scheme leave-one-out --patient TCGA-A2-A3XX --val 0\n"
        "  breastseg split data/kaggle --scheme source --leaky"
    )
    parser.add_argument("dataset", help="folder of a prepared data set; its split.csv is written")
    parser.add_argument(
        "--scheme",
        required=True,
        metavar="NAME|CSV",
        help=(
            "bcss-official, random, kfold, leave-one-out, source, or a CSV (region or patient,"
            " split)"
        ),
    )
    add_option(
        parser,
        "--by",
        "keep together whole patients or whole hospitals",
        of=f"{_CONFIG}.by",
        names="breastseg.data.split:BY",
    )
    shares = {
        "val": "share of what is not test drawn for validation, 0 for none",
        "test": "random: share drawn for test",
    }
    for name, sentence in shares.items():
        add_option(
            parser,
            f"--{name}",
            sentence,
            of=f"{_CONFIG}.{name}",
            type=float,
            metavar="SHARE",
        )
    numbers = {
        "folds": "kfold: number of folds",
        "fold": "kfold: which one is test, from 0",
        "seed": "of every draw",
    }
    for name, sentence in numbers.items():
        add_option(parser, f"--{name}", sentence, of=f"{_CONFIG}.{name}", type=int, metavar="N")
    add_option(parser, "--patient", "leave-one-out: who is test", metavar="PATIENT")
    parser.add_argument(
        "--leaky",
        action="store_true",
        help=(
            "keep a split that has patients in two parts, to see the scores of those who split so;"
            " everything made from it says LEAKY"
        ),
    )


def run(options: argparse.Namespace) -> None:
    """Split, and print what is where."""
    from breastseg.data.dataset import open_dataset
    from breastseg.data.split import PARTS, SplitConfig, is_leaky, split

    data = open_dataset(options.dataset)
    table = split(data, configured(SplitConfig, options))
    if is_leaky(table):
        # Patients whose rows name more than one part.
        shared = table.groupby("patient")["split"].nunique().gt(1).sum()
        print(
            f"LEAKY: {shared} of {counted(table['patient'].nunique(), 'patient')} in two parts;"
            " scores on this split say nothing of other patients"
        )
    for part in PARTS:
        rows = table[table["split"] == part]
        megapixels = data.class_pixels.loc[rows.index].sum().sum() / 1e6
        patients, sites = rows["patient"].nunique(), rows["site"].nunique()
        sizes = (
            f"{counted(len(rows), 'region'):>13}, {counted(patients, 'patient'):>13},"
            f" {counted(sites, 'hospital'):>12}"
        )
        print(f"{part:5}{sizes}, {megapixels:.1f} Mpx annotated")
