"""breastseg propose."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Colours know nothing of tissue: lymphocytes and normal ducts are proposed as tumor too. "
        "Correct what it proposes.\n"
        "examples:\n"
        "  breastseg propose my_fields/ --mpp 0.25 --out proposals\n"
        "  breastseg propose slide.svs --out proposals --colours 4 --space hed\n"
        "  breastseg propose BCSS/images --mpp 0.3 --out proposals --format mask --truth "
        "BCSS/masks"
    )
    parser.add_argument(
        "input",
        nargs="+",
        help="pictures, slides, folders of them, or a CSV of slides (columns path, mpp, patient)",
    )
    parser.add_argument("--out", required=True, help="folder of the proposals")
    parser.add_argument(
        "--colours",
        type=int,
        default=3,
        metavar="N",
        help="dominant colours of the tissue, 2 to 8 (default 3)",
    )
    parser.add_argument(
        "--space",
        default="lab",
        help="compare colours in lab (CIELAB, default) or hed (optical density of the stains)",
    )
    parser.add_argument(
        "--format",
        default="geojson",
        help="geojson: areas for QuPath (default); mask: 1 tumor, 2 not tumor, 0 glass",
    )
    parser.add_argument(
        "--mpp",
        type=float,
        help="microns per pixel at level 0, when the files do not say or say it wrong",
    )
    parser.add_argument(
        "--truth",
        metavar="MASKS",
        help="folder of masks with the pictures' names and BCSS codes: score the proposals",
    )


def run(options: argparse.Namespace) -> None:
    """Propose, and print where the results are."""
    from breastseg.annotate.proposals.mask import ColourConfig
    from breastseg.annotate.proposals.propose import ProposeConfig, propose

    colour = ColourConfig(options.colours, options.space)
    propose(
        options.input,
        options.out,
        ProposeConfig(colour, options.mpp, options.format, options.truth),
    )
    print(
        f"{options.out}: first masks by colour alone; correct them before anything learns from them"
    )
