"""breastseg dicom."""

import argparse

from breastseg.cli.options import add_option, add_out, given


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
    add_out(parser, "folder for the DICOM files")
    add_option(
        parser,
        "--segmentation",
        "an image for each class (viewers draw these) or one of labels, smaller",
        of="breastseg.inference.dicom_out:dicom_out.segmentation",
        choices=("binary", "labelmap"),
    )


def run(options: argparse.Namespace) -> None:
    """Write the files."""
    from breastseg.inference.dicom_out import dicom_out

    dicom_out(options.maps, options.out, **given(options, "segmentation"))
