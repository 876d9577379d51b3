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

    found = audit(options.dataset, options.out, source=options.source)
    _print(found)
    if options.out:
        with held_folder(Path(options.out)):
            print(write_audit_page(options.out))
    leaks = [finding for finding in found["findings"] if finding["severity"] == "leak"]
    if leaks:
        more = f" (and {counted(len(leaks) - 1, 'more finding')})" if len(leaks) > 1 else ""
        raise LeakError(
            f"{options.dataset}: leak: {leaks[0]['sentence']}{more}; scores on this split say"
            f" nothing, {leaks[0]['advice']}"
        )


def _print(found: "AuditReport") -> None:
    print(
        f"{counted(found['regions'], 'region')}, {counted(found['patients'], 'patient')},"
        f" {found['mpp']:g} um/px, data {found['data']}"
    )
    for name, split in found["splits"].items():
        print(f"{name}{'' if split['used'] else ' (not in use)'}")
        for part, held in split["parts"].items():
            classes = ", ".join(
                f"{label} {px / 1e6:.2f}" for label, px in held["pixels"].items() if px
            )
            sizes = [
                counted(held["regions"], "region"),
                counted(held["patients"], "patient"),
                counted(held["hospitals"], "hospital"),
            ]
            print(f"  {part:5}{''.join(f'{size:>14}' for size in sizes)}; Mpx: {classes}")
    told = [
        f"by {name} {score['balanced_accuracy']:.3f}"
        for name, score in found["colours"].items()
        if isinstance(score, dict)
    ]
    print(
        "main class of a tile named right by colour alone (balanced):"
        f" {', '.join(told) or 'too few annotated tiles'}"
    )
    for finding in found["findings"]:
        print(f"{finding['severity']:8}{finding['sentence']}\n{'':8}-> {finding['advice']}")
    if not found["findings"]:
        print("nothing found")
