from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from breastseg.files import write_json
from breastseg.records import to_json
from breastseg.serve.library.results import Results, is_still_there
from run_records import made_up

RUN: dict[str, Any] = to_json(
    replace(made_up({"tumor_mm2": 1.5, "share": None}), input="C:\\slides\\a.svs")
)


def test_a_result_is_found_by_what_its_run_says(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", RUN)
    [result] = Results().find([tmp_path, tmp_path / "none"])[0].values()
    assert (result.run.input_name, result.folder) == ("a.svs", tmp_path)
    assert is_still_there(result)
    (tmp_path / "run.json").unlink()
    assert not is_still_there(result)


@pytest.mark.parametrize(
    "other",
    [
        {"size_px": [10]},
        {"size_px": [10, "a"]},
        {"size_px": [10, 2**60]},
        {"doubts": [1]},
        {"measures": {"a": []}},
        {"box_level0_px": 3},
        {"mpp": "a"},
        {"model": 1},
        {"input": None},
    ],
)
def test_a_run_of_another_program_is_no_result(tmp_path: Path, other: dict[str, Any]) -> None:
    write_json(tmp_path / "run.json", RUN | other)
    assert Results().find([tmp_path]) == ({}, 0)
