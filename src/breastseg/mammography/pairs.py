"""Both breasts of a patient: a muscle that one has and the other has not is to be looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

LEAST_RATIO = 2.0
"""Muscles of which one reaches this many times as far down as the other disagree.

On mini-MIAS, where both have one, the median of the longer over the shorter is 1.17 (157 pairs).
"""


def disagreements(records: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what should be said of films whose muscle disagrees with the other breast's.

    Compared are a patient's left and right film of one view, where there is one of each and muscle
    was looked for by `path` on both.

    Args:
        records: of prepared films.

    Returns:
        film -> a sentence, for both films of each pair.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        if record["patient"] and record["muscle_score"] is not None:
            groups.setdefault((record["patient"], record["view"]), []).append(record)
    sentences: dict[str, str] = {}
    for group in groups.values():
        # Two films of one side (taken again, say) cannot be paired without a guess.
        sides = sorted(record["laterality"] for record in group)
        if sides != ["L", "R"]:
            continue
        first, second = group
        if _disagree(first, second):
            sentences[first["film"]] = _sentence(first, second)
            sentences[second["film"]] = _sentence(second, first)
    return sentences


def _disagree(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    short, long = sorted((_reach(first), _reach(second)))
    return long > LEAST_RATIO * short


def _reach(record: Mapping[str, Any]) -> float:
    """Return how far down the muscle reaches, as a share of the breast's length."""
    breast_px = max(1, int(record["breast_length_px"]))
    return float(record["muscle_length_px"]) / breast_px


def _sentence(record: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    share = f"{100 * _reach(record):.0f} %"
    other_share = f"{100 * _reach(other):.0f} %"
    return (
        f"the muscle reaches down {share} of the breast, in the other breast "
        f"({other['film']}) {other_share}: look at both"
    )
