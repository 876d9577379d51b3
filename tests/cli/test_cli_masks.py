"""breastseg masks."""

from pathlib import Path

import pytest

from breastseg.cli import masks
from breastseg.cli.main import parser_of
from breastseg.cli.options import given
from breastseg.errors import BreastsegError


def test_class_and_patch_are_handed_on_only_when_given(tmp_path: Path) -> None:
    words = ["masks", str(tmp_path), "--for", "clam", "--out", str(tmp_path / "o")]
    options = parser_of("masks").parse_args(words)
    assert given(options, "class_name", "patch_px") == {}
    full = parser_of("masks").parse_args([*words, "--class", "stroma", "--patch", "512"])
    assert given(full, "class_name", "patch_px") == {"class_name": "stroma", "patch_px": 512}


def test_a_folder_without_maps_is_named(tmp_path: Path) -> None:
    words = ["masks", str(tmp_path), "--for", "trident", "--out", str(tmp_path / "o")]
    with pytest.raises(BreastsegError, match=tmp_path.name):
        masks.run(parser_of("masks").parse_args(words))
