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

    Each Core brings a CPU plug-in, which gives the thread a new signal stack and puts the former
    one back when it ends. If the first of two plug-ins ends first, the second puts back a stack
    that no longer exists, and the next Ctrl-C crashes Python. With one Core this cannot happen.
    """
    return openvino.Core()


def cpu_has_bf16() -> bool:
    """Return whether OpenVINO computes in bfloat16 on this processor.

    It says so by the processor alone; under a cap of the instruction set its layers do not follow,
    and give noise or nothing.
    """
    if "BF16" not in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return False
    if CAP not in os.environ:
        return True
    return not {"amx_bf16", "avx512_bf16", "bf16"}.isdisjoint(cpu_features())


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
    if threads:
        options["INFERENCE_NUM_THREADS"] = threads
    return options
