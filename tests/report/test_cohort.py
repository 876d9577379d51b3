"""The page of a folder of results: its numbers, that it needs nothing else, and what it does with
what somebody has changed."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.errors import InputError
from breastseg.files import write_table
from breastseg.inference.ledger import MANIFEST
from breastseg.report import cohort
from breastseg.report.cohort import write_cohort_page
from conftest import crop
from run_records import made_up

ODD = "</script><script>alert(1)</script>"


def results(out: Path, areas: list[float | None], doubts: dict[int, list[str]]) -> Path:
    """Write a folder of results with these areas of tumor; None is a slide that failed."""
    rows = []
    for number, area in enumerate(areas):
        name, slide = f"site/s {number:02}", f"in/s {number:02}.svs"
        row = dict.fromkeys(MANIFEST, "") | {"slide": slide, "patient": f"p{number}"}
        if area is None:
            rows.append(row | {"outcome": "failed", "cause": f"{slide}: {ODD} cannot be read"})
            continue
        rows.append(row | {"outcome": "done", "result": name})
        made_up({"tumor_mm2": area}, doubts.get(number, [])).write(out / name)
        Image.fromarray(crop(0)).save(out / name / "overlay.jpg")
    write_table(out / "manifest.csv", rows)
    return out


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    areas = [*(1 + number / 10 for number in range(20)), 400.0, None, None]
    return results(tmp_path / "maps", areas, {3: ["blurred", ODD], 5: ["blurred"]})


def data(text: str, kind: str) -> list[Any]:
    found = re.findall(rf'<script type="application/json" {kind}>(.*?)</script>', text)
    return [json.loads(one) for one in found]


def test_the_page_says_what_the_folder_holds(maps: Path) -> None:
    text = write_cohort_page(maps).read_text(encoding="utf-8")
    figures = re.findall(r"<div><b>(\d+)</b>([\w ]+)</div>", text)
    assert figures == [
        ("21", "done"),
        ("2", "failed"),
        ("2", "with doubts"),
        ("1", "with an outlier"),
    ]
    (rows,) = data(text, 'class="rows"')
    (head,) = data(text, 'id="head"')
    (pictures,) = data(text, 'class="pictures"')
    assert head["columns"] == ["analysed · mm²", "tumor · mm²"]
    assert [row[0] for row in rows[19:22]] == ["site/s 19", "site/s 20", "in/s 21.svs"]
    assert rows[20] == ["site/s 20", "done", "p20", "", [], "overlay.jpg", [1], [10.0, 400.0]]
    assert rows[21][1:] == ["failed", "p21", f"{ODD} cannot be read", [], "", [], [None, None]]
    assert [head["doubts"][k] for k in rows[3][4]] == ["blurred", ODD]
    assert len(pictures) == 23
    assert pictures[0].startswith("data:image/webp;base64,")
    assert pictures[21] == ""


def test_it_is_one_file_that_runs_its_own_script_alone(maps: Path) -> None:
    text = write_cohort_page(maps).read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 1, "a name or cause begins none"
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'; img-src data:" in text
    assert not re.search(r"(src|href)=.?https?:", text)
    assert ODD not in text


def test_pieces_join_to_all_rows(maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "_ROWS", 4)
    monkeypatch.setattr(cohort, "_PICTURES", 5)
    text = write_cohort_page(maps).read_text(encoding="utf-8")
    pieces = data(text, 'class="rows"')
    assert [len(piece) for piece in pieces] == [4, 4, 4, 4, 4, 3]
    assert [len(piece) for piece in data(text, 'class="pictures"')] == [5, 5, 5, 5, 3]


def test_what_is_missing_or_changed_is_no_result(maps: Path) -> None:
    (maps / "site/s 01/run.json").unlink()
    (maps / "site/s 02/run.json").write_text('{"measures": {"tumor_mm2": 1}, "doubts": []}')
    (maps / "site/s 03/overlay.jpg").write_bytes(b"no image")
    text = write_cohort_page(maps).read_text(encoding="utf-8")
    (rows,) = data(text, 'class="rows"')
    assert [row[1] for row in rows[:5]] == ["done", "missing", "missing", "done", "done"]
    assert data(text, 'class="pictures"')[0][3] == ""


@pytest.mark.parametrize("folder", ["no folder", "empty"])
def test_a_folder_without_results_is_one_line(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["cohort", str(tmp_path / folder)]) == 2
    told = capsys.readouterr().err
    assert "breastseg predict" in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_a_result_outside_the_folder_is_refused(maps: Path) -> None:
    table = maps / "manifest.csv"
    table.write_text(table.read_text().replace("site/s 04", "../else"))
    with pytest.raises(InputError, match="not in the folder"):
        write_cohort_page(maps)
