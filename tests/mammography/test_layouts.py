"""Which data set a folder holds, or that it holds none."""

from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.mammography.layouts import find_layout

pytest.importorskip("pydicom")


def test_nothing_to_read_says_what_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no mammograms in it, wanted DICOM, PGM, PNG or TIFF"):
        find_layout(tmp_path)
    with pytest.raises(SourceError, match="not found, wanted a folder of mammograms"):
        find_layout(tmp_path / "gone")
