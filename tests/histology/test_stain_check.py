"""What speaks against an image being H&E with tissue on it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.bundles.bundle import Bundle
from breastseg.histology.stain_check import doubts
from breastseg.inference.config import PredictConfig
from breastseg.inference.model import load_model
from breastseg.inference.predict import predict
from breastseg.reporter import Reporter
from painted_tissue import FIELDS, pixels


@pytest.mark.parametrize("path", FIELDS, ids=lambda path: path.stem[:28])
def test_real_fields_raise_no_doubt(path: Path) -> None:
    assert doubts(pixels(path)) == []


def test_grey_brown_and_negative_pictures_do_not_look_like_h_and_e() -> None:
    field = pixels(FIELDS[0])
    grey = np.repeat(field.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    brown = field[..., [1, 0, 2]][..., [1, 2, 0]]  # absorbs blue most, as DAB does
    for picture in (grey, brown, 255 - field):
        (doubt,) = doubts(picture)
        assert doubt.startswith("does not look like H&E: optical density of its tissue is ")


def test_glass_is_nearly_empty_and_the_share_is_told() -> None:
    glass = np.full((100, 100, 3), 240, np.uint8)
    glass[:1] = 100
    (doubt,) = doubts(glass)
    assert doubt.startswith("nearly empty: 1.0 % of it is darker than glass")
    assert doubts(np.full((1, 1, 3), 255, np.uint8))[0].startswith("nearly empty: 0.0 %")
    assert doubts(np.full((1, 3000, 3), 255, np.uint8))[0].startswith("nearly empty: 0.0 %")


def test_glass_that_is_named_is_told_of() -> None:
    glass = np.full((100, 100, 3), 240, np.uint8)
    assert doubts(glass, glass_named=True) == [doubts(glass)[0] + "; the map names the glass too"]


def test_predict_warns_and_keeps_the_doubt(lively_bundle: Bundle, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "white").save(tmp_path / "glass.png")
    said: list[str] = []
    predict(
        tmp_path / "glass.png",
        load_model(lively_bundle.path),
        tmp_path / "out",
        PredictConfig(mpp=0.5),
        reporter=Reporter(said.append),
    )
    assert any(
        line.startswith(f"warning: {tmp_path / 'glass.png'}: nearly empty: 0.0 %") for line in said
    )
    assert "nearly empty" in (tmp_path / "out" / "glass" / "run.json").read_text(encoding="utf-8")
