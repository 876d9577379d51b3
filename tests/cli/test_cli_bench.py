"""breastseg bench: its options and its table."""

import pytest

from breastseg.cli import bench
from breastseg.cli.main import parser_of
from breastseg.cli.options import configured
from breastseg.diagnostics.bench import Benchmark, Rate
from breastseg.diagnostics.config import BenchConfig

FOUND = Benchmark(
    cpu="a processor",
    date="2026-01-02",
    slide="a slide",
    model="lite0",
    mpp=0.5,
    shown=1.25,
    parts=(Rate("reading", 0.5, mpx=8.0, cpu_s=4.0, wall_s=2.0),),
    whole=Rate("slide -> labels", 0.5, mpx=10.0, cpu_s=5.0, wall_s=2.5),
    rule="auto takes float",
)


def test_only_what_is_given_changes_the_defaults() -> None:
    options = parser_of("bench").parse_args(["bench", "--seconds", "3", "--mpp", "0.25"])
    assert options.slide is None
    assert configured(BenchConfig, options) == BenchConfig(mpp=0.25, seconds=3.0)


def test_the_table_has_each_rate_and_what_100_mm2_take(capsys: pytest.CaptureFixture[str]) -> None:
    bench._print(FOUND)
    shown = capsys.readouterr().out
    assert shown.startswith("a processor, 2026-01-02; lite0 at 0.5 um/px; a slide")
    rows = {line[:15].strip(): line.split()[-3:] for line in shown.splitlines()}
    assert rows["reading"] == ["0.5", "2.00", "4.00"]  # um/px, Mpx / CPU-s, Mpx / s
    assert rows["slide -> labels"] == ["0.5", "2.00", "4.00"]
    # 100 mm2 at 0.5 um/px are 400 Mpx: at 4 Mpx / s they take 100 s, at 2 Mpx / CPU-s 200 CPU-s.
    assert "take 100 s, 200 CPU-s" in shown
    assert "reaches 0.80 of it" in shown
