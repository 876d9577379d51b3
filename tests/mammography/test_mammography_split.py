"""Folds of whole patients as a table: dealt alike, read by studies and audits, refused when odd."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from breastseg.cli.main import main
from breastseg.errors import DatasetError, InputError, SplitError
from breastseg.mammography.split import read_folds, split_films

HEAD = "film,patient,findings,pathology\n"


def films_of(folder: Path, patients: int = 20) -> Path:
    """Write a films.csv: two films a patient; a fifth each malignant, benign, and told nothing."""
    folder.mkdir()
    lines = []
    for number in range(patients):
        said, findings = {0: ("malignant", 1), 1: ("benign", 2), 2: ("", 1)}.get(
            number % 5, ("", 0)
        )
        lines.append(f"f{number}-1,p{number},{findings},{said}")
        lines.append(f"f{number}-2,p{number},0,")
    (folder / "films.csv").write_text(HEAD + "\n".join(lines) + "\n")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_whole_patients_and_each_fold_its_share_of_each_kind(tmp_path: Path) -> None:
    films = films_of(tmp_path / "films")
    found = split_films(films, folds=4)
    assert list(found) == ["fold-1", "fold-2", "fold-3", "fold-4"]
    for counts in found.values():
        assert counts == Counter(
            {
                "films": 10,
                "patients": 5,
                "malignant": 1,
                "benign": 1,
                "other findings": 1,
                "no findings": 2,
            }
        )
    rows = table(films / "split.csv")
    assert [row["film"] for row in rows[:2]] == ["f0-1", "f0-2"]
    of_patient: dict[str, set[str]] = {}
    for row in rows:
        of_patient.setdefault(row["patient"], set()).add(row["split"])
    assert len(of_patient) == 20
    assert all(len(splits) == 1 for splits in of_patient.values())


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    films = films_of(tmp_path / "films")
    texts = []
    for seed in (0, 0, 1):
        split_films(films, seed=seed)
        texts.append((films / "split.csv").read_bytes())
    assert texts[0] == texts[1] != texts[2]


def test_a_table_is_read_as_folds_by_patient(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("film,split\na,fold-10\nb,fold-2\nc,fold-2\nunused,other\n")
    assert read_folds(path, {"a": "one", "b": "two", "c": "two"}) == {"one": 1, "two": 0}


@pytest.mark.parametrize(
    ("rows", "kind", "sentence"),
    [
        ("a,1\n", DatasetError, "no film 'b'; split the films again"),
        ("a,1\nb,\n", DatasetError, "row 3: no split; fill it in"),
        ("a,1\nb,1\nc,2\n", SplitError, r"all films are in 1; wanted two folds or more"),
        ("a,1\na,2\nb,2\n", DatasetError, "film 'a' is in row 2 too"),
    ],
)
def test_tables_that_do_not_fit(
    tmp_path: Path, rows: str, kind: type[Exception], sentence: str
) -> None:
    path = tmp_path / "split.csv"
    path.write_text("film,split\n" + rows)
    with pytest.raises(kind, match=sentence):
        read_folds(path, {"a": "one", "b": "two"})


def test_a_patient_in_two_folds_is_named(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("film,split\na,train\nb,test\n")
    with pytest.raises(SplitError, match=r"patient one is in train \(a\) and in test \(b\)"):
        read_folds(path, {"a": "one", "b": "one"})


def test_what_cannot_be_split(tmp_path: Path) -> None:
    films = films_of(tmp_path / "films", patients=3)
    with pytest.raises(SplitError, match="5 folds of 3 patients; take fewer --folds"):
        split_films(films)
    for folds in (1, 101):
        with pytest.raises(InputError, match=f"--folds {folds}: wanted 2 to 100"):
            split_films(films, folds=folds)
    with pytest.raises(InputError, match="--seed -1"):
        split_films(films, folds=2, seed=-1)
    (films / "films.csv").write_text(HEAD + "f,,0,\n")
    with pytest.raises(DatasetError, match="row 2: no patient"):
        split_films(films, folds=2)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = films_of(tmp_path / "films")
    assert main(["mammo", "split", str(films), "--folds", "2"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "fold-1: 20 films of 10 patients (2 malignant, 2 benign, 2 other findings, 4 no findings)"
    )
    assert said[-1] == f"{films}/split.csv"
    assert main(["mammo", "split", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
