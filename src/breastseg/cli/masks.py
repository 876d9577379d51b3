"""breastseg masks."""

import argparse

from breastseg.cli.options import add_option, add_out, given

_HAND_OVER = "breastseg.inference.hand_over:hand_over"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg masks maps --for trident --out trident_job\n"
        "  breastseg masks maps --for hs2p --class stroma --out hs2p_masks\n"
        "  breastseg masks maps --for clam --patch 512 --out clam_tumor\n"
        "\n"
        "What the other program is given then: docs/pipelines.md"
    )
    parser.add_argument("maps", help="folder of breastseg predict, or one result in it")
    parser.add_argument(
        "--for",
        dest="pipeline",  # "for" is a word of Python
        required=True,
        choices=("trident", "clam", "hs2p"),
        help="who reads them: contours as GeoJSON, places of patches as HDF5, masks as TIFF",
    )
    add_out(parser, "folder for that program")
    add_option(
        parser, "--class", "class of the maps", of=f"{_HAND_OVER}.class_name", metavar="NAME"
    )
    add_option(
        parser,
        "--patch",
        "side of a patch at level 0, for clam",
        of=f"{_HAND_OVER}.patch_px",
        type=int,
        metavar="PX",
    )


def run(options: argparse.Namespace) -> None:
    """Write the masks."""
    from breastseg.inference.hand_over import hand_over

    hand_over(
        options.maps,
        options.out,
        options.pipeline,
        **given(options, "class_name", "patch_px"),
    )
