"""bench measures every part on real pixels, and says what to compare."""

import re
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from breastseg.bundles.bundle import DEFAULT_MODEL, Bundle
from breastseg.bundles.engine import cpu_has_bf16
from breastseg.cli import main
from breastseg.diagnostics import SLIDE, bench
from breastseg.diagnostics.bench import Benchmark, Rate, _rate, _rule, _Step
from breastseg.diagnostics.config import BenchConfig
from breastseg.diagnostics.sample import write_mosaic, write_svs
from breastseg.errors import InputError
from breastseg.geometry import Box
from breastseg.images import open_slide
from breastseg.runners.precision import auto_precision, has_exact_int8
from conftest import CROPS

SHORT = BenchConfig(seconds=0.01)


@pytest.fixture(scope="module")
def measured() -> Benchmark:
    return bench.bench(SLIDE, SHORT)


def test_every_part_is_measured(measured: Benchmark) -> None:
    names = [rate.what for rate in (*measured.parts, measured.whole)]
    precisions = [
        "fp32",
        *(["bf16"] if cpu_has_bf16() else []),
        *(["int8"] if has_exact_int8() else []),
    ]
    assert names[:3] == ["finding tissue", "reading", "reading level 0"]
    assert [re.match(r"network, openvino (\w+)", name)[1] for name in names[3:-1]] == precisions
    runs = {re.match(r"network, openvino (\w+)", name)[1]: name for name in names[3:-1]}[
        auto_precision(has_int8=True)[0]
    ]
    assert names[-1] == runs.replace("network", "whole path")  # as predict does


def test_all_numbers_are_positive_and_of_the_right_pixels(measured: Benchmark) -> None:
    for rate in (*measured.parts, measured.whole):
        assert rate.per_cpu_s > 0
        assert rate.per_s > 0
        assert rate.mpp == pytest.approx(0.30 if rate.what == "reading level 0" else 0.80)
    at_model, level0 = (
        288 * 288 / 1e6,
        768 * 768 / 1e6,
    )  # the whole tiny slide, at 0.8 and at 0.3 um/px
    reading, reading0 = measured.parts[1:3]
    assert (reading.mpx / at_model) % 1 == pytest.approx(0, abs=1e-9)
    assert (reading0.mpx / level0) % 1 == pytest.approx(0, abs=1e-9)
    assert measured.shown == pytest.approx(
        448**2 / 288**2
    )  # one tile, the smallest with 64 px around 288


def test_the_rule_of_auto_is_checked(measured: Benchmark) -> None:
    chosen, why = auto_precision(has_int8=True)
    assert measured.rule.startswith(f"--precision auto takes {chosen}: {why}. It ")


def test_a_rule_that_does_not_hold_is_told() -> None:
    chosen = auto_precision(has_int8=False)[0]
    speeds = {chosen: Rate("a", 0.5, 1.0, 1.0, 1.0), "other": Rate("b", 0.5, 2.0, 1.0, 1.0)}
    assert "does NOT hold here: other is 2.0 times as fast; take --precision other" in _rule(
        False, speeds
    )
    speeds["other"] = Rate("b", 0.5, 1.25, 1.0, 1.0)
    assert f"It holds here: {chosen} has 80 % of the speed of the fastest, other." in _rule(
        False, speeds
    )


def test_it_says_on_what(measured: Benchmark) -> None:
    assert (measured.model, measured.mpp, measured.slide) == (DEFAULT_MODEL, 0.8, str(SLIDE))
    assert date.today() - date.fromisoformat(measured.date) in (
        timedelta(0),
        timedelta(1),
    )  # midnight may have come between
    assert measured.cpu


def test_a_step_is_done_once_to_warm_up_and_then_once_at_least() -> None:
    calls = []
    rate = _rate(_Step("x", 0.5, lambda: calls.append(1) or 2_000_000), -1.0)
    assert len(calls) == 2
    assert rate.mpx == 2


def test_the_table_has_a_row_each(
    measured: Benchmark, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []
    monkeypatch.setattr(
        bench, "bench", lambda slide, config: asked.append((slide, config)) or measured
    )
    assert main(["bench", "a.svs", "--seconds", "3", "--mpp", "0.25", "--threads", "1"]) == 0
    assert asked == [("a.svs", BenchConfig(seconds=3, mpp=0.25, threads=1))]
    shown = capsys.readouterr().out
    assert shown.startswith(f"{measured.cpu}, {measured.date}; {DEFAULT_MODEL} at 0.8 um/px; ")
    rows = [
        re.fullmatch(r"(.+?) +(0\.[38]) +(\d+\.\d\d) +(\d+\.\d\d)", line)
        for line in shown.splitlines()
    ]
    assert [row[1] for row in rows if row] == [
        rate.what for rate in (*measured.parts, measured.whole)
    ]
    assert [float(row[3]) for row in rows if row] == [
        pytest.approx(r.per_cpu_s, abs=0.006) for r in (*measured.parts, measured.whole)
    ]
    assert f"100 mm2 of tissue take {156.25 / measured.whole.per_s:.0f} s" in shown


def test_without_a_slide_it_makes_one_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(bench, "MOSAIC_PX", 1000)
    monkeypatch.setattr(
        bench, "_precisions", lambda model: [auto_precision(has_int8=True)[0]]
    )  # the others are measured above
    measured = bench.bench(config=SHORT)
    assert measured.slide == "a mosaic of 1000 x 1000 px"
    assert measured.whole.mpx == pytest.approx(0.140625)
    assert list(tmp_path.iterdir()) == []


def test_of_a_large_slide_the_middle_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lively_bundle: Bundle
) -> None:
    """A model with small tiles cuts 1000 x 1000 px (600 at its um/px) into 7 x 7; nine tiles are
    about 0.08 Mpx."""
    path = tmp_path / "slide.svs"
    write_mosaic(path, 1000)
    monkeypatch.setattr(bench, "FIELD_PX", 80_000)
    measured = bench.bench(path, BenchConfig(model=str(lively_bundle.path), seconds=0.01))
    assert measured.parts[0].mpx == pytest.approx(0.36)
    assert measured.whole.mpx == pytest.approx(0.08, rel=0.15)
    assert [rate.what for rate in measured.parts[3:]] == [
        "network, openvino fp32",
        *(["network, openvino bf16"] if cpu_has_bf16() else []),
    ]


def test_a_mosaic_has_no_seams_and_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a.svs", "b.svs"):
        write_mosaic(tmp_path / name, 1100)
    assert (tmp_path / "a.svs").read_bytes() == (tmp_path / "b.svs").read_bytes()
    with closing(open_slide(tmp_path / "a.svs")) as slide, closing(open_slide(SLIDE)) as tiny:
        assert (slide.size_px, slide.mpp) == ((1100, 1100), pytest.approx(0.30))
        pixels, tile = slide.read(mpp=slide.mpp).astype(int), tiny.read(mpp=tiny.mpp).astype(int)
        assert slide.read(Box(0, 0, 1100, 1100), mpp=1.2).shape == (275, 275, 3)
    assert np.abs(pixels[:768, :768] - tile).mean() < 5
    assert np.abs(pixels[:768, 768:1000] - tile[:, ::-1][:, :232]).mean() < 5


def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    glass = tmp_path / "glass.svs"
    write_svs(glass, np.full((1024, 1024, 3), 244, np.uint8), 0.5)
    with pytest.raises(
        InputError, match=r"glass\.svs: no tissue was found; wanted a slide with some"
    ):
        bench.bench(glass, SHORT)
    with pytest.raises(
        InputError,
        match=r"a flat image, .*wanted a slide with levels",
    ):
        bench.bench(CROPS[0], BenchConfig(mpp=0.3))
    for seconds in ("0", "-1", "nan", "inf"):
        assert main(["bench", f"--seconds={seconds}"]) == 2
        assert f"seconds {seconds}: wanted more than 0" in capsys.readouterr().err
