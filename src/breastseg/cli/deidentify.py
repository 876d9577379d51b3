"""breastseg deidentify."""

import argparse
import sys

from breastseg.cli.options import add_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "SVS, NDPI, OME-TIFF, plain tiled TIFF and DICOM; anything else is refused.\n"
        "Pixels stay as they are, and every tile is compared. Writing in the tissue image\n"
        "itself stays too: look at the copies before you give them away.\n"
        "examples:\n"
        "  breastseg deidentify slides/ --out given\n"
        "  breastseg deidentify a.svs b.ndpi --out given --names names.csv"
    )
    parser.add_argument(
        "slides", nargs="+", help="slides, folders of DICOM files, or folders of slides"
    )
    add_out(parser, "folder of the copies, removed.csv and proof.csv", or_after="slides")
    parser.add_argument(
        "--keep-names",
        action="store_true",
        help="call copies as the slides are called; names of slides often name patients",
    )
    parser.add_argument(
        "--names",
        metavar="FILE",
        help="write which copy is of which slide; private, never in the folder of the copies",
    )


def run(options: argparse.Namespace) -> None:
    """Copy the slides; say which were refused."""
    from breastseg.errors import IncompleteError
    from breastseg.privacy import deidentify
    from breastseg.wording import counted, one_line, say

    result = deidentify(
        options.slides, options.out, keep_names=options.keep_names, names=options.names
    )
    for _, cause in result.refused:
        print(one_line(cause), file=sys.stderr)
    say(
        f"{options.out}: {counted(len(result.copies), 'slide')} copied, all tiles equal; what was"
        " removed is in removed.csv; look at the copies before you give them away"
    )
    # Status 1 and not 2: the other slides are done.
    if result.refused:
        total = len(result.refused) + len(result.copies)
        raise IncompleteError(
            f"{len(result.refused)} of {counted(total, 'slide')} refused, the others are copied"
        )
