"""ONNX Runtime, imported so that nothing leaves the machine: the one place that imports it.

`import onnxruntime` keeps an identity in the home folder and tells a web service of its use (on
Linux too since 1.32), whatever is switched off afterwards; this variable has to be there before.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime

onnxruntime.disable_telemetry_events()  # its Windows builds go by this

__all__ = ["onnxruntime"]
