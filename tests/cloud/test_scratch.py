import os
import tempfile
from pathlib import Path

import pytest

from breastseg.cloud.scratch import held_scratch, scratch_folder
from breastseg.errors import OutputError


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_same_work_finds_the_same_folder() -> None:
    assert scratch_folder("maps") == scratch_folder("maps") != scratch_folder("others")


def test_nobody_else_may_look_into_it(temporary: Path) -> None:
    folder = scratch_folder("maps")
    assert folder.stat().st_mode & 0o077 == 0
    folder.parent.chmod(0o777)
    with pytest.raises(OutputError, match=r"not a folder of this user alone"):
        scratch_folder("maps")


def test_a_link_in_its_place_is_refused(temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (temporary / f"breastseg-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputError, match=r"not a folder of this user alone"):
        scratch_folder("maps")


def test_it_is_held_and_goes_when_it_is_empty() -> None:
    with held_scratch("maps") as folder:
        with pytest.raises(OutputError, match=r"another run"), held_scratch("maps"):
            pass
        (folder / "part").touch()
    assert folder.is_dir()
    with held_scratch("maps"):
        (folder / "part").unlink()
    assert not folder.exists()
