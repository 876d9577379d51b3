"""breastseg download."""

import argparse

from breastseg.cli.options import add_option

FOLDERS = {"bcss": "BCSS", "mini-mias": "mini-MIAS"}
"""Data sets that are fetched, and the folder that each goes to unless another is named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg download bcss\n"
        "  breastseg download bcss --mirror hub --out BCSS\n"
        "  breastseg download beetle\n"
        "  breastseg download mini-mias --mirror github --out mini-MIAS\n"
        "\n"
        "Without --mirror the mirrors are listed and nothing is contacted; with it that mirror "
        "alone is. The same command goes on.\n"
        "Of beetle, cosas24 and tiger it says size, licence and how a person fetches them."
    )
    parser.add_argument(
        "dataset",
        choices=[*FOLDERS, "beetle", "cosas24", "tiger"],
        help="bcss (tissue) and mini-mias (mammograms) are fetched; the others are named, with "
        "size and licence",
    )
    add_option(
        parser,
        "--mirror",
        "bcss: hub or girder, drive, hub2 and kaggle say how they are fetched by hand; mini-mias:"
        " github, essex is by hand",
        metavar="NAME",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="folder of this copy (default BCSS or mini-MIAS); one mirror a folder, copies are"
        " never mixed",
    )


def run(options: argparse.Namespace) -> None:
    """Fetch from the mirror that was named, or list the mirrors."""
    if options.dataset not in FOLDERS:
        _name(options.dataset, options.mirror)
        return
    from breastseg.mammography import mini_mias_download
    from breastseg.sources.bcss.download import download
    from breastseg.sources.bcss.mirrors import PLACES
    from breastseg.transfer.places import find_place

    places, fetch, verify = PLACES, download, "verify"
    if options.dataset == "mini-mias":
        places = mini_mias_download.PLACES
        fetch, verify = mini_mias_download.download_mini_mias, "mammo verify"
    out = options.out or FOLDERS[options.dataset]
    if options.mirror:
        fetch(find_place(places, options.mirror), out)
        print(f"{out} is complete; check it with breastseg {verify} {out}")
        return
    # Nothing is contacted without --mirror: a person chooses whom this machine talks to.
    for place in places.values():
        print(
            f"{place.name:7} {place.page}\n        {place.holds}\n        licence: {place.licence}"
        )
        print(f"        by hand: {place.by_hand}" if place.by_hand else "        no login")
    print(f"fetch with breastseg download {options.dataset} --mirror NAME --out FOLDER")


def _name(dataset: str, mirror: str) -> None:
    """Print where a data set is that is not fetched."""
    from breastseg.errors import InputError
    from breastseg.sources import ELSEWHERE

    place = ELSEWHERE[dataset]
    if mirror:
        raise InputError(
            f"--mirror {mirror}: {dataset} is not fetched from here; breastseg download {dataset}"
            " says how you can fetch it"
        )
    print(f"{dataset}: {place.page}\n        {place.holds}\n        licence: {place.licence}")
    print(f"        by hand: {place.by_hand}")
