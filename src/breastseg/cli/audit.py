"""breastseg audit."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.cli.options import add_option, add_out
from breastseg.wording import counted

if TYPE_CHECKING:
    from breastseg.data.audit.findings import AuditReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg audit data/bcss\n"
        "  breastseg audit data/bcss --source BCSS --out results/audit\n"
        "\n"
        "Exit status 0 when nothing is on two sides of the split, 1 when something is. Without a "
        "split, the source's own is looked at."
    )
    parser.add_argument("dataset", help="folder of a prepared data set, split or not")
    add_out(
        parser,
        "folder for audit.json and audit.html; nothing is written without it",
        required=False,
    )
    add_option(
        parser,
        "--source",
        "the BCSS folder it was prepared from: sizes are compared with its meta/roiBounds.csv",
        metavar="FOLDER",
    )


def run(options: argparse.Namespace) -> None:
    """Audit, write the page, print what was found, and fail when it is a leak."""
    from breastseg.data.audit import audit
    from breastseg.errors import LeakError
    from breastseg.files import held_folder
    from breastseg.report.audit import write_audit_page

    report = audit(options.dataset, options.out, source=options.source)
    _print(report)
    if options.out:
        with held_folder(Path(options.out)):
            print(write_audit_page(options.out))
    # Last, so that all findings are printed and written also where one ends the command.
    leaks = [finding for finding in report["findings"] if finding["severity"] == "leak"]
    if leaks:
        more = f" (and {counted(len(leaks) - 1, 'more finding')})" if len(leaks) > 1 else ""
        raise LeakError(
            f"{options.dataset}: leak: {leaks[0]['sentence']}{more}; scores on this split say"
            f" nothing, {leaks[0]['advice']}"
        )


def _print(report: "AuditReport") -> None:
    print(
        f"{counted(report['regions'], 'region')}, {counted(report['patients'], 'patient')},"
        f" {report['mpp']:g} um/px, data {report['data']}"
    )
    for name, split in report["splits"].items():
        print(f"{name}{'' if split['used'] else ' (not in use)'}")
        for part, contents in split["parts"].items():
            classes = []
            for label, px in contents["pixels"].items():
                if px:
                    classes.append(f"{label} {px / 1e6:.2f}")
            regions = counted(contents["regions"], "region")
            patients = counted(contents["patients"], "patient")
            hospitals = counted(contents["hospitals"], "hospital")
            sizes = f"{regions:>14}{patients:>14}{hospitals:>14}"
            print(f"  {part:5}{sizes}; Mpx: {', '.join(classes)}")
    scores = []
    for name, score in report["colours"].items():
        # Where there were too few tiles, a word stands in place of the score.
        if isinstance(score, dict):
            scores.append(f"by {name} {score['balanced_accuracy']:.3f}")
    print(
        "main class of a tile named right by colour alone (balanced):"
        f" {', '.join(scores) or 'too few annotated tiles'}"
    )
    for finding in report["findings"]:
        print(f"{finding['severity']:8}{finding['sentence']}\n{'':8}-> {finding['advice']}")
    if not report["findings"]:
        print("nothing found")
