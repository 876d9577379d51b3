"""A copy of mini-MIAS against the release."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli.main import main
from breastseg.errors import SourceError
from breastseg.mammography import mini_mias_check
from breastseg.mammography.mini_mias_check import Sums, release_sums, verify_mini_mias
from mammograms import paint_film, paint_mini_mias

MIAS = Path(os.environ.get("BREASTSEG_MIAS", "/nowhere"))


def painted(number: int) -> np.ndarray:
    side = "right" if number % 2 else "left"
    return (paint_film(1024, 1024, seed=number, chest_wall=side) >> 4).astype(np.uint8)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painted copy whose pixels count as the release's."""
    digests = {}
    for number in range(1, 6):
        grey = painted(number).astype(np.uint16) * 257
        digests[f"mdb{number:03d}"] = Sums(mini_mias_check._digest(grey), "")
    monkeypatch.setattr(mini_mias_check, "release_sums", lambda: digests)
    return paint_mini_mias(tmp_path / "mias")


def test_what_is_altered_turned_or_missing_is_named(copy: Path) -> None:
    Image.fromarray(painted(1)).save(copy / "mdb001.png")
    (copy / "mdb001.pgm").unlink()  # saved in another way: right
    Image.fromarray(painted(2)[:, ::-1]).save(copy / "mdb002.pgm")
    Image.fromarray(painted(3)).resize((512, 512)).save(copy / "mdb003.pgm")
    Image.fromarray(painted(1)).save(copy / "mdb004.pgm")
    found = verify_mini_mias(copy)
    assert found.whole == ("mdb001",)
    assert found.missing == ("mdb005",)
    assert dict(found.wrong) == {
        "mdb002": "mirrored left to right: circles do not fit",
        "mdb003": "512 x 512 pixels, the release has 1024 x 1024: circles do not fit",
        "mdb004": "is mdb001 of the release",
    }
    assert found.table == "rows of Info.txt are not those of the release"


def test_the_command_fails_when_it_is_not_whole(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mammo", "verify", str(copy)]) == 1
    shown = capsys.readouterr()
    assert "4 of 5 films as released" in shown.out
    assert "0 films altered, 1 missing, rows of Info.txt" in shown.err


def test_no_copy_at_all(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no Info\.txt of mini-MIAS"):
        verify_mini_mias(tmp_path)


def test_the_table_has_every_film_once() -> None:
    known = release_sums()
    assert list(known) == [f"mdb{number:03d}" for number in range(1, 323)]
    for sums in known.values():
        assert len(sums.pixels) == len(sums.pgm) == 64


@pytest.mark.skipif(not MIAS.is_dir(), reason="BREASTSEG_MIAS names no folder of mini-MIAS")
def test_the_real_copy_is_whole() -> None:
    found = verify_mini_mias(MIAS)
    assert (len(found.whole), found.missing, found.wrong, found.table) == (322, (), (), "")
