"""Scores by group: against counts of the same regions, and what cannot be grouped."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import InputError
from breastseg.evaluation import groups
from breastseg.evaluation.figures import Grouping
from breastseg.evaluation.groups import FEW_PATIENTS, groupings
from breastseg.evaluation.patients import Column, read_patients
from breastseg.evaluation.presence import PresenceRow
from breastseg.evaluation.scores import Scores
from breastseg.evaluation.summary import RegionCounts
from breastseg.histology.stains import stain_strength
from breastseg.metrics.surface import measure_surface
from conftest import paint, quiet, tcga

NAMES = ["a", "b"]
PATIENTS = 12


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Twelve regions, one a patient, in two hospitals: nine at A2, three at OL."""
    folder = tmp_path_factory.mktemp("painted")
    for k in range(PATIENTS):
        site = "OL" if k % 4 == 3 else "A2"
        paint(folder / "source", tcga(site, f"P{k:03}"), codes=(1, 2), seed=k)
    config = PrepareConfig(to_mpp=0.30, workers=1)
    return prepare(folder / "source", folder / "data", config, reporter=quiet)


def counted(right: int, wrong: int) -> RegionCounts:
    """Return a region with `right` and `wrong` pixels of each of two classes, and as many dots."""
    pixels = np.array([[0, right, wrong], [0, wrong, right]], np.int64)
    dots = np.concatenate([pixels, np.zeros_like(pixels)])
    nothing = np.zeros((4, 4), np.uint8)
    surface = measure_surface(nothing, nothing, 2, mpp=1.0)
    return RegionCounts(pixels, dots, surface, np.zeros(3, np.int64))


def found_in(data: Dataset, wrong: dict[str, int]) -> dict[str, RegionCounts]:
    """Return counts of every region: 100 pixels a class, of which `wrong` by hospital are wrong."""
    found = {}
    for region, site in data.regions["site"].items():
        share = wrong[str(site)]
        found[str(region)] = counted(100 - share, share)
    return found


def one(found: tuple[Grouping, ...], by: str) -> Grouping:
    [grouping] = [grouping for grouping in found if grouping.by == by]
    return grouping


def test_errors_are_where_they_were_put(painted: Dataset) -> None:
    """A2 has nine regions of 5 wrong in 100, OL three of 40."""
    hospital = one(
        groupings(found_in(painted, {"A2": 5, "OL": 40}), painted, NAMES, []), "hospital"
    )
    better, worse = hospital.groups["A2"], hospital.groups["OL"]
    for part in ("areas", "dots"):
        good, bad = getattr(better, part), getattr(worse, part)
        assert (good.regions, good.patients, good.support) == (9, 9, 1800)
        assert (bad.regions, bad.patients, bad.support) == (3, 3, 600)
        assert good.score == pytest.approx(0.95)
        assert bad.score == pytest.approx(0.60)
        assert good.support_percent == pytest.approx(75)
        assert bad.errors_percent == pytest.approx(100 * 240 / (90 + 240))
        assert good.errors_percent + bad.errors_percent == pytest.approx(100)
        assert bad.classes == pytest.approx({"a": 0.60, "b": 0.60})
        assert good.interval == pytest.approx((0.95, 0.95))
        assert bad.interval is None, "three patients"
    assert FEW_PATIENTS == 5


def test_an_interval_holds_the_score_and_widens_where_patients_differ(painted: Dataset) -> None:
    found = {}
    for number, region in enumerate(painted.regions.index):
        wrong = 3 * (number % 9)
        found[str(region)] = counted(100 - wrong, wrong)
    areas = one(groupings(found, painted, NAMES, []), "hospital").groups["A2"].areas
    assert areas is not None
    assert areas.interval is not None
    low, high = areas.interval
    assert areas.score - low > 0.01
    assert high - areas.score > 0.01


def test_what_is_called_where_it_is_not_is_told_by_group(painted: Dataset) -> None:
    """OL has three fields without "a", called so by 0.1 to 0.3; A2 six, up to 0.5."""
    wholes, numbers = [], {"A2": 0, "OL": 1}
    for region, row in painted.regions.iterrows():
        site, patient = str(row["site"]), str(row["patient"])
        if site == "A2" and numbers[site] > 5:
            continue
        share = numbers[site] / 10
        numbers[site] += 1
        known = PresenceRow(
            region=str(region), patient=patient, known="without", share=share, **{"class": "a"}
        )
        wholes.append(known)
    found = {region: counted(0, 0) for region in map(str, painted.regions.index)}
    hospital = one(groupings(found, painted, NAMES, [], wholes), "hospital")
    better, worse = hospital.groups["OL"].without, hospital.groups["A2"].without
    assert better is not None
    assert worse is not None
    assert (better["a"].regions, better["a"].patients, better["a"].interval) == (3, 3, None)
    assert better["a"].share == pytest.approx(0.2)
    assert (worse["a"].regions, worse["a"].share) == (6, pytest.approx(0.25))
    assert worse["a"].interval is not None
    low, high = worse["a"].interval
    assert 0.1 < low < 0.25 < high < 0.4
    rows = [row for row in groups.group_rows([hospital]) if row["of"] == "without a"]
    assert [row["score"] for row in rows] == pytest.approx([0.25, 0.2])


def test_groups_without_truth_are_not_there(painted: Dataset) -> None:
    found = found_in(painted, {"A2": 5, "OL": 5})
    for region, site in painted.regions["site"].items():
        if site == "OL":
            found[str(region)] = counted(0, 0)
    hospital = one(groupings(found, painted, NAMES, []), "hospital")
    assert list(hospital.groups) == ["A2"]


def test_thirds_of_stain_are_regions_in_order_of_it(painted: Dataset) -> None:
    found = found_in(painted, {"A2": 5, "OL": 5})
    every = groupings(found, painted, NAMES, [])
    for place, by in enumerate(("haematoxylin", "eosin")):
        thirds = one(every, by)
        assert [name.split(",")[0] for name in thirds.groups] == [
            "lowest third",
            "middle third",
            "highest third",
        ]
        sizes = [group.areas.regions for group in thirds.groups.values() if group.areas]
        assert sizes == [4, 4, 4]
        values = sorted(stain_strength(painted.image(region))[place] for region in found)
        ends = [f"{values[0]:.3g} to {values[3]:.3g}", f"{values[8]:.3g} to {values[11]:.3g}"]
        names = list(thirds.groups)
        assert names[0].endswith(ends[0])
        assert names[2].endswith(ends[1])


def test_too_few_for_thirds_says_so(painted: Dataset) -> None:
    some = dict(list(found_in(painted, {"A2": 5, "OL": 5}).items())[:5])
    thirds = one(groupings(some, painted, NAMES, []), "eosin")
    assert thirds.groups == {}
    assert thirds.note == "5 regions with a value: too few for thirds, 6 wanted"


def test_a_scanner_groups_where_slides_name_it(painted: Dataset) -> None:
    found = found_in(painted, {"A2": 5, "OL": 40})
    assert "scanner" not in [grouping.by for grouping in groupings(found, painted, NAMES, [])]
    regions = painted.regions.assign(
        scanner=["" if site == "OL" else "aperio SS1" for site in painted.regions["site"]]
    )
    scanner = one(groupings(found, replace(painted, regions=regions), NAMES, []), "scanner")
    assert list(scanner.groups) == ["aperio SS1", "unknown"]


def test_a_column_of_numbers_is_cut_into_thirds_of_patients(painted: Dataset) -> None:
    patients = [str(patient) for patient in painted.regions["patient"]]
    ages = {patient: float(30 + number) for number, patient in enumerate(patients)}
    text = {patient: str(age) for patient, age in ages.items()}
    column = Column("age", "t.csv", text, ages)
    found = found_in(painted, {"A2": 5, "OL": 5})
    age = one(groupings(found, painted, NAMES, [column]), "age")
    assert list(age.groups) == [
        "lowest third, 30 to 33",
        "middle third, 34 to 37",
        "highest third, 38 to 41",
    ]
    few = Column("grade", "t.csv", dict.fromkeys(patients, "2"), dict.fromkeys(patients, 2.0))
    grade = one(groupings(found, painted, NAMES, [few]), "grade")
    assert list(grade.groups) == ["2"]
    assert grade.note == "one group: nothing to compare"


def test_a_column_takes_the_place_of_what_the_data_set_knows(painted: Dataset) -> None:
    text = {str(patient): "mine" for patient in painted.regions["patient"]}
    own = Column("hospital", "t.csv", text, None)
    found = groupings(found_in(painted, {"A2": 5, "OL": 5}), painted, NAMES, [own])
    assert [grouping.by for grouping in found].count("hospital") == 1
    assert list(one(found, "hospital").groups) == ["mine"]


def table_of(folder: Path, text: str) -> Path:
    path = folder / "patients.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "by", "said"),
    [
        ("patient,kind\nP1,a\n", "kind", "no row for patient 'P2', who is scored"),
        ("patient,kind\nP1,a\np2,a\n", "kind", "did you mean it by 'p2'?"),
        ("patient,kind\nP1,a\nP2,b\nP1,a\n", "kind", "row 4: patient 'P1' is in row 2 too"),
        ("patient,kind\nP1,a\nP2,A\n", "kind", "kind 'A' is written 'a' in another row"),
        ("patient,kind\nP1,a\nP2,b\n", "age", "wanted a CSV with patient, age"),
        ("name,kind\nP1,a\nP2,b\n", "kind", "wanted a CSV with patient, kind"),
        ("patient,kind\nP1,a\n,b\n", "kind", "row 3: no patient"),
        ("patient,kind\nP1,a\nP2,b\n", "patient", "each patient would be a group"),
    ],
)
def test_a_table_joins_or_is_an_error(tmp_path: Path, text: str, by: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read_patients(table_of(tmp_path, text), [by], ["P1", "P2"], ["P1", "P2"])
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_rows_of_others_are_said_and_blank_cells_are_unknown(tmp_path: Path) -> None:
    path = table_of(tmp_path, "patient;Age;kind\nP1;40;a\nP2;;\nP9;1;c\n")
    columns, notes = read_patients(path, ["age", "kind"], ["P1", "P2"], ["P1", "P2"])
    assert notes == ("patients.csv: 1 row of patients not in the data set",)
    assert columns[0].numbers == {"P1": 40.0}
    assert columns[1].text == {"P1": "a", "P2": ""}
    assert columns[1].numbers is None


def test_too_many_groups_are_refused_before_anything_is_computed(painted: Dataset) -> None:
    text = {f"P{number}": f"name {number}" for number in range(groups.MOST_GROUPS + 1)}
    with pytest.raises(InputError, match="has 31 values among the scored patients"):
        groups.check_columns([Column("id", "t.csv", text, None)])


@pytest.fixture(scope="session")
def evaluated(
    painted: Dataset, lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("by")
    patients = [str(patient) for patient in painted.regions["patient"]]
    rows = "".join(f"{name},{'ab'[k % 2]}\n" for k, name in enumerate(patients))
    table = table_of(folder, "patient,kind\n" + rows)
    words = ["--data", str(painted.path), "--split", "all", "--threads", "1"]
    words += ["--model", str(lively_bundle.path), "--out", str(folder / "out")]
    assert main(["evaluate", *words, "--patients", str(table), "--by", "kind"]) == 0
    return folder / "out"


def test_the_command_writes_groups_that_follow_from_counts(
    evaluated: Path, painted: Dataset
) -> None:
    scores = Scores.read(evaluated)
    kind = one(scores.groups or (), "kind")
    counts = pd.read_csv(evaluated / "counts.csv")
    right = counts[counts["truth"] == counts["prediction"]]
    wrong = counts["px"].sum() - right["px"].sum()
    for letter, start in (("a", 0), ("b", 1)):
        inside = list(painted.regions.index[start::2])
        own = counts[counts["region"].isin(inside)]["px"].sum()
        own_right = right[right["region"].isin(inside)]["px"].sum()
        areas = kind.groups[letter].areas
        assert areas is not None
        assert areas.support == own
        assert areas.support_percent == pytest.approx(100 * own / counts["px"].sum())
        assert areas.errors_percent == pytest.approx(100 * (own - own_right) / wrong)
    table = pd.read_csv(evaluated / "per_group.csv")
    assert set(table["by"]) == {"hospital", "haematoxylin", "eosin", "kind"}
    row = table[(table["by"] == "kind") & (table["group"] == "a")].iloc[0]
    figures = kind.groups["a"].areas
    assert figures is not None
    assert row["score"] == pytest.approx(figures.score)
    assert (row["low"], row["high"]) == pytest.approx(figures.interval)


def test_the_page_shows_each_grouping_lowest_first(evaluated: Path) -> None:
    page = (evaluated / "report.html").read_text(encoding="utf-8")
    scores = Scores.read(evaluated)
    assert "Areas by kind" in page
    section = page[page.index("Areas by kind") :]
    section = section[: section.index("</table>")]
    ordered = sorted(one(scores.groups or (), "kind").groups, key=lambda name: _dice(scores, name))
    places = [section.index(f"<tr><td>{name}</td>") for name in ordered]
    assert places == sorted(places)


def _dice(scores: Scores, name: str) -> float:
    areas = one(scores.groups or (), "kind").groups[name].areas
    return areas.score if areas else math.nan


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "age"], "give --patients TABLE"),
        (["--patients", "TABLE"], "give --by COLUMN"),
        (["--patients", "TABLE", "--by", "age"], "columns are patient, kind"),
    ],
)
def test_one_line_for_what_cannot_be_grouped(
    painted: Dataset,
    lively_bundle: Bundle,
    evaluated: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    table = str(evaluated.parent / "patients.csv")
    words = [table if word == "TABLE" else word for word in words]
    given = ["--data", str(painted.path), "--split", "all", "--out", str(tmp_path / "out")]
    assert main(["evaluate", "--model", str(lively_bundle.path), *given, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_stain_is_what_was_mixed() -> None:
    """An image of so much haematoxylin and eosin has it again, within what 8 bits keep."""
    from breastseg.histology.stains import STAINS

    unit = STAINS / np.linalg.norm(STAINS, axis=1, keepdims=True)
    pixels = np.full((20, 20, 3), 255, np.uint8)
    pixels[:10] = np.round(255 * np.exp(-(0.6 * unit[0] + 0.3 * unit[1])))
    assert stain_strength(pixels) == pytest.approx((0.6, 0.3), abs=0.02)
    assert all(math.isnan(value) for value in stain_strength(pixels[10:]))


def test_scores_of_before_have_no_groups(evaluated: Path, tmp_path: Path) -> None:
    said: Any = json.loads((evaluated / "scores.json").read_text(encoding="utf-8"))
    del said["groups"]
    shutil.copytree(evaluated, tmp_path / "old")
    (tmp_path / "old" / "scores.json").write_text(json.dumps(said), encoding="utf-8")
    assert Scores.read(tmp_path / "old").groups is None
