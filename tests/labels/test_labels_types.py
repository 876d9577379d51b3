"""Diagnoses and the types that are told apart."""

import json
from pathlib import Path

import pytest

from breastseg.errors import LabelError
from breastseg.labels.types import BUILT_IN, load_type_map


@pytest.mark.parametrize(
    ("name", "diagnosis", "wanted"),
    [
        ("malignancy", "Adenosis", "benign"),
        ("malignancy", "benign", "benign"),
        ("malignancy", "lobular carcinoma", "malignant"),
        ("malignancy", "flat epithelial atypia", ""),
        ("malignancy", "", ""),
        ("carcinoma", "Lobular Carcinoma", "lobular carcinoma"),
        ("carcinoma", "adenosis", ""),
    ],
)
def test_the_type_of_a_diagnosis(name: str, diagnosis: str, wanted: str) -> None:
    assert BUILT_IN[name].type_of(diagnosis, "x") == wanted


def test_the_two_built_in_maps_know_the_same_diagnoses() -> None:
    known = []
    for type_map in BUILT_IN.values():
        diagnoses = {text for texts in type_map.types.values() for text in texts}
        known.append(diagnoses | set(type_map.left_out) | set(type_map.names) - {"benign"})
    assert known[0] - {"malignant"} == known[1]
    assert BUILT_IN["carcinoma"].names == (
        "ductal carcinoma",
        "lobular carcinoma",
        "mucinous carcinoma",
        "papillary carcinoma",
    )


def test_a_diagnosis_that_no_map_names_is_an_error() -> None:
    with pytest.raises(LabelError, match=r"a\.csv: type 'sarcoma' is not in type map 'carcinoma'"):
        BUILT_IN["carcinoma"].type_of("sarcoma", "a.csv")


def test_an_own_map_is_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "grades.json"
    path.write_text(
        json.dumps({"types": {"low": ["G1", "G2"], "high": ["G3"]}, "left_out": ["GX"]})
    )
    grades = load_type_map(path)
    assert (grades.name, grades.names) == ("grades", ("low", "high"))
    assert [grades.type_of(text, "x") for text in ("g2", "G3", "gx")] == ["low", "high", ""]
    assert load_type_map("malignancy") is BUILT_IN["malignancy"]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([], "types is null, wanted 2 to 50 names"),
        ({"types": {"a": []}}, "wanted 2 to 50 names"),
        ({"types": {str(number): [] for number in range(51)}}, "wanted 2 to 50 names"),
        ({"types": {"a": "x", "b": []}}, "a is 'x', wanted a list of diagnoses"),
        ({"types": {"a": [3], "b": []}}, "a diagnosis of a is 3"),
        ({"types": {"a": ["x"], "b": ["X"]}}, "'X' is under a and under b"),
        ({"types": {"a": ["x"], "b": []}, "left_out": ["x"]}, "'x' is under a and under left_out"),
    ],
)
def test_what_is_no_map_of_types_is_refused(tmp_path: Path, value: object, reason: str) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(value))
    with pytest.raises(LabelError, match=reason) as caught:
        load_type_map(path)
    assert str(caught.value).startswith(f"{path}: not a type map")


@pytest.mark.parametrize("name", ["grade", "grades.yaml", "missing.json"])
def test_an_unknown_name_lists_the_built_in_maps(name: str) -> None:
    with pytest.raises(LabelError, match=f"type map '{name}': .*malignancy, carcinoma"):
        load_type_map(name)
