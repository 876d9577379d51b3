"""Label maps by name, and a person's own from a file."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import LabelError
from breastseg.labels import (
    BUILT_IN,
    LabelClass,
    LabelMap,
    label_map_of,
    load_label_map,
)


def test_own_maps_as_yaml_and_json_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "name: own\n"
        "classes:\n"
        "- {name: gland, color: [1, 2, 3], codes: [4, 5]}\n"
        "not_annotated: [0, 9]\n"
    )
    (tmp_path / "own.json").write_text(
        '{"name": "own", "classes": [{"name": "gland", "color": [1, 2, 3], "codes": [4, 5]}],'
        ' "not_annotated": [0, 9]}'
    )
    own = load_label_map(tmp_path / "own.yaml")
    assert own == load_label_map(str(tmp_path / "own.json"))
    assert own == LabelMap("own", (LabelClass("gland", (1, 2, 3), "gland", (4, 5)),), (0, 9))
    assert own.apply(np.array([[0, 4, 5, 9]], np.uint8), "x").tolist() == [[0, 1, 1, 0]]


def test_loading_by_name() -> None:
    assert load_label_map("region6") is BUILT_IN["region6"]


@pytest.mark.parametrize("name", ["region7", "nowhere.yaml", "labels.txt", "."])
def test_unknown_maps_list_the_known(name: str) -> None:
    with pytest.raises(
        LabelError,
        match=f"label map '{re.escape(name)}': .*region6, tumor, beetle, bcss21",
    ):
        load_label_map(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: [", r"not YAML \(.* in line 1\), wanted a label map as YAML"),
        ("", "not a label map"),
        ("just words", "not a label map"),
        ("[1, 2]", "not a label map"),
        (
            "{name: m}",
            r"not a label map \(classes is missing, wanted a list\); wanted name, classes",
        ),
        ("{name: m, classes: 3}", "not a label map"),
        ("{name: m, classes: [3]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: [1, 2], codes: [1]}]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: red, codes: [1]}]}", "not a label map"),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 256], codes: [1]}]}",
            r"\(color of 'a' is 256, wanted a whole number from 0 to 255\)",
        ),
        ("{name: m, classes: [{name: a, color: [1, 2, 3], codes: 1}]}", "not a label map"),
        ("{name: m, classes: [{name: a, color: [1, 2, 3], codes: [x]}]}", "not a label map"),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 3], codes: [0]}]}",
            "code 0 is in 'a' and in 'not annotated'",
        ),
        (
            "{name: m, classes: [{name: a, color: [1, 2, 3], codes: [1]}], not_annotated: 0}",
            "not a label map",
        ),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        load_label_map(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(LabelError, match="not JSON"):
        load_label_map(tmp_path / "own.json")


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_a_built_in_map_that_was_written_down_knows_the_names_of_codes_again(name: str) -> None:
    again = label_map_of(json.loads(json.dumps(BUILT_IN[name].to_dict())), "x")
    assert again is BUILT_IN[name]
    by_code = int(again.apply(np.array([[3]], np.uint8), "x")[0, 0])
    assert again.label_of("Lymphocytic_Infiltrate", "x") == by_code
    own = label_map_of({**BUILT_IN[name].to_dict(), "name": "mine"}, "x")
    with pytest.raises(LabelError, match="mucoid"):
        own.label_of("mucoid", "x")
    assert own.code_names == ()


@pytest.mark.parametrize("name", ["no", "null", "1e3", "2001-01-01", "~"])
def test_a_class_may_be_called_what_yaml_takes_for_something_else(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(f"name: m\nclasses:\n- {{name: {name}, color: [1, 2, 3], codes: [1]}}\n")
    assert load_label_map(path).names == (name,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name: m\nname: n\n", r"'name' stands twice in line 2"),
        ("? [a, b]\n: 1\n", "a name is a list"),
        ("a: &x [1]\nb: *x\n", r"named by \* .* in line 2"),
        ("name: m\n\tclasses: 3\n", "by spaces, not by tabs"),
        ("x" * 100_001, "more than 100 kB"),
    ],
)
def test_yaml_that_hides_something_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(LabelError, match=reason):
        load_label_map(path)
