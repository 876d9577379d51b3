"""breastseg prepare."""

import argparse

from breastseg.cli.options import MPP, add_mpp, add_option, add_out, configured
from breastseg.wording import counted

_CONFIG = "breastseg.data.config:PrepareConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg prepare BCSS --out data/bcss\n"
        "  breastseg prepare BCSS BRCA_M2C --out data/both --dots-as both\n"
        "  breastseg prepare BCSS benign_and_malignant --out data/fields --labels region5\n"
        "  breastseg prepare BCSS BREAKHIS --out data/typed --labels region5 --types malignancy\n"
        "  breastseg prepare my_fields --out data/mine --mpp 0.25 --labels my_labels.yaml "
        "--table patients.csv"
    )
    parser.add_argument(
        "source",
        nargs="+",
        help=(
            "folders of annotated images: BCSS, its Kaggle copies, BRCA-M2C, BEETLE, TIGER,"
            " COSAS24, any with masks, QuPath GeoJSON, ASAP XML, points (NAME_points.csv: x, y,"
            " class, perhaps width and height, or radius_um; a class may be 'not tumor') or"
            " fields.csv"
        ),
    )
    add_out(parser, "folder of the data set", or_after="source")
    add_option(
        parser,
        "--to-mpp",
        "microns per pixel of the data set",
        of=f"{_CONFIG}.to_mpp",
        type=float,
        metavar=MPP,
    )
    add_mpp(parser)
    parser.add_argument(
        "--source-mpp", dest="mpp", type=float, metavar=MPP, help=argparse.SUPPRESS
    )  # its name before --mpp was the input's in every command
    add_option(
        parser,
        "--labels",
        "bcss21, region5, region6, tumor, beetle, or a JSON or YAML file (default: the"
        " source's own, region5 for BCSS)",
        metavar="MAP",
    )
    _add_dots(parser)
    _add_others(parser)


def _add_dots(parser: argparse.ArgumentParser) -> None:
    """Declare what dots label and teach."""
    add_option(
        parser,
        "--dot-radius",
        "radius of the disc a dot labels",
        of=f"{_CONFIG}.dot_radius_um",
        type=float,
        metavar="UM",
    )
    add_option(
        parser,
        "--dots-as",
        "what dots teach where every nucleus has one: discs, regions (areas that the dots vote"
        " for), or both",
        of=f"{_CONFIG}.dots_as",
        names="breastseg.data.config:DOTS_AS",
    )
    add_option(
        parser,
        "--vote-width",
        "how far a dot's votes reach",
        of=f"{_CONFIG}.vote_width_um",
        type=float,
        metavar="UM",
    )


def _add_others(parser: argparse.ArgumentParser) -> None:
    """Declare tables beside the images, and how the work is done."""
    add_option(
        parser,
        "--types",
        "take what images were diagnosed as: malignancy, carcinoma (four), or a JSON file of types",
        metavar="MAP",
    )
    add_option(
        parser,
        "--table",
        "CSV with the columns image, patient, site, mpp, for images that are not named by TCGA",
        metavar="FILE",
    )
    add_option(
        parser,
        "--tiles",
        "also write PNG tiles of this side, for other tools",
        dest="tiles_px",
        type=int,
        metavar="PX",
    )
    add_option(
        parser,
        "--workers",
        "threads, each with one region in memory (default: one per core)",
        type=int,
        metavar="N",
    )


def run(options: argparse.Namespace) -> None:
    """Prepare, and print where."""
    from breastseg.data.prepare import PrepareConfig, prepare

    config = configured(PrepareConfig, options)
    data = prepare(options.source, options.out, config)
    print(
        f"{data.path}: {counted(len(data.regions), 'region')} at {data.mpp:g} um/px, label map"
        f" {data.label_map.name}"
    )
