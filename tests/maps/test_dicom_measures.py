"""Measures as a structured report, read again by highdicom."""

import math
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from breastseg.labels import BUILT_IN
from breastseg.maps.dicom.codes import AREA, BREAST, CLASSES, class_codes, own_code, unit_of
from breastseg.maps.dicom.made import Making
from breastseg.maps.dicom.measures import write_measures
from breastseg.maps.dicom.source import DicomSlide, read_dicom_slide
from dicom_files import write_dicom_pyramid

sr = pytest.importorskip("highdicom.sr")

MAKING = Making("seed", "model", datetime(2026, 1, 2, 3, 4, 5))
MEASURES = {
    "image": "slide",
    "mpp": 0.5,
    "analysed_mm2": 12.5,
    "tumor_mm2": 2.5,
    "tumor_percent": 20.0,
    "stroma_mm2": math.nan,
    "nests_count": 3,
}


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> DicomSlide:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    folder = write_dicom_pyramid(tmp_path_factory.mktemp("dicom") / "slide", [pixels])
    return read_dicom_slide(folder)


def test_each_class_has_a_group_and_all_else_is_the_slides(
    slide: DicomSlide, tmp_path: Path
) -> None:
    path = tmp_path / "measures.dcm"
    count = write_measures(MEASURES, BUILT_IN["region5"], slide, path, MAKING)
    report = sr.srread(path)
    groups = report.content.get_image_measurement_groups()
    values = {}
    for group in groups:
        name = group.tracking_identifier
        for one in group.get_measurements():
            values[name, one.name.value] = (float(one.value), one.unit.value)
    assert values == {
        ("tumor", AREA[0]): (2.5, "mm2"),
        ("tumor", "percent_of_analysed"): (20.0, "%"),
        ("slide", "analysed_mm2"): (12.5, "mm2"),
        ("slide", "nests_count"): (3.0, "1"),
    }
    assert count == len(values)  # without NaN, text, and what says no unit
    assert report.PatientID == "P1"


def test_the_same_map_gives_the_same_bytes(slide: DicomSlide, tmp_path: Path) -> None:
    for name in ("a.dcm", "b.dcm"):
        write_measures(MEASURES, BUILT_IN["region5"], slide, tmp_path / name, MAKING)
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_units_are_what_names_end_in() -> None:
    units = {name: unit_of(name) for name in ("a_mm2", "b_mm", "c_count", "d_percent", "mpp")}
    said = {name: None if unit is None else unit[0] for name, unit in units.items()}
    assert said == {"a_mm2": "mm2", "b_mm": "mm", "c_count": "1", "d_percent": "%", "mpp": None}


def test_a_class_without_a_code_of_others_has_its_own() -> None:
    assert class_codes("Tumor") == CLASSES["tumor"]
    assert class_codes("odd_class")[1] == own_code("odd_class")
    value, _, meaning = own_code("odd_" * 40)
    assert value == "odd_" * 40
    assert len(meaning) == 64  # the longest that DICOM takes
    assert BREAST[1] == "SCT"


def test_uids_depend_on_seed_and_name_alone() -> None:
    other = Making("other", "model", MAKING.when)
    assert MAKING.uid("a") == Making("seed", "m", datetime(2000, 1, 1)).uid("a")
    assert len({MAKING.uid("a"), MAKING.uid("b"), other.uid("a")}) == 3
