"""breastseg download."""

import argparse

from breastseg.cli.options import add_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg download bcss\n"
        "  breastseg download bcss --mirror hub --out BCSS\n"
        "  breastseg download beetle\n"
        "\n"
        "Without --mirror the mirrors are listed and nothing is contacted; with it that mirror "
        "alone is. The same command goes on.\n"
        "Of beetle, cosas24 and tiger it says size, licence and how a person fetches them."
    )
    parser.add_argument(
        "dataset",
        choices=["bcss", "beetle", "cosas24", "tiger"],
        help="bcss is fetched; the others are named, with size and licence",
    )
    add_option(
        parser,
        "--mirror",
        "where it is fetched from; drive and kaggle say how they are fetched by hand",
        names="breastseg.sources.bcss.mirrors:PLACES",
    )
    parser.add_argument(
        "--out",
        default="BCSS",
        metavar="FOLDER",
        help="folder of this copy (default %(default)s); one mirror a folder, copies are never"
        " mixed",
    )


def run(options: argparse.Namespace) -> None:
    """Fetch from the mirror that was named, or list the mirrors."""
    if options.dataset != "bcss":
        _name(options.dataset, options.mirror)
        return
    from breastseg.sources.bcss.download import download, find_place
    from breastseg.sources.bcss.mirrors import PLACES

    if options.mirror:
        download(find_place(options.mirror), options.out)
        print(f"{options.out} is complete; check it with breastseg verify {options.out}")
        return
    for place in PLACES.values():
        print(
            f"{place.name:7} {place.page}\n        {place.holds}\n        licence: {place.licence}"
        )
        print(f"        by hand: {place.by_hand}" if place.by_hand else "        no login")
    print("fetch with breastseg download bcss --mirror NAME --out FOLDER")


def _name(dataset: str, mirror: str) -> None:
    """Say where a data set is that is not fetched."""
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
