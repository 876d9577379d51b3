"""`benchmarks/house.py`: what it counts, on small files."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import house


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "src" / "breastseg"
    monkeypatch.setattr(house, "ROOT", tmp_path)
    monkeypatch.setattr(house, "SOURCE", source)
    monkeypatch.setattr(house, "TESTS", tmp_path / "tests")
    files = {
        source
        / "maps"
        / "__init__.py": '"""Maps."""\n\nfrom breastseg.maps.raster import Raster\n',
        source / "maps" / "raster.py": '"""A raster."""\n\n\nclass Raster:\n    """Say."""\n',
        source / "maps" / "alone.py": (
            '"""Alone."""\n\n# why\nX = 1\n\n\ndef f() -> int:\n    """Do."""\n    return X\n'
        ),
        tmp_path / "tests" / "maps" / "test_raster.py": (
            'from breastseg.maps import Raster\n\nraises(match="' + "a" * 60 + '")\n'
        ),
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_name_that_a_folder_hands_on_reaches_its_module(room: Path) -> None:
    modules, tests = house.read(house.SOURCE), house.read(house.TESTS)
    reached = house.imported(tests, modules)
    assert "breastseg.maps.raster" in reached
    assert "breastseg.maps.alone" not in reached


def test_a_test_file_of_a_modules_name_mirrors_it(room: Path) -> None:
    modules = {module.path.stem: module for module in house.read(house.SOURCE)}
    assert house.has_mirror(modules["raster"])
    assert not house.has_mirror(modules["alone"])


def test_lines_and_sentences_are_counted(room: Path) -> None:
    [alone] = [one for one in house.read(house.SOURCE) if one.path.stem == "alone"]
    assert (alone.code_lines, alone.comments) == (3, 1)
    assert list(alone.functions()) == [("f", 1)]
    assert house.sentences(house.read(house.TESTS)) == ["tests/maps/test_raster.py:3 (60)"]
