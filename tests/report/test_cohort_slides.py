"""A folder of results as columns: what became of each slide, its measures and quality warnings."""

import math
from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import InputError
from breastseg.report.cohort_slides import Slides, slides_of
from run_records import made_up

HEAD = "slide,outcome,cause,result,patient\n"


def manifest(folder: Path, *rows: str) -> Path:
    (folder / "manifest.csv").write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return folder


def result(folder: Path, name: str, *doubts: str, **measures: float | None) -> None:
    (folder / name).mkdir()
    made_up(dict(measures), doubts).write(folder / name)


def test_a_measure_that_comes_late_is_nan_before_and_after(tmp_path: Path) -> None:
    result(tmp_path, "a", tumor_mm2=1.5)
    result(tmp_path, "b", tumor_mm2=2.5, nests_count=3)
    manifest(tmp_path, "a.svs,done,,a,P1", "b.svs,done,,b,P2", "c.svs,failed,c.svs: broken,,P3")
    slides = slides_of(tmp_path)
    assert slides.names == ["a", "b", "c.svs"]
    assert slides.patients == ["P1", "P2", "P3"]
    nan = math.nan
    np.testing.assert_array_equal(slides.measures["tumor_mm2"], [1.5, 2.5, nan])
    np.testing.assert_array_equal(slides.measures["nests_count"], [nan, 3, nan])
    assert set(slides.measures) == {"tumor_mm2", "nests_count", "analysed_mm2"}  # no image, mpp
    assert slides.models == {"m, onnx fp32": 2}


def test_each_quality_warning_is_kept_once_with_its_slides(tmp_path: Path) -> None:
    result(tmp_path, "a", "pale", "ink")
    result(tmp_path, "b", "ink", "ink")
    manifest(tmp_path, "a.svs,done,,a,", "b.svs,done,,b,")
    slides = slides_of(tmp_path)
    assert slides.doubt_texts == ["pale", "ink"]
    assert slides.doubts == [(0, 1), (1,)]
    assert slides.by_doubt() == [("ink", [0, 1]), ("pale", [0])]


def test_causes_are_counted_without_the_path_of_their_slide(tmp_path: Path) -> None:
    manifest(
        tmp_path,
        "x/a.svs,failed,x/a.svs: broken,,",
        "x/b.svs,failed,x/b.svs: broken,,",
        "c.svs,waits,,,",
        "d.svs,left out,a link,,",
    )
    slides = slides_of(tmp_path)
    assert slides.by_cause() == [("broken", [0, 1]), ("waits", [2])]
    assert (slides.counted("failed"), slides.counted("done"), slides.left_out) == (2, 0, 1)


def test_a_result_that_is_gone_is_missing(tmp_path: Path) -> None:
    result(tmp_path, "a")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "run.json").write_text("{}", encoding="utf-8")
    manifest(tmp_path, "a.svs,done,,a,", "b.svs,done,,b,", "c.svs,done,,c,")
    slides = slides_of(tmp_path)
    assert slides.outcomes == ["done", "missing", "missing"]
    assert "not as breastseg predict writes it" in slides.causes[1]
    assert all(str(tmp_path / "b") not in cause for cause in slides.causes)


@pytest.mark.parametrize("place", ["../a", "/", ""])
def test_a_result_outside_of_the_folder_is_refused(place: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    manifest(out, f"a.svs,done,,{place},")
    with pytest.raises(InputError, match="is not in the folder"):
        slides_of(out)


def test_no_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no manifest\.csv"):
        slides_of(tmp_path)


def test_nothing_at_all() -> None:
    slides = Slides()
    assert (slides.measures, slides.by_cause(), slides.by_doubt()) == ({}, [], [])
