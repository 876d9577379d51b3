"""What data sets in the folder know of their images, and what is passed over."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from breastseg.serve.library.known import find_known, mpp_of_run
from conftest import DATA
from run_records import made_up


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = (tmp_path / "root").resolve()
    for kind in ("images", "masks"):
        shutil.copytree(DATA / "bcss" / kind, root / "bcss" / kind)
    return root


def test_masks_and_um_per_px_are_known_by_picture(folder: Path) -> None:
    known = find_known(folder)
    images = {path for path in (folder / "bcss" / "images").iterdir() if path.suffix == ".png"}
    assert set(known) == images
    for image, one in known.items():
        assert one.truth is not None
        assert one.truth.picture == image
        assert one.truth.path == folder / "bcss" / "masks" / image.name
        mpp = one.mpp()
        assert mpp is None or mpp[0] > 0


def test_a_mask_that_is_a_link_out_of_the_folder_is_none(folder: Path, tmp_path: Path) -> None:
    mask = sorted((folder / "bcss" / "masks").glob("*.png"))[0]
    mask.rename(tmp_path / "elsewhere.png")
    mask.symlink_to(tmp_path / "elsewhere.png")
    known = find_known(folder)
    assert known[folder / "bcss" / "images" / mask.name].truth is None
    assert sum(one.truth is not None for one in known.values()) == len(known) - 1


def test_a_hidden_folder_is_not_looked_into(folder: Path) -> None:
    (folder / "bcss").rename(folder / ".bcss")
    assert find_known(folder) == {}
    assert find_known(folder / "none") == {}


def test_a_maps_um_per_px_are_known_where_they_can_be() -> None:
    run = replace(made_up({}), mpp=0.5, mpp_source="x" * 1000)
    assert mpp_of_run(run) == (0.5, "x" * 200)
    assert mpp_of_run(replace(run, mpp=-1.0)) is None
    assert mpp_of_run(replace(run, mpp=1e9)) is None
