"""ONNX Runtime is imported with its reports of use switched off."""

import os

from breastseg.bundles.onnx_engine import onnxruntime


def test_reports_are_switched_off_before_the_import() -> None:
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
    assert onnxruntime.get_available_providers()[-1] == "CPUExecutionProvider"
