"""breastseg split."""

import argparse

from breastseg.wording import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg split data/bcss --scheme bcss-official\n"
        "  breastseg split data/bcss --scheme kfold --folds 5 --fold 0 --by site\n"
        "  breastseg split data/bcss --scheme leave-one-out --patient TCGA-A2-A3XX --val 0\n"
        "  breastseg split data/kaggle --scheme source --leaky"
    )
    parser.add_argument("dataset", help="folder of a prepared data set; its split.csv is written")
    parser.add_argument(
        "--scheme",
        required=True,
        help=(
            "bcss-official, random, kfold, leave-one-out, source, or a CSV (region or patient,"
            " split)"
        ),
    )
    parser.add_argument(
        "--by",
        default="patient",
        help="keep together whole patients or whole hospitals: patient or site (default patient)",
    )
    parser.add_argument(
        "--val",
        type=float,
        default=0.15,
        help="share of what is not test drawn for validation, 0 for none (default 0.15)",
    )
    parser.add_argument(
        "--test", type=float, default=0.2, help="random: share drawn for test (default 0.2)"
    )
    parser.add_argument("--folds", type=int, default=5, help="kfold: number of folds (default 5)")
    parser.add_argument("--fold", type=int, default=0, help="kfold: which one is test, from 0")
    parser.add_argument("--patient", default="", help="leave-one-out: who is test")
    parser.add_argument("--seed", type=int, default=42, help="of every draw (default 42)")
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
    table = split(
        data,
        SplitConfig(
            options.scheme,
            options.by,
            options.val,
            options.test,
            options.folds,
            options.fold,
            options.patient,
            options.seed,
            options.leaky,
        ),
    )
    if is_leaky(table):
        shared = table.groupby("patient")["split"].nunique().gt(1).sum()
        print(
            f"LEAKY: {shared} of {counted(table['patient'].nunique(), 'patient')} in two parts;"
            " scores on this split say nothing of other patients"
        )
    for part in PARTS:
        rows = table[table["split"] == part]
        megapixels = data.class_pixels.loc[rows.index].sum().sum() / 1e6
        patients, sites = rows["patient"].nunique(), rows["site"].nunique()
        kept = (
            f"{counted(len(rows), 'region'):>13}, {counted(patients, 'patient'):>13},"
            f" {counted(sites, 'hospital'):>12}"
        )
        print(f"{part:5}{kept}, {megapixels:.1f} Mpx annotated")
