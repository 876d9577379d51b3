"""breastseg mammo verify."""

import argparse

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Pixels are compared, so a copy saved as PNG is right. Exit status 0 when the copy is\n"
        "whole, 1 when films are missing or altered.\n"
        "example:\n  breastseg mammo verify mini-mias"
    )
    parser.add_argument("folder", help="a copy of mini-MIAS: its pictures with Info.txt")


def run(options: argparse.Namespace) -> None:
    """Hold a copy against the release, and fail when it is not whole."""
    from breastseg.errors import IncompleteError
    from breastseg.mammography.mini_mias_check import verify_mini_mias

    found = verify_mini_mias(options.folder)
    total = len(found.whole) + len(found.missing) + len(found.wrong)
    print(f"{options.folder}: mini-MIAS, {len(found.whole)} of {total} films as released")
    for film, fault in found.wrong[:_SHOWN]:
        print(f"wrong      {film}: {fault}")
    if found.missing:
        print(f"missing    {', '.join(found.missing[:5])}: {len(found.missing)} films")
    if found.table:
        print(f"wrong      {found.table}")
    if found.wrong or found.table or found.missing:
        raise IncompleteError(
            f"{options.folder}: {len(found.wrong)} films altered, {len(found.missing)} missing"
            f"{', ' + found.table if found.table else ''}; fetch them again"
        )
    print("whole: nothing is missing, nothing is altered")
