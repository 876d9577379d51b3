"""breastseg propose."""

import argparse

from breastseg.cli.options import add_mpp, add_option, add_out, configured

_COLOUR = "breastseg.annotate.proposals.mask:ColourConfig"


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
        help="images, slides, folders of them, or a CSV of slides (columns path, mpp, patient)",
    )
    add_out(parser, "folder of the proposals")
    add_option(
        parser,
        "--colours",
        "dominant colours of the tissue, 2 to 8",
        of=f"{_COLOUR}.colours",
        type=int,
        metavar="N",
    )
    add_option(
        parser,
        "--space",
        "compare colours in lab (CIELAB) or hed (optical density of the stains)",
        of=f"{_COLOUR}.space",
        names="breastseg.annotate.proposals.mask:SPACES",
    )
    add_option(
        parser,
        "--format",
        "geojson: areas for QuPath; mask: 1 tumor, 2 not tumor, 0 glass",
        of="breastseg.annotate.proposals.propose:ProposeConfig.form",
        names="breastseg.annotate.proposals.propose:FORMS",
    )
    add_mpp(parser)
    add_option(
        parser,
        "--truth",
        "folder of masks with the images' names and BCSS codes: score the proposals",
        metavar="FOLDER",
    )


def run(options: argparse.Namespace) -> None:
    """Propose, and print where the results are."""
    from breastseg.annotate.proposals.mask import ColourConfig
    from breastseg.annotate.proposals.propose import ProposeConfig, propose

    colour = configured(ColourConfig, options)
    config = configured(ProposeConfig, options, colour=colour)
    propose(options.input, options.out, config)
    print(
        f"{options.out}: first masks by colour alone; correct them before anything learns from them"
    )
