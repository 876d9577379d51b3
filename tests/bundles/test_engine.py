"""OpenVINO's options by precision, and that nothing of it reports its use."""

import sys

import pytest

from breastseg.bundles import engine
from breastseg.bundles.engine import core, cpu_has_bf16, hints
from breastseg.processor import CAP


def test_there_is_one_core() -> None:
    assert core() is core()


def test_the_package_that_reports_cannot_be_imported() -> None:
    assert sys.modules["openvino_telemetry"] is None
    with pytest.raises(ImportError):
        __import__("openvino_telemetry")


@pytest.mark.parametrize(
    ("precision", "has_bf16", "wanted"),
    [
        ("fp32", True, "f32"),
        ("fp32", False, "f32"),
        ("bf16", True, "bf16"),
        ("int8", True, "bf16"),
        ("int8", False, "f32"),
    ],
)
def test_what_an_int8_network_leaves_in_floating_point_is_bf16_where_there_is_one(
    precision: str, has_bf16: bool, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "cpu_has_bf16", lambda: has_bf16)
    assert hints(precision)["INFERENCE_PRECISION_HINT"] == wanted


def test_the_number_of_threads_is_left_to_openvino_unless_given() -> None:
    assert "INFERENCE_NUM_THREADS" not in hints("fp32")
    assert hints("fp32", 3)["INFERENCE_NUM_THREADS"] == 3


def test_a_cap_without_bf16_takes_it_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CAP, "AVX512_CORE")
    assert not cpu_has_bf16()
