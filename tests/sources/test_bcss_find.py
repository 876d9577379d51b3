"""The official folders of BCSS: recognised, and at which resolution."""

import shutil
from pathlib import Path

import pytest

from breastseg.errors import SourceError
from breastseg.sources import open_source
from breastseg.sources.bcss import find as bcss
from breastseg.sources.region import Found
from conftest import DATA, paint, tcga

REAL = "TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500"


def test_the_other_image_folder_of_bcss(painted: Path) -> None:
    (painted / "images").rename(painted / "rgbs_colorNormalized")
    assert len(open_source(painted).regions) == 6


def test_real_crops_are_at_030_whatever_the_bounds_say() -> None:
    """A crop's width against its whole region's bounds would give 4.0 um/px."""
    source = open_source(DATA / "bcss")
    assert [r.patient for r in source.regions] == ["TCGA-A2-A0D2", "TCGA-A2-A1G6", "TCGA-A2-A3XX"]
    assert {r.mpp for r in source.regions} == {0.30}
    assert {r.mpp_source for r in source.regions} == {
        "measured on this release (0.30; its file names say 0.25)"
    }
    assert (
        "microns per pixel 0.3: measured on this release (0.30; its file names say 0.25)"
        in source.notes
    )


@pytest.mark.parametrize(("magnification", "mpp"), [("40.0", 0.3), ("20.0", 0.6)])
def test_a_whole_region_is_measured(tmp_path: Path, magnification: str, mpp: float) -> None:
    """120 base pixels of 0.25 um (0.5 at 20x) on 100 image pixels."""
    paint(tmp_path, REAL, side=100)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A2-A0D2-DX1,1000,7,1120,127,x\n"
    )
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(
        f",name,_id,magnification\nTCGA-A2-A0D2,x.svs,1,{magnification}\n"
    )
    (region,) = open_source(tmp_path).regions
    assert region.mpp == pytest.approx(mpp)
    assert region.mpp_source == "measured from roiBounds.csv"
    assert open_source(tmp_path, mpp=0.25).regions[0].mpp == 0.25


@pytest.mark.parametrize("missing", ["roiBounds.csv", "slide_magnifications.csv"])
def test_a_whole_region_without_both_tables_is_at_030(tmp_path: Path, missing: str) -> None:
    paint(tmp_path, REAL)
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    assert open_source(tmp_path).regions[0].mpp_source == "measured from roiBounds.csv"
    (tmp_path / "meta" / missing).unlink()
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_a_region_whose_row_cannot_be_true_is_at_030(tmp_path: Path) -> None:
    """The table calls hospital A8's scans 20x, which would put their regions at 0.645 um/px."""
    paint(tmp_path, "TCGA-A8-A07C-DX1_xmin23538_ymin17397_MPP-0.2500", side=100)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(
        ",xmin,ymin,xmax,ymax,mask_link\nTCGA-A8-A07C-DX1,23538,17397,23667,17526,x\n"
    )
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(
        ",name,_id,magnification\nTCGA-A8-A07C,x.svs,1,20.0\n"
    )
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_a_region_that_the_tables_do_not_list_is_at_030(tmp_path: Path) -> None:
    paint(tmp_path, tcga("A2", "A001"))
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    assert open_source(tmp_path).regions[0].mpp == 0.30


def test_measured_beside_known_is_said(tmp_path: Path) -> None:
    paint(tmp_path, REAL)
    paint(tmp_path, tcga("A2", "A001"))
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    measured = (100989 - 96887) * 0.25 / 96
    (note,) = [n for n in open_source(tmp_path).notes if n.startswith("microns")]
    assert note.startswith(f"microns per pixel 0.3 to {measured:.4f}: ")
    assert "measured from roiBounds.csv" in note
    assert "0.30" in note


@pytest.mark.parametrize(
    ("page", "warned"), [("Images at 0.25 um/px.", True), ("mpp: 0.25", True), ("At 0.30.", False)]
)
def test_a_copy_of_bcss_whose_page_says_025(tmp_path: Path, page: str, warned: bool) -> None:
    paint(tmp_path, tcga("A1", "B001"))
    (tmp_path / "README.md").write_text(page)
    notes = open_source(tmp_path).notes
    assert any("README.md says 0.25 um/px" in note for note in notes) == warned
    assert {region.mpp for region in open_source(tmp_path).regions} == {0.30}


def test_real_bcss_has_no_such_page() -> None:
    assert not any("README.md" in note for note in open_source(DATA / "bcss").notes)


def test_pictures_of_other_names_are_no_bcss(tmp_path: Path) -> None:
    paint(tmp_path, "field")
    assert bcss.find(tmp_path) is None


def test_tiles_have_no_resolution_of_their_own(tmp_path: Path) -> None:
    paint(tmp_path, "TCGA-A2-A001-DX1_3_7")
    found = bcss.find(tmp_path)
    assert isinstance(found, Found)
    assert (found.kind, found.mpp) == ("BCSS tiles", None)


@pytest.mark.parametrize("row", ["x,7,1120,127,x", ",7,1120,127,x"])
def test_bounds_that_are_no_numbers_are_refused(tmp_path: Path, row: str) -> None:
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(
        f",xmin,ymin,xmax,ymax,mask_link\nTCGA-A2-A0D2-DX1,{row}\n"
    )
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(
        ",name,_id,magnification\nTCGA-A2-A0D2,x.svs,1,40\n"
    )
    with pytest.raises(SourceError, match=r"meta: no bounds .* of TCGA-A2-A0D2-DX1"):
        bcss.region_mpp(tmp_path, "TCGA-A2-A0D2-DX1", 100)


def test_the_mpp_is_that_of_the_bounds_on_the_width(tmp_path: Path) -> None:
    shutil.copytree(DATA / "bcss" / "meta", tmp_path / "meta")
    assert bcss.region_mpp(tmp_path, "TCGA-A2-A0D2-DX1", 4102) == pytest.approx(0.25)
    assert bcss.region_mpp(tmp_path, "TCGA-A2-A0D2-DX1", 3420) == pytest.approx(0.25 * 4102 / 3420)
    assert bcss.region_mpp(tmp_path, "TCGA-XX-XXXX-DX1", 100) is None
