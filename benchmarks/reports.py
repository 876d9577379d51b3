"""Precision and recall, field by field, of what `breastseg mammo report` reads from own examples.

The reports lie in tests/samples/mammography_reports, each with its truth, which was written before
the rules met it. `tuned` was looked at while the rules were written; docs/mammography_reports.md
says when the others were. A value counts as right when it equals the truth; a finding is matched
with the finding of its kind that agrees with it most, and a field of a finding without a match is
missed or invented. A report that is refused misses all that is true of it.

    python benchmarks/reports.py [--part tuned] [--show]
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from breastseg.errors import InputError
from breastseg.mammography.reports.structure import read_report
from breastseg.mammography.reports.values import Finding, Report

ROOT = Path(__file__).parents[1] / "tests/samples/mammography_reports"
PARTS = ("tuned", "held_out", "other_styles", "last_look")
FIELDS = (
    "side", "shape", "margin", "opacity", "morphology", "distribution", "form", "clock", "quadrant",
    "depth",
    "from_nipple_mm", "size_mm", "earlier_size_mm", "change",
)  # fmt: skip
SCORED_SECTIONS = {
    "history", "technique", "comparison", "density", "findings", "impression", "recommendation",
    "addendum",
}  # fmt: skip


def bare(value: Any) -> Any:
    """Return a value of a report as the truth has it."""
    if value is None:
        return None
    if hasattr(value, "mm"):
        return [float(extent) for extent in value.mm]
    return value.value


def true_value(truth: dict[str, Any], name: str) -> Any:
    value = truth.get(name)
    if isinstance(value, list):
        return [float(extent) for extent in value]
    return float(value) if isinstance(value, (int, float)) else value


class Score:
    """Right, invented and missed values of each field."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self.faults: list[str] = []

    def one(self, where: str, name: str, true: Any, found: Any) -> None:
        """Compare a value that is there once."""
        true = None if true == "" else true
        if true is None and found is None:
            return
        if true == found:
            self.counts[name]["right"] += 1
            return
        self.counts[name]["missed"] += true is not None
        self.counts[name]["invented"] += found is not None
        self.faults.append(f"{where}: {name}: truth {true}, read {found}")

    def many(self, where: str, name: str, true: set[Any], found: set[Any]) -> None:
        """Compare sets."""
        self.counts[name]["right"] += len(true & found)
        self.counts[name]["missed"] += len(true - found)
        self.counts[name]["invented"] += len(found - true)
        if true != found:
            self.faults.append(
                f"{where}: {name}: missed {sorted(true - found)}, invented {sorted(found - true)}"
            )


def matched(
    true: list[dict[str, Any]], found: list[Finding]
) -> list[tuple[dict[str, Any], Finding | None]]:
    """Return each true finding with the one read for it."""
    left = list(found)
    pairs: list[tuple[dict[str, Any], Finding | None]] = []
    for truth in true:
        same = [one for one in left if one.kind.value == truth["kind"]]
        best = max(same, key=lambda one: agreement(truth, one), default=None)
        if best is not None:
            left.remove(best)
        pairs.append((truth, best))
    pairs += [({}, one) for one in left]
    return pairs


def agreement(truth: dict[str, Any], one: Finding) -> int:
    return sum(
        name in truth and true_value(truth, name) == bare(getattr(one, name)) for name in FIELDS
    )


def compare(where: str, truth: dict[str, Any], report: Report, score: Score) -> None:
    """Add one report to the counts."""
    score.one(where, "category", truth["category"], report.category and report.category.value.value)
    sided = {
        (one.side.value, one.value.value) for one in report.categories if one.side and not one.prior
    }
    score.many(where, "category of a side", set(truth["categories"].items()), sided)
    score.one(
        where,
        "density",
        truth["density"],
        report.densities[0].value.value if report.densities else None,
    )
    sections = {one.name for one in report.sections if one.heading} & SCORED_SECTIONS
    score.many(where, "section", set(truth["sections"]), sections)
    score.many(
        where, "absent finding", set(truth["absent"]), {one.kind.value for one in report.absent}
    )
    for true, found in matched(truth["findings"], list(report.findings)):
        score.one(where, "finding", true.get("kind"), found.kind.value if found else None)
        for name in FIELDS:
            score.one(
                where, name, true_value(true, name), bare(getattr(found, name)) if found else None
            )
    advised = {one.kind.value: one for one in report.recommendations}
    wanted = {one["kind"]: one for one in truth["recommendations"]}
    score.many(where, "recommendation", set(wanted), set(advised))
    for kind in set(wanted) & set(advised):
        one = advised[kind]
        score.one(where, "recommendation: side", wanted[kind].get("side"), bare(one.side))
        score.one(
            where, "recommendation: months", true_value(wanted[kind], "months"), bare(one.months)
        )
    score.many(where, "issue", set(truth["issues"]), {one.code for one in report.issues})


def refused(truth: dict[str, Any], score: Score) -> None:
    """Count everything that is true of a report that was not read as missed."""
    score.counts["category"]["missed"] += truth["category"] != ""
    score.counts["density"]["missed"] += truth["density"] != ""
    lists = {"sections": "section", "absent": "absent finding", "issues": "issue"}
    lists |= {"recommendations": "recommendation", "findings": "finding"}
    for name, field in lists.items():
        score.counts[field]["missed"] += len(truth[name])
    for finding in truth["findings"]:
        for name in FIELDS:
            score.counts[name]["missed"] += name in finding


def score_part(part: str) -> tuple[Score, int]:
    """Return the score of a part of the reports, and how many it has."""
    score = Score()
    paths = sorted((ROOT / part).glob("*.txt"))
    for path in paths:
        truth = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        try:
            compare(path.stem, truth, read_report(path), score)
        except InputError as error:  # all that is true of it is missed
            score.faults.append(f"{path.stem}: refused: {error}")
            refused(truth, score)
    return score, len(paths)


def ratio(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


def row(name: str, counts: Counter[str]) -> str:
    right, missed, invented = counts["right"], counts["missed"], counts["invented"]
    precision, recall = ratio(right, right + invented), ratio(right, right + missed)
    return f"| {name} | {right + missed} | {precision} | {recall} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="only this half")
    parser.add_argument("--show", action="store_true", help="list what was read wrongly")
    options = parser.parse_args()
    for part in options.part or PARTS:
        score, count = score_part(part)
        print(f"{part}: {count} reports\n")
        print("| field | true values | precision | recall |\n| --- | --- | --- | --- |")
        total: Counter[str] = Counter()
        for name, counts in score.counts.items():
            print(row(name, counts))
            total += counts
        print(row("all", total) + "\n")
        if options.show:
            print("\n".join(score.faults) + "\n")


if __name__ == "__main__":
    main()
