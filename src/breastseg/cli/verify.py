"""breastseg verify."""

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.sources.bcss.verify import Verification

_SHOWN = 40  # of each kind: a wrong copy has hundreds of one


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg verify BCSS\n  breastseg verify BCSS --json\n\nExit status 0 when"
        " the copy is whole, 1 when something in it is wrong, and when it is right as far as it"
        ' goes but regions are\nmissing: the last line, and "verdict" in the JSON (whole, partial,'
        " wrong), tell these apart. What is odd is told, no more."
    )
    parser.add_argument(
        "folder",
        help=(
            "a copy of BCSS: images (or rgbs_colorNormalized) with masks, or a folder with these"
            " in it"
        ),
    )
    parser.add_argument("--json", action="store_true", help="print the same as JSON")


def run(options: argparse.Namespace) -> None:
    """Hold a copy against the release, print what was found, and fail when it is not whole."""
    from breastseg.errors import IncompleteError
    from breastseg.sources.bcss.verify import verify

    check = verify(options.folder)
    if options.json:
        print(json.dumps(_as_json(check), indent=2, ensure_ascii=False))
    else:
        _print(check)
    there, wanted = check.counts["regions"]
    if check.verdict == "wrong":
        raise IncompleteError(
            f"{check.folder}: {len(check.faults)} things are wrong; fetch these files again"
            " (breastseg download bcss)"
        )
    if check.verdict == "partial":
        raise IncompleteError(
            f"{check.folder}: {there} of {wanted} regions, nothing wrong in what is there"
        )


def _print(check: "Verification") -> None:
    print(f"{check.folder}: BCSS, held against the release's own tables\n{'':10} there    of")
    for name, (there, wanted) in check.counts.items():
        print(f"{name:10} {there:5} {wanted:5}")
    absent = [str(code) for code in range(22) if code not in check.codes]  # BCSS has 22 codes
    print(
        "codes     "
        f" {' '.join(map(str, check.codes)) or 'none'}"
        f"{'; not seen: ' + ' '.join(absent) if absent else ''}"
    )
    if check.mpps:
        print(f"um/px      {check.mpps[0]:.4f} to {check.mpps[-1]:.4f} by roiBounds.csv")
    if check.missing:
        more = f" and {len(check.missing) - 5} more" if len(check.missing) > 5 else ""
        print(f"missing    {', '.join(check.missing[:5])}{more}")
    for kind, entries in (("wrong", check.faults), ("odd", check.oddities)):
        for where, what in entries[:_SHOWN]:
            print(f"{kind:10} {where}: {what}")
        if len(entries) > _SHOWN:
            print(f"{kind:10} and {len(entries) - _SHOWN} more; --json has them all")
    if check.verdict == "whole":
        print("whole: nothing is missing, nothing is wrong")


def _as_json(check: "Verification") -> dict[str, object]:
    counts = {}
    for name, (there, wanted) in check.counts.items():
        counts[name] = {"there": there, "of": wanted}
    return {
        "folder": str(check.folder),
        "verdict": check.verdict,
        "counts": counts,
        "codes": check.codes,
        "mpp": {c.name: c.mpp for c in check.checked},
        "missing": list(check.missing),
        "wrong": [{"where": where, "what": what} for where, what in check.faults],
        "odd": [{"where": where, "what": what} for where, what in check.oddities],
    }
