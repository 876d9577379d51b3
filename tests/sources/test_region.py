"""Regions: what a name of TCGA tells, and which labels are drawn."""

from pathlib import Path

import pytest

from breastseg.sources import open_source
from breastseg.sources.region import DRAWN_SUFFIXES, Field, Region, tcga_patient
from source_folders import picture


def test_tcga_names_in_own_folders_give_patient_and_hospital(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "field_TCGA-E2-A1B2.png")
    picture(tmp_path / "masks" / "field_TCGA-E2-A1B2.png", mask=True)
    (region,) = open_source(tmp_path, mpp=0.5).regions
    assert (region.patient, region.site) == ("TCGA-E2-A1B2", "E2")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("TCGA-A2-A0D2-DX1_xmin1", ("TCGA-A2-A0D2", "A2")),
        ("x_TCGA-3C-AALI", ("TCGA-3C-AALI", "3C")),
        ("tcga-a2-a0d2", None),
        ("TCGA-A2", None),
        ("field", None),
    ],
)
def test_tcga_patient(name: str, wanted: tuple[str, str] | None) -> None:
    assert tcga_patient(name) == wanted


def region(labels: Path, field: Field | None = None) -> Region:
    return Region("a", Path("a.png"), labels, "P", "", 0.5, "given", field=field)


@pytest.mark.parametrize("suffix", DRAWN_SUFFIXES)
def test_labels_are_drawn_by_their_ending(suffix: str) -> None:
    assert region(Path(f"a{suffix}")).is_drawn
    assert region(Path(f"a{suffix.upper()}")).is_drawn
    assert not region(Path("a.png")).is_drawn


def test_a_table_of_fields_is_nothing_drawn() -> None:
    table = Path("fields.csv")
    assert not region(table, Field(table, 2)).is_drawn
    assert region(Path("a_points.csv"), Field(table, 2)).is_drawn


def test_where_something_is_said() -> None:
    assert Field(Path("fields.csv"), 3).where == "fields.csv, row 3"
    assert Field(Path("BRACS_1_IC_1.png"), 0).where == "BRACS_1_IC_1.png"
