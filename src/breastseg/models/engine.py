"""OpenVINO, imported so that nothing leaves the machine: the one place that imports it.

`import openvino` reports its use to a web service and leaves files in ~/intel unless the person has opted out, and NNCF reports every
quantisation. Both report through the package openvino_telemetry and do without it where it cannot be imported.
"""

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # Python's own way of saying "cannot be imported"
import openvino  # noqa: E402
from openvino import opset13 as opset  # noqa: E402

__all__ = ["cpu_has_bf16", "hints", "openvino", "opset"]


def cpu_has_bf16() -> bool:
    """Tell whether OpenVINO computes in bfloat16 on this processor."""
    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def hints(precision: str, threads: int = 0) -> dict[str, str | int]:
    """Return OpenVINO's options for a precision ("fp32", "bf16" or "int8") and a number of threads (0: one per core).

    What an int8 network leaves in floating point is computed in bfloat16 where the processor has it.
    """
    single = precision == "fp32" or (precision == "int8" and not cpu_has_bf16())
    options: dict[str, str | int] = {"INFERENCE_PRECISION_HINT": "f32" if single else "bf16", "PERFORMANCE_HINT": "LATENCY"}
    return {**options, "INFERENCE_NUM_THREADS": threads} if threads else options
