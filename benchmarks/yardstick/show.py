"""Results -> JSON, and Markdown tables: a row a figure, a column a result or a shift."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from breastseg.metrics.intervals import Interval
from yardstick.judges import Judge
from yardstick.look import AS_IT_IS, SHIFTS
from yardstick.number import PARTS, Result, difference, judge_interval, shift_index
from yardstick.stains import Fall

SHOWN = (-3.0, -2.0, -1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.5, 1.0)
"""Shifts of which the figures are shown."""
_CURVES = "abcd"

Facts: TypeAlias = Mapping[str, Any]
Row: TypeAlias = tuple[tuple[str, str], str, str]
"""Part and figure, its value, and what stands behind it."""


def facts_of(result: Result, falls: Sequence[Fall] = ()) -> dict[str, Any]:
    """Return a result as JSON values."""
    best, parts = result.best, result.parts
    chosen = {}
    for part, at in result.elsewhere.items():
        chosen[part] = {"shift": float(SHIFTS[at]), "score": float(parts[part][at])}
    return {
        "name": result.name,
        "notes": list(result.notes),
        "number": result.number,
        "interval": result.interval,
        "parts": {part: float(curve[AS_IT_IS]) for part, curve in parts.items()},
        "best_shift": float(SHIFTS[best]),
        "number_at_best_shift": float(result.curve[best]),
        "parts_at_best_shift": {part: float(curve[best]) for part, curve in parts.items()},
        "parts_at_shift_chosen_elsewhere": chosen,
        "shifts": SHIFTS.tolist(),
        "curve": result.curve.tolist(),
        "curves": {part: curve.tolist() for part, curve in parts.items()},
        "judges": [_judge_facts(judge) for judge in result.judges],
        "stains": [_fall_facts(fall) for fall in falls],
    }


def _judge_facts(judge: Judge) -> dict[str, Any]:
    shown = SHOWN if judge.part in _CURVES else ()
    return {
        "part": judge.part,
        "name": judge.name,
        "told": judge.told,
        "counts": judge.counts,
        "units": len(judge.units),
        "score": float(judge.curve[AS_IT_IS]),
        "interval": judge_interval(judge),
        "figures": judge.figures(AS_IT_IS),
        "figures_by_shift": {f"{shift:g}": judge.figures(shift_index(shift)) for shift in shown},
        "curve": judge.curve.tolist(),
    }


def _fall_facts(fall: Fall) -> dict[str, Any]:
    return {"fields": fall.name, "score": fall.own, "fall": fall.mean, "by": fall.by}


def table_of(facts: Sequence[Facts]) -> str:
    """Return the Markdown table of results, one column each."""
    rows: dict[tuple[str, str], list[str]] = {}
    told: dict[tuple[str, str], str] = {}
    for column, one in enumerate(facts):
        for key, value, words in _rows(one):
            rows.setdefault(key, ["–"] * len(facts))[column] = value
            told.setdefault(key, words)
    lines = [["part", "figure", "of", *(str(one["name"]) for one in facts)]]
    lines.append(["---"] * len(lines[0]))
    for key in sorted(rows, key=lambda key: key[0]):
        part, figure = key
        lines.append([part or "**number**", figure, told[key], *rows[key]])
    return _markdown(lines)


def _rows(one: Facts) -> list[Row]:
    number = f"**{one['number']:.3f}** {_ends(one['interval'])}".strip()
    best = f"{one['number_at_best_shift']:.3f} at {one['best_shift']:+.2f}"
    rows = [
        (("", "as it decides"), number, "mean of the parts"),
        (("", "at its best shift of tumour"), best, "one shift for all parts"),
    ]
    for part, score in one["parts"].items():
        rows.append(((part, PARTS[part]), f"**{_shown(score)}**", "mean of its sets"))
        chosen = one["parts_at_shift_chosen_elsewhere"][part]
        if part in _CURVES:
            value = f"{_shown(chosen['score'])} at {chosen['shift']:+.2f}"
            key = part, f"{PARTS[part]}, shifted"
            rows.append((key, value, "the shift is the best for the other parts"))
    for judge in one["judges"]:
        rows += _judge_rows(judge)
    for fall in one["stains"]:
        worst = max(fall["by"], key=fall["by"].__getitem__)
        value = f"{fall['fall']:+.3f}; {fall['by'][worst]:+.3f} by {worst}"
        key = "f", f"loss of {fall['fields']} in the colours of others"
        rows.append((key, value, f"mean of {len(fall['by'])} lenders; the worst"))
    return rows


def _judge_rows(judge: Facts) -> list[Row]:
    part, name, figures = judge["part"], judge["name"], judge["figures"]
    score = f"{_shown(judge['score'])} {_ends(judge['interval'])}".strip()
    rows = [((part, name), score, judge["told"])]
    if len(figures) > 1:
        for figure, value in figures.items():
            if not np.isnan(value):
                rows.append(((part, f"{name}: {figure}"), _shown(value), ""))
    return rows


def curves_of(one: Facts) -> str:
    """Return the Markdown table of a result over shifts of tumour's log-probability."""
    at = [shift_index(shift) for shift in SHOWN]
    lines = [["shift", *(f"{SHIFTS[k]:+g}" for k in at)], ["---"] * (1 + len(at))]
    lines.append(["**number**", *(_shown(one["curve"][k]) for k in at)])
    for part, curve in one["curves"].items():
        lines.append([f"**{part}** {PARTS[part]}", *(_shown(curve[k]) for k in at)])
    for judge in one["judges"]:
        by_shift = judge["figures_by_shift"]
        for figure in judge["figures"] if by_shift else ():
            values = [_shown(by_shift[f"{shift:g}"][figure]) for shift in SHOWN]
            if len(set(values)) > 1:
                lines.append([f"{judge['part']} {judge['name']}: {figure}", *values])
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def losses_of(facts: Sequence[Facts], pairs: Sequence[tuple[int, int]]) -> list[str]:
    """Return in words what each second result loses against the first, in points."""
    lines = []
    for first, second in pairs:
        one, other = facts[first], facts[second]
        gaps = {part: 100 * (other["parts"][part] - score) for part, score in one["parts"].items()}
        by_part = ", ".join(f"{part} {gap:+.2f}" for part, gap in gaps.items())
        gap = 100 * (other["number"] - one["number"])
        lines.append(f"{other['name']} against {one['name']}: {gap:+.2f} points ({by_part})")
    return lines


def compared(results: Sequence[Result]) -> list[str]:
    """Return in words how each result differs from the first."""
    lines = []
    for other in results[1:]:
        gap, ends = difference(other, results[0])
        spread = _ends(ends, "+.4f")
        lines.append(f"{other.name} against {results[0].name}: {gap:+.4f} {spread}".rstrip())
    return lines


def spread_of(numbers: Sequence[float], what: str) -> str:
    """Return mean, standard deviation and range of several numbers in words."""
    said = f"{what}: mean {np.mean(numbers):.4f}"
    if len(numbers) > 1:
        said += f", standard deviation {np.std(numbers, ddof=1):.4f}"
    return f"{said}, {min(numbers):.4f} to {max(numbers):.4f}"


def _shown(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"


def _ends(ends: Interval, form: str = ".3f") -> str:
    return f"({ends[0]:{form}} to {ends[1]:{form}})" if ends else ""
