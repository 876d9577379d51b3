"""breastseg dicom."""

from pathlib import Path

import pytest

from breastseg.cli import dicom
from breastseg.cli.main import parser_of
from breastseg.cli.options import given
from breastseg.errors import BreastsegError


def test_the_kind_of_segmentation_is_handed_on_only_when_given() -> None:
    plain = parser_of("dicom").parse_args(["dicom", "maps", "--out", "o"])
    assert given(plain, "segmentation") == {}
    words = ["dicom", "maps", "--out", "o", "--segmentation", "labelmap"]
    assert given(parser_of("dicom").parse_args(words), "segmentation") == {
        "segmentation": "labelmap"
    }
    with pytest.raises(SystemExit):
        parser_of("dicom").parse_args([*words[:-1], "fractional"])


def test_a_folder_without_maps_is_named(tmp_path: Path) -> None:
    words = ["dicom", str(tmp_path), "--out", str(tmp_path / "out")]
    with pytest.raises(BreastsegError, match=tmp_path.name):
        dicom.run(parser_of("dicom").parse_args(words))
