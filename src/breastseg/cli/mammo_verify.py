"""breastseg mammo verify."""

import argparse

_SHOWN = 20  # faults that are printed: a wrong copy has hundreds of one kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Pixels are compared, so a copy saved as PNG is right. Exit status 0 when the copy is\n"
        "whole, 1 when films are missing or altered.\n"
        "example:\n  breastseg mammo verify mini-mias"
    )
    parser.add_argument("folder", help="a copy of mini-MIAS: its images with Info.txt")


def run(options: argparse.Namespace) -> None:
    """Hold a copy against the release, and fail when it is not whole."""
    from breastseg.errors import IncompleteError
    from breastseg.mammography.mini_mias_check import verify_mini_mias

    check = verify_mini_mias(options.folder)
    total = len(check.whole) + len(check.missing) + len(check.wrong)
    print(f"{options.folder}: mini-MIAS, {len(check.whole)} of {total} films as released")
    for film, fault in check.wrong[:_SHOWN]:
        print(f"wrong      {film}: {fault}")
    if check.missing:
        print(f"missing    {', '.join(check.missing[:5])}: {len(check.missing)} films")
    if check.table:
        print(f"wrong      {check.table}")
    if check.wrong or check.table or check.missing:
        raise IncompleteError(
            f"{options.folder}: {len(check.wrong)} films altered, {len(check.missing)} missing"
            f"{', ' + check.table if check.table else ''}; fetch them again"
        )
    print("whole: nothing is missing, nothing is altered")
