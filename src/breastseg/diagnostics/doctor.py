"""doctor(): what breastseg can use of this machine, what is missing, and whether a small slide is
mapped. Nothing leaves the machine."""

import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from breastseg.diagnostics import SLIDE
from breastseg.diagnostics.packages import EXTRAS, requirements, version_of
from breastseg.errors import MissingPackageError
from breastseg.processor import cpu_features, cpu_name, memory_bytes, usable_cores

if TYPE_CHECKING:
    from breastseg.runners import Runner

_CODECS = {
    "JPEG": "JPEG8",
    "JPEG 2000": "JPEG2K",
    "LZW": "LZW",
    "deflate": "ZLIB",
    "zstd": "ZSTD",
    "WebP": "WEBP",
}
"""Codecs of TIFF slides, by imagecodecs' names."""
_READER_PACKAGES = {
    "flat": "pillow",
    "tiff": "tifffile",
    "openslide": "openslide-python",
    "zarr": "zarr",
}
_READ_THE_SLIDE = ("tiff", "openslide")
"""Readers that can open an SVS."""
_NAMED = 3
"""Missing packages of an extra that are named."""
_BROKEN = (ImportError, OSError, RuntimeError, ValueError, TypeError, AttributeError, LookupError)
"""What a package raises that is missing, damaged, or does not fit the others; every BreastsegError
is one of these too."""


@dataclass(frozen=True)
class Finding:
    """What was found of one thing.

    Attributes:
        name: what was looked for.
        found: its version or size; what is wrong when it is not `here`.
        here: whether it can be used.
        install: the command that brings it, where one does.
    """

    name: str
    found: str
    here: bool = True
    install: str = ""


@dataclass(frozen=True)
class Trial:
    """What became of the tiny slide.

    Attributes:
        works: it was read and mapped, and its tissue has names.
        seconds: from loading the model to the last file.
        backend: what mapped it, and how.
        percent: of each class, in what was analysed.
        cause: why it does not work.
    """

    works: bool
    seconds: float
    backend: str = ""
    percent: Mapping[str, float] = field(default_factory=dict)
    cause: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was looked at: findings by section, and the trial."""

    sections: Mapping[str, Sequence[Finding]]
    trial: Trial


def doctor() -> Diagnosis:
    """Look at this machine and map the tiny slide; what is missing or broken is a finding, never an
    error.

    Raises:
        IncompleteError: breastseg itself is not installed.
    """
    wanted = requirements()
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "packages": partial(_packages, wanted[""]),
        "machine": _machine,
        "slide readers": _readers,
        "codecs of TIFF slides": _codecs,
        "back ends": _backends,
        "precisions of openvino": _precisions,
        "devices": _devices,
        "extras": partial(_extras, wanted),
    }
    return Diagnosis({title: _section(look) for title, look in looks.items()}, try_slide())


def try_slide() -> Trial:
    """Map the tiny slide with the shipped model, as predict does, into a folder that is removed
    again."""
    start = time.perf_counter()
    try:
        with TemporaryDirectory(prefix="breastseg-") as folder:
            backend, percent = _mapped(Path(folder))
    except _BROKEN as cause:
        return Trial(False, time.perf_counter() - start, cause=_said(cause))
    wrong = "" if percent else f"{SLIDE}: nothing was analysed, and it is full of tissue"
    return Trial(not wrong, time.perf_counter() - start, backend, percent, wrong)


def _mapped(folder: Path) -> tuple[str, dict[str, float]]:
    from breastseg.inference.model import load_model
    from breastseg.inference.predict import predict
    from breastseg.reporter import QUIET

    model = load_model()
    row = predict(SLIDE, model, folder / "maps", reporter=QUIET)[0]
    names = model.card.label_map.names if row["analysed_mm2"] else ()
    return model.backend, {name: float(row[f"{name}_percent"] or 0) for name in names}


def _section(look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    """Return the findings of a section; one that says why, where nothing of it can be looked at."""
    try:
        return list(look())
    except _BROKEN as cause:
        return [
            Finding(
                "all",
                _said(cause),
                False,
                "pip install 'breastseg'" if isinstance(cause, ImportError) else "",
            )
        ]


def _looked(name: str, look: Callable[[], str], package: str = "") -> Finding:
    """Return what `look` finds; where something cannot be imported, `package` is what pip is asked
    for."""
    try:
        return Finding(name, look())
    except _BROKEN as cause:
        installs = package and isinstance(cause, ImportError)
        return Finding(name, _said(cause), False, f"pip install '{package}'" if installs else "")


def _said(cause: Exception) -> str:
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        return f"{cause.name} is not installed"
    if isinstance(
        cause, MissingPackageError
    ):  # a back end's: what is missing stands between the back end and how to get it
        return str(cause).partition(": ")[2].partition(";")[0]
    return str(cause).strip().partition("\n")[0] or type(cause).__name__


def _packages(wanted: Sequence[str]) -> Iterator[Finding]:
    yield Finding(
        "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    )
    for name in ("breastseg", *wanted):
        yield _looked(name, partial(version_of, name), "breastseg")


def _machine() -> Iterator[Finding]:
    memory, unknown = memory_bytes(), "not told by the system"
    yield Finding("processor", cpu_name())
    yield Finding("features", " ".join(cpu_features()) or unknown)
    yield Finding("cores to use", f"{usable_cores():g}")
    yield Finding("memory to use", f"{memory / 1e9:.1f} GB" if memory else unknown)
    yield _looked(
        "free disk", lambda: f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB in {Path.cwd()}"
    )


def _readers() -> Iterator[Finding]:
    for name, (module, reader, package) in import_module("breastseg.images").READERS.items():
        yield _looked(name, partial(_read, name, module, reader), package)


def _read(name: str, module: str, reader: str) -> str:
    opens = getattr(import_module(module), reader)
    told = f"{_READER_PACKAGES[name]} {version_of(_READER_PACKAGES[name])}"
    if name not in _READ_THE_SLIDE:
        return told
    with closing(opens(SLIDE)) as slide:
        slide.read(mpp=slide.mpp)
    return f"{told}, reads the tiny slide"


def _codecs() -> Iterator[Finding]:
    for name, codec in _CODECS.items():
        yield _looked(name, partial(_codec, codec), "breastseg")


def _codec(name: str) -> str:
    imagecodecs, version = import_module("imagecodecs"), version_of("imagecodecs")
    if not getattr(imagecodecs, name).available:
        raise ImportError(f"imagecodecs {version} was built without it")
    return f"imagecodecs {version}"


def _backends() -> Iterator[Finding]:
    packages = {
        name: package
        for name, (_, _, package) in import_module("breastseg.runners").BACKENDS.items()
    }
    with (
        ThreadPoolExecutor() as pool
    ):  # each runs in a process of its own, and PyTorch alone takes seconds to load
        yield from pool.map(
            lambda name: _looked(name, partial(_backend, name), packages[name]), packages
        )


def _backend(name: str) -> str:
    runner = _ran(name)
    return f"{runner.package} {version_of(runner.package)}, runs {runner.name}"


def _precisions() -> Iterator[Finding]:
    from breastseg.runners.precision import auto_precision

    yield Finding("auto", "{} for the shipped model: {}".format(*auto_precision(has_int8=True)))
    names = import_module("breastseg.runners").PRECISIONS[1:]
    with ThreadPoolExecutor() as pool:
        yield from pool.map(
            lambda name: _looked(name, partial(_precision, name), "openvino"), names
        )


def _precision(name: str) -> str:
    return f"runs {_ran('openvino', name).name}"


def _ran(backend: str, precision: str = "auto") -> "Runner":
    """Return a runner of the shipped model that has named the tissue of a grey square."""
    import numpy as np

    from breastseg.bundles.bundle import DEFAULT_MODEL, load_bundle
    from breastseg.runners.child import ChildRunner

    runner = ChildRunner(load_bundle(DEFAULT_MODEL), backend, precision=precision)
    runner.labels(np.full((1, 64, 64, 3), 200, np.uint8))
    runner.close()
    return runner


def _devices() -> Iterator[Finding]:
    yield _looked("openvino", _openvino_devices, "openvino")
    yield _looked("onnxruntime", _onnx_devices, "breastseg[onnx]")
    yield _looked("torch", _torch_devices, "breastseg[train]")


def _openvino_devices() -> str:
    core = import_module("breastseg.bundles.engine").core()
    return ", ".join(
        f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})"
        for device in core.available_devices
    )


def _onnx_devices() -> str:
    import_module("breastseg.runners.onnx")  # switches its reports of use off
    there = import_module("onnxruntime").get_available_providers()
    return ", ".join(name for name in ("CPU", "CUDA") if f"{name}ExecutionProvider" in there)


def _torch_devices() -> str:
    torch = import_module("torch")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return ", ".join(["CPU", *names]) + ("" if torch.version.cuda else "; this build has no CUDA")


def _extras(wanted: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for extra, purpose in EXTRAS.items():
        findings = [_looked(name, partial(version_of, name)) for name in wanted.get(extra, ())]
        missing = [finding.name for finding in findings if not finding.here]
        if missing:
            names = ", ".join(missing[:_NAMED]) + (
                f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            )
            yield Finding(
                extra, f"for {purpose}; without {names}", False, f"pip install 'breastseg[{extra}]'"
            )
        elif findings:
            yield Finding(extra, f"for {purpose}")
