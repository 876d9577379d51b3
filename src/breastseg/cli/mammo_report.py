"""breastseg mammo report."""

import argparse

from breastseg.cli.options import add_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "English reports only. Rules read the text; no network, no model. Every value carries the\n"
        "characters that it came from; what is missing or contradicts itself is listed at the "
        "end.\n"
        "examples:\n"
        "  breastseg mammo report report.txt --out read\n"
        "  breastseg mammo report reports/ --out read\n"
        "  breastseg mammo report report.txt --out read --films exam/*.dcm"
    )
    parser.add_argument("input", help="the text of a report, or a folder of such texts")
    add_out(parser, "folder of the results, one folder a report")
    parser.add_argument(
        "--films",
        nargs="+",
        default=[],
        metavar="FILM",
        help="DICOM films of the examination: write report.dcm too, a structured report (TID 1500)",
    )


def run(options: argparse.Namespace) -> None:
    """Read the reports, and print where the results are."""
    from breastseg.mammography.reports.batch import structure_reports

    rows = structure_reports(options.input, options.out, films=options.films)
    print(f"{options.out}: {len(rows)} read; compare report.txt with the report before you use it")
