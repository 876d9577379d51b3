"""breastseg mammo split."""

import argparse

from breastseg.cli.options import add_option, given

_SPLIT = "breastseg.mammography.split:split_films"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Whole patients go to a fold; each fold has its share of patients with malignant, benign,\n"
        "other and no findings. The table (film, patient, split) may be changed by hand.\n"
        "examples:\n"
        "  breastseg mammo split films\n"
        "  breastseg mammo audit films --split-table films/split.csv\n"
        "  breastseg mammo classify films --out vgg --split-table films/split.csv\n"
        "  breastseg mammo masses films --out masses --split-table films/split.csv"
    )
    parser.add_argument(
        "films", help="folder that breastseg mammo prepare wrote; its split.csv is written"
    )
    for name, sentence in {"folds": "parts of patients", "seed": "of the deal"}.items():
        add_option(parser, f"--{name}", sentence, of=f"{_SPLIT}.{name}", type=int, metavar="N")


def run(options: argparse.Namespace) -> None:
    """Deal, and print what is where."""
    from breastseg.mammography.split import TABLE, split_films
    from breastseg.wording import counted

    folds = split_films(options.films, **given(options, "folds", "seed"))
    for fold, counts in folds.items():
        kinds = []
        for kind, number in counts.items():
            if kind not in ("films", "patients") and number:
                kinds.append(f"{number} {kind}")
        patients = counted(counts["patients"], "patient")
        print(f"{fold}: {counted(counts['films'], 'film')} of {patients} ({', '.join(kinds)})")
    print(f"{options.films}/{TABLE}")
