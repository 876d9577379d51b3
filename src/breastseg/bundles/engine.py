"""OpenVINO, imported so that nothing leaves the machine: the one place that imports it.

`import openvino` reports its use to a web service and leaves files in ~/intel unless the person has
opted out, and NNCF reports every quantisation. Both report through the package openvino_telemetry
and do without it where it cannot be imported.
"""

import os
import sys
from functools import cache

from breastseg.processor import CAP, cpu_features

# None is Python's own way of saying "cannot be imported".
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
import openvino  # noqa: E402
from openvino import opset13 as opset  # noqa: E402

__all__ = ["core", "cpu_has_bf16", "hints", "openvino", "opset"]


@cache
def core() -> openvino.Core:
    """Return the one Core of this process.

    Each brings a CPU plug-in of its own, which gives the thread another signal stack and in the end
    gives back the one before. Of two that end in the order in which they began, a stack stays that
    is gone: the next Ctrl-C was a crash.
    """
    return openvino.Core()


def cpu_has_bf16() -> bool:
    """Tell whether OpenVINO computes in bfloat16 on this processor.

    It says so by the processor alone; under a cap of the instruction set its layers do not follow,
    and give noise or nothing.
    """
    says = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return says and (
        CAP not in os.environ or not {"amx_bf16", "avx512_bf16", "bf16"}.isdisjoint(cpu_features())
    )


def hints(precision: str, threads: int = 0) -> dict[str, str | int]:
    """Return OpenVINO's options for a precision ("fp32", "bf16" or "int8") and a number of threads
    (0: one per core).

    What an int8 network leaves in floating point is computed in bfloat16 where the processor has
    it.
    """
    single = precision == "fp32" or (precision == "int8" and not cpu_has_bf16())
    options: dict[str, str | int] = {
        "INFERENCE_PRECISION_HINT": "f32" if single else "bf16",
        "PERFORMANCE_HINT": "LATENCY",
    }
    return {**options, "INFERENCE_NUM_THREADS": threads} if threads else options
