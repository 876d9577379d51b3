"""Maps of DICOM slides as DICOM, read back by highdicom and pydicom."""

import json
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from breastseg.cli.main import main
from breastseg.errors import ImageError, IncompleteError, InputError, MissingPackageError
from breastseg.files import fingerprint
from breastseg.images import open_slide
from breastseg.inference.dicom_out import dicom_out
from breastseg.labels import BUILT_IN
from breastseg.maps.dicom.codes import CLASSES, SCHEME, class_codes, unit_of
from breastseg.maps.dicom.regions import whole_rings
from breastseg.maps.dicom.source import read_dicom_slide
from breastseg.reporter import QUIET, Reporter
from breastseg.sources.annotations import Area
from conftest import SHARED
from run_records import painted_result

hd = pytest.importorskip("highdicom")
pydicom = pytest.importorskip("pydicom")
from dicom_files import write_dicom_pyramid  # noqa: E402  (needs pydicom)

MAP = BUILT_IN["region5"]
SIZE, MPP = (640, 400), 0.25
"""Of the slide, level 0; its levels are at 0.25, 0.5 and 1.0 um/px, the map at 0.5."""
SAME = (
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "PatientID",
    "ContainerIdentifier",
    "ImageOrientationSlide",
    "TotalPixelMatrixColumns",
    "Rows",
    "Columns",
)
"""What a segmentation has from its level."""
REAL = SHARED / "slides/cmu-1-small-region-dicom"


def truth(height: int = SIZE[1] // 2, width: int = SIZE[0] // 2) -> Any:
    labels = np.full((height, width), 2, np.uint8)
    labels[20:120, 30:200] = 1
    labels[40:80, 60:110] = 2
    labels[45:75, 150:180] = 3
    labels[150:, 200:] = 0
    labels[3, 5] = 4
    return labels


def slide_of(
    folder: Path, change: Callable[[Any, int], None] = lambda header, number: None
) -> Path:
    levels = []
    for step in (1, 2, 4):
        levels.append(np.full((SIZE[1] // step, SIZE[0] // step, 3), 200, np.uint8))
    return write_dicom_pyramid(folder, levels, mpp=MPP, change=change)


def result_of(folder: Path, slide: Path, labels: Any, size: Any = SIZE, mpp: float = MPP) -> Path:
    """Write what predict() leaves, of labels that are known."""
    said = fingerprint(slide)
    return painted_result(
        folder, labels, MAP, slide=str(slide), fingerprint=said, size_px=size, mpp=mpp
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return result_of(tmp_path / "maps" / "a", slide_of(tmp_path / "slide"), truth())


def read(path: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)


def matrix(path: Path) -> Any:
    """Return the labels of a segmentation, by highdicom."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segmentation = hd.seg.segread(path)
        return segmentation.get_total_pixel_matrix(combine_segments=True)


@pytest.mark.parametrize("kind", ["binary", "labelmap"])
def test_segmentation_is_the_map_on_the_slides_own_levels(
    made: Path, tmp_path: Path, kind: str
) -> None:
    dicom_out(made, tmp_path / "out", segmentation=kind, reporter=QUIET)
    paths = sorted((tmp_path / "out" / "a").glob("segmentation_*.dcm"))
    assert [path.name for path in paths] == ["segmentation_1.dcm", "segmentation_2.dcm"]
    assert np.array_equal(matrix(paths[0]), truth())
    assert np.array_equal(matrix(paths[1]), truth()[1::2, 1::2]), "the label under the centre"
    for number, path in enumerate(paths, start=1):
        level, found = read(tmp_path / "slide" / f"level_{number}.dcm"), read(path)
        for keyword in SAME:
            assert found[keyword].value == level[keyword].value, keyword
        assert found.SeriesInstanceUID != level.SeriesInstanceUID
        assert found.SourceImageSequence[0].ReferencedSOPInstanceUID == level.SOPInstanceUID
        spacing, its = (
            one.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
            for one in (found, level)
        )
        assert spacing == its
        assert found.SegmentationType == kind.upper()
    segments = [one for one in read(paths[0]).SegmentSequence if one.SegmentNumber > 0]
    assert [one.SegmentLabel for one in segments] == list(MAP.names)
    assert len({read(path).PyramidUID for path in paths}) == 1


def test_nothing_else_of_a_person_goes_along(tmp_path: Path) -> None:
    """An archive files by patient and study; comments and addresses stay in the slide."""

    def change(header: Any, number: int) -> None:
        header.PatientComments = header.PatientAddress = header.InstitutionName = "secret"
        header.ReferringPhysicianName = header.OtherPatientNames = "secret"
        header.private_block(0x0009, "secret", create=True).add_new(1, "LO", "secret")

    result_of(tmp_path / "maps", slide_of(tmp_path / "slide", change), truth())
    dicom_out(tmp_path / "maps", tmp_path / "out", reporter=QUIET)
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert len(files) == 4
    for path in files:
        assert b"secret" not in path.read_bytes()
        assert read(path).PatientID == "P1"


def test_pydicom_alone_reads_a_class_of_the_segmentation(made: Path, tmp_path: Path) -> None:
    """Frames, put where their positions say, without highdicom."""
    dicom_out(made, tmp_path / "out", reporter=QUIET)
    found = read(tmp_path / "out" / "a" / "segmentation_1.dcm")
    labels = np.zeros((found.TotalPixelMatrixRows, found.TotalPixelMatrixColumns), np.uint8)
    groups = found.PerFrameFunctionalGroupsSequence
    for frame, group in zip(found.pixel_array, groups, strict=True):
        at = group.PlanePositionSlideSequence[0]
        x = at.ColumnPositionInTotalImagePixelMatrix - 1
        y = at.RowPositionInTotalImagePixelMatrix - 1
        part = labels[y : y + found.Rows, x : x + found.Columns]
        inside = frame[: part.shape[0], : part.shape[1]]
        part += inside * np.uint8(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
    assert np.array_equal(labels, truth())


def test_regions_are_polygons_of_the_same_area(made: Path, tmp_path: Path) -> None:
    dicom_out(made, tmp_path / "out", reporter=QUIET)
    annotations = hd.ann.annread(tmp_path / "out" / "a" / "annotations.dcm")
    level = read(tmp_path / "slide" / "level_0.dcm")
    referenced = annotations.ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert referenced == level.SOPInstanceUID
    assert annotations.AnnotationCoordinateType == "2D"
    wanted: dict[str, float] = {}
    for one in json.loads((made / "regions.geojson").read_text())["features"]:
        name = one["properties"]["classification"]["name"]
        area = shapely.from_geojson(json.dumps(one["geometry"])).area
        wanted[name] = wanted.get(name, 0) + area
    found = {}
    for group in annotations.get_annotation_groups():
        shapes = [shapely.Polygon(ring) for ring in group.get_graphic_data("2D")]
        assert all(shape.is_valid for shape in shapes)
        assert min(shape.bounds[0] for shape in shapes) > 0, "a viewer leaves out places at 0"
        assert shapely.union_all(shapes).area == pytest.approx(sum(one.area for one in shapes))
        found[group.label] = sum(shape.area for shape in shapes)
    names = {one.qupath: one.name for one in MAP.classes}
    assert found == pytest.approx({names[name]: area for name, area in wanted.items()})
    assert set(found) >= {"tumor", "stroma"}


def test_holes_are_cut_open_and_nothing_is_lost() -> None:
    square = np.array([(0, 0), (1000, 0), (1000, 1000), (0, 1000)], float)
    holes = []
    for x in range(100, 900, 200):
        for y in range(100, 900, 200):
            holes.append(np.array([(x, y), (x + 50, y + 7), (x + 90, y + 80)], float))
    shapes = [shapely.Polygon(ring) for ring in whole_rings(Area("x", square, tuple(holes)))]
    whole = shapely.Polygon(square, holes)
    assert sum(shape.area for shape in shapes) == pytest.approx(whole.area, rel=1e-6)
    assert shapely.union_all(shapes).symmetric_difference(whole).area < 1


def test_an_outline_that_crosses_itself_is_refused() -> None:
    bow = np.array([(0, 0), (100, 100), (100, 0), (0, 100)], float)
    hole = np.array([(80, 40), (90, 40), (90, 60)], float)
    with pytest.raises(ImageError, match="a region of x whose outline crosses itself"):
        list(whole_rings(Area("x", bow, (hole,))))


def test_measures_are_those_of_the_map(made: Path, tmp_path: Path) -> None:
    dicom_out(made, tmp_path / "out", reporter=QUIET)
    report = hd.sr.srread(tmp_path / "out" / "a" / "measures.dcm")
    wanted = json.loads((made / "run.json").read_text())["measures"]
    groups = {
        group.tracking_identifier: group for group in report.content.get_image_measurement_groups()
    }
    assert list(groups) == [*MAP.names, "slide"]
    for name in MAP.names:
        area, share = groups[name].get_measurements()
        assert (area.name.value, area.unit.value) == ("42798000", "mm2")
        assert float(area.value) == pytest.approx(wanted.pop(f"{name}_mm2"), rel=1e-9)
        assert float(share.value) == pytest.approx(wanted.pop(f"{name}_percent"), rel=1e-9)
        assert groups[name].finding_type.value == class_codes(name)[1][0]
    whole = {one.name.value: float(one.value) for one in groups["slide"].get_measurements()}
    known = {name: value for name, value in wanted.items() if value == value}
    del known["image"]
    assert whole == pytest.approx(known)
    evidence = report.CurrentRequestedProcedureEvidenceSequence[0]
    series = evidence.ReferencedSeriesSequence[0].SeriesInstanceUID
    assert series == read(tmp_path / "slide" / "level_0.dcm").SeriesInstanceUID


def test_areas_of_the_segmentation_are_those_of_the_measures(made: Path, tmp_path: Path) -> None:
    dicom_out(made, tmp_path / "out", reporter=QUIET)
    path = tmp_path / "out" / "a" / "segmentation_1.dcm"
    spacing = read(path).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    mm2 = np.bincount(matrix(path).ravel(), minlength=6) * float(spacing[0]) * float(spacing[1])
    wanted = json.loads((made / "run.json").read_text())["measures"]
    for label, name in enumerate(MAP.names, start=1):
        assert mm2[label] == pytest.approx(wanted[f"{name}_mm2"], rel=1e-6)


def test_the_same_map_makes_the_same_bytes(made: Path, tmp_path: Path) -> None:
    """A file that is sent twice is the same instance."""
    for name in ("one", "two"):
        dicom_out(made.parent / "a", tmp_path / name, reporter=QUIET)
    files = sorted((tmp_path / "one").rglob("*.dcm"))
    assert len(files) == 4
    for path in files:
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_codes_are_those_of_the_standard() -> None:
    from pydicom.sr._concepts_dict import concepts

    from breastseg.maps.dicom import codes

    every = [codes.BREAST, codes.AREA, codes.ALGORITHM, *codes._UNITS.values()]
    for pair in CLASSES.values():
        every += pair
    for value, scheme, meaning in every:
        known = [
            said[0].casefold() if isinstance(said, tuple) else said.casefold()
            for entry in concepts[scheme].values()
            for code, said in entry.items()
            if code == value
        ]
        assert meaning.casefold() in known, (value, meaning, known)
    assert class_codes("skin_adnexa")[1] == ("skin_adnexa", SCHEME, "skin adnexa")
    assert unit_of("tumor_diameter_max_mm") == ("mm", "UCUM", "mm")
    assert unit_of("mpp") is None


def test_every_built_in_class_can_be_written(tmp_path: Path) -> None:
    from breastseg.maps.dicom.made import Making
    from breastseg.maps.dicom.segmentation import _segments

    making = Making("x", "painted", datetime(2020, 1, 1, tzinfo=UTC))
    for label_map in BUILT_IN.values():
        names = [one.SegmentLabel for one in _segments(label_map, making)]
        assert names == list(label_map.names)


def without(*keywords: str) -> Callable[[Any, int], None]:
    def change(header: Any, number: int) -> None:
        for keyword in keywords:
            if keyword in header:
                del header[keyword]

    return change


def test_what_may_be_missing_is_filled_and_said(tmp_path: Path) -> None:
    lacks = without("PatientID", "PatientName", "StudyDate", "TotalPixelMatrixOriginSequence")
    slide = slide_of(tmp_path / "slide", lacks)
    result_of(tmp_path / "maps", slide, truth())
    said: list[str] = []
    dicom_out(tmp_path / "maps", tmp_path / "out", reporter=Reporter(said.append, bars=False))
    assert "PatientID (empty)" in said[0]
    assert "TotalPixelMatrixOriginSequence (0, 0)" in said[0]
    assert np.array_equal(matrix(tmp_path / "out" / "maps" / "segmentation_1.dcm"), truth())
    assert read(tmp_path / "out" / "maps" / "measures.dcm").PatientID == ""


@pytest.mark.parametrize("keyword", ["FrameOfReferenceUID", "StudyInstanceUID"])
def test_what_cannot_be_made_up_is_refused_by_name(tmp_path: Path, keyword: str) -> None:
    slide = slide_of(tmp_path / "slide", without(keyword))
    with pytest.raises(ImageError, match=f"a level without {keyword}"):
        read_dicom_slide(slide)


def test_a_level_in_several_files_is_refused_by_name(tmp_path: Path) -> None:
    def change(header: Any, number: int) -> None:
        if number == 1:
            header.ConcatenationUID, header.InConcatenationNumber = "1.2.3", 1

    with pytest.raises(ImageError, match=r"a level in several files \(a concatenation, 1\.2\.3\)"):
        read_dicom_slide(slide_of(tmp_path / "slide", change))


def test_sizes_are_checked_before_anything_is_made(tmp_path: Path) -> None:
    def large(header: Any, number: int) -> None:
        header.Rows = header.Columns = 65535

    def many(header: Any, number: int) -> None:
        header.Rows = header.Columns = 1
        header.TotalPixelMatrixRows = header.TotalPixelMatrixColumns = 2**20 >> number

    with pytest.raises(ImageError, match="in tiles of 65535 x 65535 px"):
        read_dicom_slide(slide_of(tmp_path / "large", large))
    with pytest.raises(ImageError, match="a level of 1099511627776 tiles"):
        read_dicom_slide(slide_of(tmp_path / "many", many))


def test_two_pictures_of_one_size_are_refused(tmp_path: Path) -> None:
    slide = slide_of(tmp_path / "slide")
    (slide / "copy.dcm").write_bytes((slide / "level_0.dcm").read_bytes())
    with pytest.raises(ImageError, match="2 images of 640 x 400 px"):
        read_dicom_slide(slide)


def test_other_slides_are_refused(made: Path, tmp_path: Path) -> None:
    said = json.loads((made / "run.json").read_text())
    (tmp_path / "b.svs").write_bytes(b"II*\0")
    (made / "run.json").write_text(json.dumps({**said, "input": str(tmp_path / "b.svs")}))
    with pytest.raises(ImageError, match="is no DICOM slide"):
        dicom_out(made, tmp_path / "out", reporter=QUIET)
    (made / "run.json").write_text(json.dumps({**said, "input_fingerprint": "0"}))
    with pytest.raises(InputError, match="is not the slide that was mapped"):
        dicom_out(made, tmp_path / "out", reporter=QUIET)
    (made / "run.json").write_text(json.dumps({**said, "input": str(tmp_path / "gone")}))
    with pytest.raises(ImageError, match="gone: not found"):
        dicom_out(made, tmp_path / "out", reporter=QUIET)
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_one_slides_fault_is_its_own(made: Path, tmp_path: Path) -> None:
    maps = made.parent
    result_of(
        maps / "sub" / "b", slide_of(tmp_path / "other", without("FrameOfReferenceUID")), truth()
    )
    (maps / "manifest.csv").write_text(
        "slide,outcome,cause,seconds,result,patient\nb,done,,1,sub/b,\na,done,,1,a,\n"
    )
    with pytest.raises(IncompleteError, match="1 of 2 failed, the others are done"):
        dicom_out(maps, tmp_path / "out", reporter=QUIET)
    assert (tmp_path / "out" / "a" / "measures.dcm").is_file()


def test_where_nothing_was_analysed_there_is_no_segmentation(tmp_path: Path) -> None:
    slide = slide_of(tmp_path / "slide")
    result_of(tmp_path / "maps", slide, np.zeros((200, 320), np.uint8))
    said: list[str] = []
    reporter = Reporter(said.append, bars=False)
    assert dicom_out(tmp_path / "maps", tmp_path / "out", reporter=reporter) == 1
    assert any("nothing was analysed" in line for line in said)
    assert [path.name for path in (tmp_path / "out" / "maps").iterdir()] == ["measures.dcm"]


def test_a_resolution_that_parts_from_the_header_is_said(tmp_path: Path) -> None:
    slide = slide_of(tmp_path / "slide")
    result_of(tmp_path / "maps", slide, truth(), mpp=0.3)
    said: list[str] = []
    dicom_out(tmp_path / "maps", tmp_path / "out", reporter=Reporter(said.append, bars=False))
    assert "header says 0.25 um/px and it was mapped at 0.3" in said[0]


def test_without_highdicom_a_sentence_names_the_package(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingPackageError, match=r"highdicom; pip install 'breastseg\[dicom\]'"):
        dicom_out(made, tmp_path / "out", reporter=QUIET)


def test_the_command(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["dicom", str(made), "--segmentation", "labelmap", "--out", out]) == 0
    assert "4 DICOM files" in capsys.readouterr().out
    assert main(["dicom", str(tmp_path / "none"), "--out", out]) == 2


@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/data")
def test_a_real_slide(tmp_path: Path) -> None:
    """A part of CMU-1 in DICOM, which lacks much, with frames of reference of each level."""
    slide = open_slide(REAL)
    labels = truth(2967, 2220)
    result_of(tmp_path / "maps", REAL, labels, slide.size_px, slide.mpp)
    slide.close()
    said: list[str] = []
    dicom_out(tmp_path / "maps", tmp_path / "out", reporter=Reporter(said.append, bars=False))
    assert "frames of reference of their own" in said[1]
    paths = sorted((tmp_path / "out" / "maps").glob("segmentation_*.dcm"))
    assert len(paths) == 4
    assert np.array_equal(matrix(paths[0]), labels)
    for number, path in enumerate(paths):
        (source,) = REAL.glob(f"level-{number}-*.dcm")
        assert read(path).FrameOfReferenceUID == read(source).FrameOfReferenceUID
