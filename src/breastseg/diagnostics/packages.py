"""Which packages breastseg asks for, and which of them are here. None of them is imported."""

import re
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec

from breastseg.errors import IncompleteError

EXTRAS: Mapping[str, str] = {
    "train": "training and export",
    "int8": "export --int8",
    "onnx": "--backend onnx",
    "zarr": "OME-Zarr slides",
    "parquet": "predict --parquet",
    "dicom": "mammograms in DICOM, reports as DICOM SR, deidentify of DICOM, maps as DICOM",
    "clam": "masks --for clam",
    "cluster": "predict --cluster",
    "cloud": "slides and results in buckets",
    "hub": "models pull and push",
    "track": "curves in TensorBoard and MLflow",
    "serve": "the browser view",
}
"""What each extra is for."""

_MODULES = {
    "pillow": "PIL",
    "opencv-python-headless": "cv2",
    "openslide-python": "openslide",
    "pyyaml": "yaml",
}
"""Modules of packages where the names differ by more than a hyphen."""


def requirements() -> dict[str, list[str]]:
    """Return the packages that the installed breastseg asks for, by extra; "" for what it always
    needs.

    Raises:
        IncompleteError: it is not installed, so that nobody knows.
    """
    wanted: dict[str, list[str]] = {"": []}
    try:
        lines = metadata.requires("breastseg") or []
    except metadata.PackageNotFoundError:
        raise IncompleteError(
            "breastseg is not installed, only its files are here; run pip install breastseg"
        ) from None
    for line in lines:
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"](.+?)['\"]", line)
        wanted.setdefault(extra[1] if extra else "", []).append(name[0] if name else line)
    return wanted


def version_of(package: str) -> str:
    """Return the version of a package; another distribution with the same module will do
    (onnxruntime-gpu).

    Raises:
        ModuleNotFoundError: it cannot be imported.
    """
    module = _MODULES.get(package.lower(), package.lower().replace("-", "_"))
    if find_spec(module) is None:
        raise ModuleNotFoundError(f"No module named '{module}'", name=package)
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        others = metadata.packages_distributions().get(module, [])
        return f"{metadata.version(others[0])} ({others[0]})" if others else "version not told"
