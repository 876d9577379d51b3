"""breastseg cohort."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "example:\n  breastseg predict slides/ --out maps\n  breastseg cohort maps\n"
        "\nIt writes maps/cohort.html, which opens without network or neighbours; of shards, gather"
        " first."
    )
    parser.add_argument("folder", help="a folder that predict or gather wrote into")


def run(options: argparse.Namespace) -> None:
    """Write the page and print where it is."""
    from breastseg.report.cohort import write_cohort_page
    from breastseg.wording import say

    say(str(write_cohort_page(options.folder)))
