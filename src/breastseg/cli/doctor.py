"""breastseg doctor."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.diagnostics.doctor import Diagnosis


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg doctor\n  breastseg doctor --json\n"
        "  breastseg doctor --privacy slide.svs\n\n"
        "Nothing leaves the machine. Exit status 0 when predicting works, 1 when it does not."
    )
    parser.add_argument("--json", action="store_true", help="print the same as JSON")
    parser.add_argument(
        "--privacy",
        metavar="SLIDE",
        help="list what a slide gives away, not the values; nothing else is looked at",
    )


def run(options: argparse.Namespace) -> None:
    """Look at the machine, print what was found, and fail when the tiny slide cannot be mapped."""
    from breastseg.diagnostics.doctor import doctor
    from breastseg.errors import IncompleteError

    if options.privacy is not None:
        _print_privacy(options.privacy, as_json=options.json)
        return
    diagnosis = doctor()
    if options.json:
        print(json.dumps(asdict(diagnosis), indent=2, ensure_ascii=False))
    else:
        _print(diagnosis)
    if not diagnosis.trial.works:
        cause = diagnosis.trial.cause
        raise IncompleteError(
            f"predicting does not work here: {cause}; what is missing is listed with the command"
            " that brings it"
        )


def _print_privacy(slide: str, *, as_json: bool) -> None:
    from breastseg.privacy import look_at
    from breastseg.wording import say

    findings = look_at(slide)
    if as_json:
        rows = [finding.row() for finding in findings]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for finding in findings:
        say(f"{finding.place}: {finding.tag} ({finding.kind})")
    say("breastseg deidentify copies the slide without these; its pixels are not looked at")


def _print(diagnosis: "Diagnosis") -> None:
    names = []
    for section in diagnosis.sections.values():
        names += [finding.name for finding in section]
    width = max(map(len, names))  # of all sections, so that they are one table
    for title, section in diagnosis.sections.items():
        print(title)
        for finding in section:
            advice = f"; {finding.install}" if finding.install else ""
            print(
                f"  {finding.name:<{width}} "
                f" {'' if finding.here else 'no: '}{finding.found}{advice}"
            )
    trial = diagnosis.trial
    print("a tiny slide, read, mapped and written")
    if trial.works:
        shares = []
        for name, percent in trial.percent.items():
            if percent >= 0.5:  # less would be printed as 0 %
                shares.append(f"{name} {percent:.0f} %")
        print(f"  {'ok':<{width}}  {trial.seconds:.1f} s with {trial.backend}: {', '.join(shares)}")
    else:
        print(f"  {'failed':<{width}}  {trial.cause}")
