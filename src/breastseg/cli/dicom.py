"""breastseg dicom."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg dicom maps --out dicom_results\n"
        "  breastseg dicom maps/slide --segmentation labelmap --out dicom_results\n"
        "\n"
        "What is written, and which viewers draw it: docs/pipelines.md"
    )
    parser.add_argument("maps", help="folder of breastseg predict, or one result in it")
    parser.add_argument("--out", required=True, help="folder for the DICOM files")
    parser.add_argument(
        "--segmentation",
        choices=("binary", "labelmap"),
        default="binary",
        help="a picture for each class (default; viewers draw these) or one of labels, smaller",
    )


def run(options: argparse.Namespace) -> None:
    """Write the files."""
    from breastseg.inference.dicom_out import dicom_out

    dicom_out(options.maps, options.out, segmentation=options.segmentation)
