"""What the package promises by name, and what it must not import to say so."""

import re
import subprocess
import sys

import pytest

import breastseg
from breastseg.cli import main
from breastseg.cli.main import COMMANDS
from breastseg.maps.polygons import RegionsConfig

NAMES = [
    "BreastsegError",
    "LabelMap",
    "PredictConfig",
    "PrepareConfig",
    "SplitConfig",
    "TrainConfig",
    "__version__",
    "evaluate",
    "export_int8",
    "load_label_map",
    "load_model",
    "open_dataset",
    "open_slide",
    "open_source",
    "predict",
    "prepare",
    "preset",
    "split",
    "train",
    "write_report",
]
HEAVY = "torch numpy pandas PIL cv2 onnxruntime openvino nncf matplotlib"


def heavy_after(code: str) -> list[str]:
    """Run code in a fresh Python and return which heavy packages it imported."""
    code = (
        "import sys\n"
        f"{code}\n"
        f"print(*sorted(set('{HEAVY}'.split()) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.split()


def test_public_names_are_pinned() -> None:
    assert breastseg.__all__ == NAMES
    assert len(NAMES) <= 20


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    value = getattr(breastseg, name)
    assert name == "__version__" or value.__doc__.strip()


def test_star_import_gives_the_public_names() -> None:
    space: dict[str, object] = {}
    exec("from breastseg import *", space)
    assert set(NAMES) <= set(space)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'breastseg' has no attribute 'segment'"):
        breastseg.segment  # noqa: B018


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert heavy_after("import breastseg") == []


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_the_top_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import runpy\n"
        f"sys.argv = ['breastseg', *{words}]\n"
        "try:\n"
        "    runpy.run_module('breastseg', run_name='__main__')\n"
    )
    assert heavy_after(code + "except SystemExit as end:\n    assert end.code == 0") == []


def test_every_commands_help_needs_no_pytorch() -> None:
    code = "from breastseg.cli import main\n" + "".join(
        "try:\n"
        f"    main(['{name}', '--help'])\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0\n"
        for name in COMMANDS
    )
    assert not {"torch", "openvino", "nncf"} & set(heavy_after(code))


def test_python_dash_m_shows_the_commands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "breastseg", "--help"], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    for name in COMMANDS:
        assert re.search(rf"^    {name}\b", done.stdout, re.MULTILINE)
    assert "example: breastseg predict" in done.stdout
    assert "not for diagnosis" in " ".join(done.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_commands_help_has_an_example_of_it(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert "example" in shown
    assert f"  breastseg {name} " in shown


def test_train_help_says_what_each_preset_sets(capsys: pytest.CaptureFixture[str]) -> None:
    """Without this nobody could see what the options change."""
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "highest (fast 0.001, standard 0.0006, report 0.001)" in shown
    assert "of every draw (all 42)" in shown
    assert "(fast 128 64 48 32 16, standard 128 64 48 32 16, report empty)" in shown
    assert "leave the encoder as it is (fast no, standard no, report yes)" in shown


def test_predict_help_says_the_smallest_region(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert f"(default {RegionsConfig().min_area_um2:g})" in " ".join(
        capsys.readouterr().out.split()
    )


def test_the_examples_can_be_parsed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example that has gone out of date is worse than none."""
    from importlib import import_module

    examples = []
    for name in COMMANDS:
        monkeypatch.setattr(import_module(f"breastseg.cli.{name}"), "run", lambda options: None)
        with pytest.raises(SystemExit):
            main([name, "--help"])
        examples += [
            line.split()[1:]
            for line in capsys.readouterr().out.splitlines()
            if line.startswith("  breastseg ")
        ]
    assert len(examples) >= len(COMMANDS)
    for words in examples:
        assert main(words) == 0


def test_no_command_is_a_mistake_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"breastseg {breastseg.__version__}\n"
