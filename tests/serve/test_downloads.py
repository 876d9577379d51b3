"""Files of a map as they are given away."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from fastapi import HTTPException
from fastapi.responses import FileResponse

from breastseg.labels import BUILT_IN
from breastseg.serve.library.results import Result
from breastseg.serve.tiles.decoded import Decoder
from breastseg.serve.tiles.layers import Layer
from breastseg.serve.web.downloads import download
from run_records import made_up

RUN = made_up({"tumor_mm2": 1.25})


def layer_of(folder: Path) -> Layer:
    folder.mkdir()
    (folder / "labels.ome.tif").write_bytes(b"labels")
    RUN.write(folder)
    result = Result("0" * 16, folder, RUN, "2026-01-02T03:04:05")
    path = folder / "labels.ome.tif"
    return Layer("1" * 16, "map", "m", result.made, BUILT_IN["region5"], path, result)


def test_a_file_is_named_after_its_slide(tmp_path: Path) -> None:
    answer = download(layer_of(tmp_path / "slide"), "labels.ome.tif", Decoder())
    assert isinstance(answer, FileResponse)
    assert answer.path == tmp_path / "slide" / "labels.ome.tif"
    assert 'filename="slide-labels.ome.tif"' in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"


def test_measures_are_made_of_the_run(tmp_path: Path) -> None:
    answer = download(layer_of(tmp_path / "slide"), "measures.csv", Decoder())
    [row] = csv.DictReader(io.StringIO(bytes(answer.body).decode()))
    assert (row["image"], float(row["tumor_mm2"])) == ("slide", 1.25)
    assert answer.media_type.startswith("text/csv")


@pytest.mark.parametrize("name", ["regions.geojson", "run.json", "../slide/labels.ome.tif"])
def test_what_is_not_offered_is_not_given(name: str, tmp_path: Path) -> None:
    layer = layer_of(tmp_path / "slide")
    with pytest.raises(HTTPException) as refused:
        download(layer, name, Decoder())
    assert refused.value.status_code == 404
    with pytest.raises(HTTPException):
        download(replace(layer, result=None), "measures.csv", Decoder())


def test_letters_that_a_header_cannot_hold_come_encoded(tmp_path: Path) -> None:
    answer = download(layer_of(tmp_path / 'a"b\u00e9'), "measures.csv", Decoder())
    said = answer.headers["content-disposition"]
    assert 'filename="a_b_-measures.csv"' in said
    assert "filename*=UTF-8''a%22b%C3%A9-measures.csv" in said
