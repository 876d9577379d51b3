"""doctor says what is here, names what to install for what is not, and maps a real slide; it never
falls over."""

import json
import os
import subprocess
import sys
import tomllib
from contextlib import closing
from dataclasses import asdict
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from breastseg import processor
from breastseg.cli import main
from breastseg.diagnostics import SLIDE, doctor, packages
from breastseg.diagnostics.doctor import Diagnosis, Finding, Trial, try_slide
from breastseg.errors import IncompleteError
from breastseg.images import READERS, open_slide
from breastseg.images.readers.openslide import VendorSlide
from breastseg.images.readers.tiff import TiffSlide
from breastseg.runners import BACKENDS, PRECISIONS
from conftest import without

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    return doctor.doctor()


def finding(diagnosis: Diagnosis, section: str, name: str) -> Finding:
    return next(found for found in diagnosis.sections[section] if found.name == name)


def test_the_tiny_slide_is_an_svs_with_levels_and_mpp() -> None:
    assert SLIDE.stat().st_size < 100_000
    for opens in (VendorSlide, TiffSlide, open_slide):
        with closing(opens(SLIDE)) as slide:
            assert slide.size_px == (768, 768)
            assert slide.mpp == pytest.approx(0.30)
            whole, small = slide.read(mpp=slide.mpp), slide.read(mpp=4 * slide.mpp)
        assert small.shape == (192, 192, 3)
        means = whole.reshape(192, 4, 192, 4, 3).mean(axis=(1, 3))
        assert np.abs(small - means).mean() < 12  # what JPEG loses, 10; shifted by a pixel it is 17
    readme = SLIDE.with_name("README.md").read_text(encoding="utf-8")
    assert SLIDE.name in readme
    assert "CC0" in readme


def test_both_readers_give_the_same_pixels_of_it() -> None:
    with closing(VendorSlide(SLIDE)) as one, closing(TiffSlide(SLIDE)) as other:
        assert np.array_equal(one.read(mpp=0.5), other.read(mpp=0.5))


def test_the_tiny_slide_is_mapped(diagnosis: Diagnosis) -> None:
    """It holds a third each of tumor, stroma and necrosis, by its annotation; what the model makes
    of necrosis in so small a field is not the doctor's subject."""
    trial = diagnosis.trial
    assert trial.works, trial.cause
    assert trial.seconds > 0
    assert sum(trial.percent.values()) == pytest.approx(100)
    assert min(trial.percent[name] for name in ("tumor", "stroma")) > 20
    assert trial.percent["inflammatory"] + trial.percent["other"] < 5
    assert trial.backend.startswith("openvino")


def test_everything_that_the_registries_name_was_looked_at(diagnosis: Diagnosis) -> None:
    sections = {
        title: [found.name for found in findings] for title, findings in diagnosis.sections.items()
    }
    assert sections["slide readers"] == list(READERS)
    assert sections["back ends"] == list(BACKENDS)
    assert sections["precisions of openvino"] == list(PRECISIONS)
    assert sections["codecs of TIFF slides"] == [
        "JPEG",
        "JPEG 2000",
        "LZW",
        "deflate",
        "zstd",
        "WebP",
    ]
    assert {"numpy", "openvino", "breastseg"} <= set(sections["packages"])
    assert {"train", "onnx", "int8", "hub"} <= set(sections["extras"])


def test_what_is_here_has_its_version(diagnosis: Diagnosis) -> None:
    assert finding(diagnosis, "packages", "numpy") == Finding("numpy", metadata.version("numpy"))
    assert (
        finding(diagnosis, "slide readers", "tiff").found
        == f"tifffile {metadata.version('tifffile')}, reads the tiny slide"
    )
    assert (
        finding(diagnosis, "back ends", "onnx").found
        == f"onnxruntime {metadata.version('onnxruntime')}, runs onnx fp32"
    )
    assert finding(diagnosis, "precisions of openvino", "fp32") == Finding(
        "fp32", "runs openvino fp32"
    )
    assert finding(diagnosis, "devices", "openvino").found.startswith("CPU (")
    assert finding(diagnosis, "extras", "int8").here == (find_spec("nncf") is not None)


def test_every_extra_of_the_project_has_a_line() -> None:
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    assert set(extras) - {"dev"} <= set(packages.EXTRAS)


def test_of_a_long_list_of_missing_packages_three_are_named() -> None:
    wanted = {
        "train": [f"no-such-{number}" for number in range(5)],
        "hub": ["no-such-0", "numpy"],
        "int8": ["numpy"],
    }
    found = {found.name: found for found in doctor._extras(wanted)}
    assert (
        found["train"].found
        == "for training and export; without no-such-0, no-such-1, no-such-2 and 2 more"
    )
    assert found["hub"] == Finding(
        "hub", "for models pull and push; without no-such-0", False, "pip install 'breastseg[hub]'"
    )
    assert found["int8"] == Finding("int8", "for export --int8")
    assert len(found) == 3  # extras that this release does not have are not spoken of


def test_the_command_prints_every_finding_and_says_ok(
    diagnosis: Diagnosis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "doctor", lambda: diagnosis)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for title, findings in diagnosis.sections.items():
        rows = lines[lines.index(title) + 1 :][: len(findings)]
        assert [row.split("  ")[1] for row in rows] == [found.name for found in findings]
    assert lines[-1].startswith("  ok ")
    places = {
        line.index(found.found)
        for findings in diagnosis.sections.values()
        for found in findings
        if found.here
        for line in lines
        if line.startswith(f"  {found.name} ") and line.endswith(f"  {found.found}")
    }
    assert len(places) == 1  # one column


def test_json_is_the_same(
    diagnosis: Diagnosis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "doctor", lambda: diagnosis)
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(asdict(diagnosis)))


def test_a_failed_trial_is_exit_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Diagnosis(
        {"packages": [Finding("a", "b is not installed", False, "pip install 'breastseg'")]},
        Trial(False, 1.0, cause="why"),
    )
    monkeypatch.setattr(doctor, "doctor", lambda: broken)
    assert main(["doctor"]) == 1
    said = capsys.readouterr()
    assert "  a  no: b is not installed; pip install 'breastseg'" in said.out
    assert said.out.endswith("failed  why\n")
    assert (
        said.err
        == "breastseg: predicting does not work here: why; what is missing is listed with the"
        " command that brings it\n"
    )


def test_a_damaged_slide_fails_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = tmp_path / "cut.svs"
    damaged.write_bytes(SLIDE.read_bytes()[:60_000])
    monkeypatch.setattr(doctor, "SLIDE", damaged)
    trial = try_slide()
    assert not trial.works
    assert str(damaged) in trial.cause


def test_a_slide_on_which_nothing_is_found_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_mapped", lambda folder: ("openvino", {}))
    assert try_slide().cause.endswith("nothing was analysed, and it is full of tissue")
    assert not try_slide().works


def test_a_processor_without_bf16_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(processor.CAP, "AVX2")
    found = {found.name: found for found in doctor._precisions()}
    assert not found["bf16"].here
    assert "this processor has none" in found["bf16"].found
    assert found["bf16"].install == ""
    assert found["fp32"].here


def told_without(*modules: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run doctor in fresh processes in which some modules cannot be imported, and in which nothing
    may go out."""
    more = """
import socket
def out(*words, **more):
    sys.stderr.write("went out\\n")
    raise OSError("nothing goes out")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = out
"""
    (folder / "temporary").mkdir()
    environment = {
        **without(folder / "start", *modules, more=more),
        "TMPDIR": str(folder / "temporary"),
    }
    words = [sys.executable, "-m", "breastseg", "doctor", "--json"]
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


def test_what_is_missing_is_named_with_the_pip_line(tmp_path: Path) -> None:
    """Nothing goes out meanwhile, and nothing stays behind."""
    done = told_without("torch", "onnxruntime", "nncf", "zarr", "huggingface_hub", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "went out" not in done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
    sections = json.loads(done.stdout)["sections"]
    told = {
        (title, found["name"]): found for title, findings in sections.items() for found in findings
    }
    for place, missing, extra in (
        (("slide readers", "zarr"), "zarr is not installed", "zarr"),
        (("back ends", "torch"), "torch is not installed", "train"),
        (("back ends", "onnx"), "onnxruntime is not installed", "onnx"),
        (("devices", "torch"), "torch is not installed", "train"),
        (("extras", "int8"), "for export --int8; without nncf", "int8"),
        (("extras", "hub"), "for models pull and push; without huggingface_hub", "hub"),
    ):
        assert told[place] == {
            "name": place[1],
            "found": missing,
            "here": False,
            "install": f"pip install 'breastseg[{extra}]'",
        }


@pytest.mark.parametrize("module", ["openvino", "cv2", "openslide"])
def test_without_what_it_always_needs_predicting_does_not_work(module: str, tmp_path: Path) -> None:
    done = told_without(module, "torch", "onnxruntime", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("breastseg: predicting does not work here: ")
    assert f"{module} is not installed" in done.stderr
    assert done.stderr.count("\n") == 1
    found = json.loads(done.stdout)
    assert found["trial"]["works"] is False
    assert "pip install 'breastseg'" in [
        entry["install"] for section in found["sections"].values() for entry in section
    ]


def test_breastseg_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", none)
    with pytest.raises(IncompleteError, match=r"not installed, .*pip install breastseg"):
        doctor.doctor()


def test_requirements_go_by_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "numpy>=2.0",
        'opencv-python-headless>=4.10; python_version >= "3.11"',
        'zarr>=3; extra == "zarr"',
    ]
    monkeypatch.setattr(metadata, "requires", lambda name: lines)
    assert packages.requirements() == {"": ["numpy", "opencv-python-headless"], "zarr": ["zarr"]}


def test_another_distribution_of_the_same_module_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime-gpu in the place of onnxruntime."""

    def version(name: str) -> str:
        if name == "numpy":
            raise metadata.PackageNotFoundError(name)
        return "9.9"

    monkeypatch.setattr(metadata, "version", version)
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"numpy": ["numpy-fast"]})
    assert packages.version_of("numpy") == "9.9 (numpy-fast)"
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        packages.version_of("no-such-package")


def write(files: dict[str, str], folder: Path) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


LIMITS = {
    "version 2, half a core above": {
        "proc/self/cgroup": "0::/a/b\n",
        "cgroup/a/cpu.max": "50000 100000\n",
        "cgroup/a/b/cpu.max": "max 100000\n",
        "cgroup/a/b/memory.max": "1000000\n",
        "cgroup/a/memory.max": "max\n",
    },
    "version 1": {
        "proc/self/cgroup": "3:memory:/a\n2:cpu,cpuacct:/a\n0::/\n",
        "cgroup/cpu/a/cpu.cfs_quota_us": "50000\n",
        "cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        "cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        "cgroup/cpu/cpu.cfs_period_us": "100000\n",
        "cgroup/memory/a/memory.limit_in_bytes": "1000000\n",
    },
}


@pytest.mark.parametrize("kind", LIMITS)
def test_the_limits_of_a_container_count(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(LIMITS[kind], tmp_path)
    monkeypatch.setattr(processor, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(processor, "_CGROUPS", tmp_path / "cgroup")
    assert processor.usable_cores() == 0.5
    assert processor.memory_bytes() == 1_000_000


def test_the_processor_is_told_as_linux_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    write(
        {
            "cpuinfo": "model name\t: A Processor 9000\nflags\t\t: fpu avx2 amx_int8 avx512_vnni\n",
            "meminfo": "MemTotal: 2000 kB\n",
        },
        tmp_path,
    )
    monkeypatch.setattr(processor, "_PROC", tmp_path)
    assert processor.cpu_name() == "A Processor 9000"
    assert processor.cpu_features() == ["avx2", "avx512_vnni", "amx_int8"]
    assert processor.memory_bytes() == 2000 * 1024


def test_a_system_that_tells_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_PROC", tmp_path)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sysconf", raising=False)
    found = {found.name: found.found for found in doctor._machine()}
    assert found["features"] == found["memory to use"] == "not told by the system"
    assert found["cores to use"] == str(os.cpu_count())
    assert found["processor"]
