"""The script of docs/qupath.md: its command runs, what it reads is there, and what it imports is
GeoJSON by a reader of QuPath's authors. Groovy itself is not run."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.cli.main import STATUSES, main
from conftest import crop

DOCS = Path(__file__).parents[2] / "docs"


def script() -> str:
    found = re.search(r"```groovy\n(.*?)```", (DOCS / "qupath.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_script_runs_breastseg_and_reads_what_it_says(
    lively_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    qubalab = pytest.importorskip("qubalab.objects")
    lines = script().strip().splitlines()
    assert len(lines) <= 10
    words = re.search(r"def command = \[(.*)\]", script())
    assert words is not None
    slide, maps = tmp_path / "slide.png", tmp_path / "maps"
    Image.fromarray(np.tile(crop(0), (1, 2, 1))).save(slide)
    given = {"slide": str(slide), "maps": str(maps)}
    command = [given.get(word, word.strip("'")) for word in words[1].split(", ")]
    assert command[0] == "breastseg"
    more = ["--model", str(lively_bundle.path), "--mpp", "0.5"]
    assert main([*command[1:], *more]) == 0
    told = json.loads(capsys.readouterr().out)
    for keys in re.findall(r"told\.([\w.]+)", script()):
        value = told
        for key in keys.split("."):
            value = value[key]
    text = (Path(told["folder"]) / "regions.geojson").read_text()
    features = [
        qubalab.ImageFeature.create_from_feature(one)
        for one in qubalab.geojson_features_from_string(text)
    ]
    assert features
    assert {one.object_type for one in features} == {qubalab.ObjectType.ANNOTATION}
    named = {name for one in features for name in one.classification.names}
    assert named <= {"Tumor", "Stroma", "Immune cells", "Necrosis", "Other"}


def test_exit_statuses_are_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    page = (DOCS / "pipelines.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([\d, ]+) \| ([^|]*) \|", page, re.MULTILINE))
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for status, told in STATUSES.items():
        assert rows[status].startswith(told)
        assert re.search(rf"^  {status} +{re.escape(told)}$", shown, re.MULTILINE)
