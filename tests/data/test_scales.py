"""Microns per pixel that cannot be, sizes that are not the named ones, and blur."""

from pathlib import Path

import cv2
import pandas as pd
import pytest

from audited import fields, finding
from breastseg.data.audit import audit
from breastseg.data.audit.scales import sharp_at, shows_nothing
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import InputError
from conftest import crop, paint, quiet, tcga


@pytest.mark.parametrize("mpp", [0.3, 0.5])
def test_blur_of_real_crops(tmp_path: Path, mpp: float) -> None:
    """Real crops at 0.30 are sharp; blurred by 2 um they are not."""
    blurred = cv2.GaussianBlur(crop(1), (0, 0), 2 / 0.3)
    data = fields(
        tmp_path,
        {tcga("A2", "A001"): crop(0), tcga("A2", "A002"): blurred, tcga("A2", "A003"): crop(2)},
        to_mpp=mpp,
        mpp=0.3,
    )
    report = audit(data.path)
    assert finding(report, "blurred")["numbers"]["count"] == 1
    assert list(finding(report, "blurred")["numbers"]["regions"]) == [tcga("A2", "A002")]


def test_um_per_pixel_that_the_names_tell_and_one_that_differs(tmp_path: Path) -> None:
    for patient in ("A001", "A002", "A003"):
        paint(tmp_path / "src", tcga("A2", patient))
    (tmp_path / "t.csv").write_text(f"image,mpp\n{tcga('A2', 'A003')},0.25\n")
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.30, table=str(tmp_path / "t.csv"), workers=1),
        reporter=quiet,
    )
    odd, believed = [f for f in audit(data.path)["findings"] if f["check"] == "um/px"]
    assert odd["numbers"]["names"] == [tcga("A2", "A003")]
    assert "1 BCSS region taken for 0.25 um/px, as file names say" in believed["sentence"]
    assert "31% too small" in believed["sentence"]


def test_sizes_against_names_and_bounds(tmp_path: Path) -> None:
    """A whole region of 100 px whose bounds are 120 base pixels of 0.25 um: 0.3 um/px; and a tile
    named 224 that has 96 px."""
    whole = "TCGA-A2-A0D2-DX1_xmin1000_ymin7_MPP-0.2500"
    paint(tmp_path / "src", whole, side=100)
    paint(tmp_path / "src", "TCGA-A2-A001-DX1_xmin0_ymin0_MPP-0.2500_y0_x0_224")
    data = prepare(
        tmp_path / "src",
        tmp_path / "data",
        PrepareConfig(to_mpp=0.5, mpp=0.4, workers=1),
        reporter=quiet,
    )
    assert finding(audit(data.path), "size")["numbers"]["count"] == 1
    with pytest.raises(InputError, match=r"roiBounds\.csv: not found; wanted the BCSS folder"):
        audit(data.path, source=tmp_path / "src")
    (tmp_path / "src" / "meta").mkdir()
    (tmp_path / "src" / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A2-A0D2-DX1,1000,7,1120,127,x\n"
    )
    (tmp_path / "src" / "meta" / "slide_magnifications.csv").write_text(
        ",name,_id,magnification\nTCGA-A2-A0D2,x.svs,1,40.0\n"
    )
    assert finding(audit(data.path, source=tmp_path / "src"), "um/px")["numbers"]["measured"] == {
        whole: pytest.approx(0.3, abs=1e-4)
    }


def test_a_sharp_picture_needs_more_contrast_the_coarser_it_is() -> None:
    assert sharp_at(0.5) == 30
    assert sharp_at(1.0) == pytest.approx(30 * 2**2.5)
    assert sharp_at(0.3) < sharp_at(0.5) < sharp_at(1.0)


def test_blank_is_glass_or_one_colour() -> None:
    looks = pd.DataFrame({"tissue": [0.0, 0.9, 0.9], "contrast": [40.0, 1.0, 40.0]})
    assert shows_nothing(looks).tolist() == [True, True, False]
