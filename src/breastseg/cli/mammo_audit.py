"""breastseg mammo audit."""

import argparse

from breastseg.cli.options import add_option, add_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Looks for patients on both sides of a split, copies on both sides (turned, mirrored,\n"
        "shifted), copies under two patients or classes, a source (or size, or kind of file) that\n"
        "has one class only, and, where images are regions, whether centre against ring or\n"
        "random weights tell the classes (this needs pip install 'breastseg[train]').\n"
        "examples:\n"
        "  breastseg mammo audit films --split-table split.csv   # columns film, split\n"
        "  breastseg mammo audit regions.csv --out audited   # columns image, class, and any of\n"
        "                                                    # patient, source, split\n"
        "  breastseg mammo audit vgg                         # a folder of mammo classify\n"
        "exit status 0 when nothing was found, 1 when something was; notes do not count"
    )
    parser.add_argument(
        "source", help="folder of mammo prepare or of mammo classify, or a CSV of images"
    )
    add_out(parser, "folder for audit.json; nothing is written without it", required=False)
    add_option(
        parser, "--split-table", "of prepared films: a CSV with film and split", metavar="FILE"
    )


def run(options: argparse.Namespace) -> None:
    """Audit, print what was found, and fail when it is more than a note."""
    from breastseg.errors import LeakError
    from breastseg.studies.rois.audit import audit_regions
    from breastseg.wording import counted, say

    report = audit_regions(options.source, options.out, split=options.split_table)
    for title, number in report["pictures"].items():
        say(f"{title}: {counted(number, 'image')} looked at")
    for finding in report["findings"]:
        say(f"{finding['severity']:8}{finding['sentence']}")
        say(f"{'':8}-> {finding['advice']}")
    leaks = [finding for finding in report["findings"] if finding["severity"] != "note"]
    if not leaks:
        say("nothing found")
        return
    more = f" (and {counted(len(leaks) - 1, 'more finding')})" if len(leaks) > 1 else ""
    raise LeakError(f"{options.source}: {leaks[0]['sentence']}{more}; {leaks[0]['advice']}")
