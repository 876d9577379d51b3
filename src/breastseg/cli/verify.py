"""breastseg verify."""

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from breastseg.sources.bcss.verify import Verification

_SHOWN = 40


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

    found = verify(options.folder)
    if options.json:
        print(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    else:
        _print(found)
    there, wanted = found.counts["regions"]
    if found.verdict == "wrong":
        raise IncompleteError(
            f"{found.folder}: {len(found.faults)} things are wrong; fetch these files again"
            " (breastseg download bcss)"
        )
    if found.verdict == "partial":
        raise IncompleteError(
            f"{found.folder}: {there} of {wanted} regions, nothing wrong in what is there"
        )


def _print(found: "Verification") -> None:
    print(f"{found.folder}: BCSS, held against the release's own tables\n{'':10} there    of")
    for name, (there, wanted) in found.counts.items():
        print(f"{name:10} {there:5} {wanted:5}")
    absent = [str(code) for code in range(22) if code not in found.codes]
    print(
        "codes     "
        f" {' '.join(map(str, found.codes)) or 'none'}"
        f"{'; not seen: ' + ' '.join(absent) if absent else ''}"
    )
    if found.mpps:
        print(f"um/px      {found.mpps[0]:.4f} to {found.mpps[-1]:.4f} by roiBounds.csv")
    if found.missing:
        more = f" and {len(found.missing) - 5} more" if len(found.missing) > 5 else ""
        print(f"missing    {', '.join(found.missing[:5])}{more}")
    for kind, entries in (("wrong", found.faults), ("odd", found.oddities)):
        for where, what in entries[:_SHOWN]:
            print(f"{kind:10} {where}: {what}")
        if len(entries) > _SHOWN:
            print(f"{kind:10} and {len(entries) - _SHOWN} more; --json has them all")
    if found.verdict == "whole":
        print("whole: nothing is missing, nothing is wrong")


def _as_json(found: "Verification") -> dict[str, object]:
    return {
        "folder": str(found.folder),
        "verdict": found.verdict,
        "counts": {
            name: {"there": there, "of": wanted} for name, (there, wanted) in found.counts.items()
        },
        "codes": found.codes,
        "mpp": {c.name: c.mpp for c in found.checked},
        "missing": list(found.missing),
        "wrong": [{"where": where, "what": what} for where, what in found.faults],
        "odd": [{"where": where, "what": what} for where, what in found.oddities],
    }
