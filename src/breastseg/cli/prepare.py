"""breastseg prepare."""

import argparse

from breastseg.wording import counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg prepare BCSS data/bcss\n"
        "  breastseg prepare BCSS BRCA_M2C data/both --dots-as both\n"
        "  breastseg prepare BCSS benign_and_malignant data/with_fields --labels region5\n"
        "  breastseg prepare my_fields data/mine --source-mpp 0.25 --labels my_labels.yaml "
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
    parser.add_argument("out", help="folder of the data set")
    parser.add_argument(
        "--mpp", type=float, default=0.5, help="microns per pixel of the data set (default 0.5)"
    )
    parser.add_argument(
        "--labels",
        help=(
            "bcss21, region5, region6, tumor, beetle, or a JSON or YAML file (default: the"
            " source's own, region5 for BCSS)"
        ),
    )
    parser.add_argument(
        "--dot-radius",
        type=float,
        default=3.0,
        metavar="UM",
        help="radius of the disc a dot labels (default 3 um)",
    )
    parser.add_argument(
        "--dots-as",
        default="discs",
        metavar="WHAT",
        help=(
            "what dots teach where every nucleus has one: discs, regions (areas that the dots vote"
            " for), or both (default discs)"
        ),
    )
    parser.add_argument(
        "--vote-width",
        type=float,
        default=6.0,
        metavar="UM",
        help="how far a dot's votes reach (default 6 um)",
    )
    parser.add_argument("--source-mpp", type=float, help="microns per pixel of the source's images")
    parser.add_argument(
        "--table",
        help=(
            "CSV with the columns image, patient, site, mpp, for images that are not named by TCGA"
        ),
    )
    parser.add_argument(
        "--tiles",
        type=int,
        default=0,
        metavar="PX",
        help="also write PNG tiles of this side, for other tools",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        help="threads, each with one region in memory (default: one per core)",
    )


def run(options: argparse.Namespace) -> None:
    """Prepare, and print where."""
    from breastseg.data.prepare import PrepareConfig, prepare

    config = PrepareConfig(
        mpp=options.mpp,
        labels=options.labels,
        dot_radius_um=options.dot_radius,
        source_mpp=options.source_mpp,
        table=options.table,
        tiles_px=options.tiles,
        workers=options.workers,
        dots_as=options.dots_as,
        vote_width_um=options.vote_width,
    )
    data = prepare(options.source, options.out, config)
    print(
        f"{data.path}: {counted(len(data.regions), 'region')} at {data.mpp:g} um/px, label map"
        f" {data.label_map.name}"
    )
