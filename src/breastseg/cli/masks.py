"""breastseg masks."""

import argparse


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
        dest="pipeline",
        required=True,
        choices=("trident", "clam", "hs2p"),
        help="who reads them: contours as GeoJSON, places of patches as HDF5, masks as TIFF",
    )
    parser.add_argument("--out", required=True, help="folder for that program")
    parser.add_argument(
        "--class",
        dest="class_name",
        default="tumor",
        metavar="NAME",
        help="class of the maps (default tumor)",
    )
    parser.add_argument(
        "--patch",
        type=int,
        default=256,
        metavar="PX",
        help="side of a patch at level 0, for clam (default 256)",
    )


def run(options: argparse.Namespace) -> None:
    """Write the masks."""
    from breastseg.inference.hand_over import hand_over

    hand_over(
        options.maps,
        options.out,
        options.pipeline,
        class_name=options.class_name,
        patch_px=options.patch,
    )
