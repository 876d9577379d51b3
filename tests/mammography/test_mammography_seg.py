"""Masks as a DICOM segmentation: what highdicom and pydicom read back is what labels.png has."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from highdicom.seg import segread
from PIL import Image

from breastseg.errors import MissingPackageError, SourceError
from breastseg.mammography.prepare import FilmsConfig, prepare_films
from breastseg.mammography.seg import SEGMENTS, stacked, write_seg
from breastseg.reporter import QUIET
from mammograms import DATE, HOSPITAL, NUMBER, PATIENT, paint_film, write_mg

SERIES = "1.2.826.0.1.5"


def film(path: Path, **changes: object) -> Path:
    """Write a film as an archive has it, 320 x 256 pixels of 0.2 mm, a label in its corner."""
    pixels = paint_film()
    pixels[20:50, 215:245] = 4000
    return write_mg(path, pixels, **{"SeriesInstanceUID": SERIES, **changes})


def labels_in(folder: Path, size: tuple[int, int] = (320, 256)) -> np.ndarray:
    labels = np.asarray(Image.open(folder / "labels.png"))
    return cv2.resize(labels, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)


def seen(path: Path) -> np.ndarray:
    """Return the label image that highdicom reads: segments 1 to 3, 0 elsewhere."""
    document = segread(path)
    (source,) = document.get_source_image_uids()
    return document.get_pixels_by_source_instance([source[2]], combine_segments=True)[0]


@pytest.mark.parametrize("mm_per_px", [None, 0.2, 0.4])
def test_what_is_read_back_is_what_the_labels_say(tmp_path: Path, mm_per_px: float | None) -> None:
    source = film(tmp_path / "one.dcm")
    out = tmp_path / "out"
    prepare_films(source, out, FilmsConfig(seg=True, mm_per_px=mm_per_px), reporter=QUIET)
    labels = labels_in(out / "film-0001")
    path = out / "film-0001" / "seg.dcm"
    wanted = np.zeros_like(labels)
    for number, value in enumerate(SEGMENTS, start=1):
        assert (labels == value).any()
        wanted[labels == value] = number
    assert np.array_equal(seen(path), wanted)
    plain = pydicom.dcmread(path)
    assert plain.SOPClassUID.name == "Segmentation Storage"
    for frame, groups in zip(
        plain.pixel_array, plain.PerFrameFunctionalGroupsSequence, strict=True
    ):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert np.array_equal(frame, wanted == number)
    said = [segment.SegmentLabel for segment in plain.SegmentSequence]
    assert said == [label for label, _, _ in SEGMENTS.values()]


def test_it_belongs_to_its_film_and_has_nothing_else_of_the_header(tmp_path: Path) -> None:
    source = film(tmp_path / "one.dcm", PatientComments="a neighbour", AccessionNumber="ACC-99")
    prepare_films(source, tmp_path / "out", FilmsConfig(seg=True), reporter=QUIET)
    document = pydicom.dcmread(tmp_path / "out" / "film-0001" / "seg.dcm")
    header = pydicom.dcmread(source)
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "AccessionNumber"):
        assert document.get(keyword) == header.get(keyword)
    (series,) = document.ReferencedSeriesSequence
    (picture,) = series.ReferencedInstanceSequence
    assert series.SeriesInstanceUID == SERIES
    assert picture.ReferencedSOPInstanceUID == header.SOPInstanceUID
    assert document.SeriesInstanceUID != SERIES
    assert "PatientComments" not in document
    assert "InstitutionName" not in document


def test_without_being_asked_nothing_of_a_person_is_written(tmp_path: Path) -> None:
    prepare_films(film(tmp_path / "one.dcm"), tmp_path / "plain", reporter=QUIET)
    assert not (tmp_path / "plain" / "film-0001" / "seg.dcm").exists()
    prepare_films(tmp_path / "one.dcm", tmp_path / "out", FilmsConfig(seg=True), reporter=QUIET)
    others = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    others = [path for path in others if path.name != "seg.dcm"]
    assert len(others) > 5
    for path in others:
        data = path.read_bytes()
        for secret in (PATIENT, NUMBER, HOSPITAL, DATE, "1.2.826"):
            assert secret.encode() not in data


def test_the_same_film_gives_the_same_uids_and_another_muscle_others(tmp_path: Path) -> None:
    source = film(tmp_path / "one.dcm")
    uids = []
    for name, muscle in (("a", "path"), ("b", "path"), ("c", "none")):
        prepare_films(source, tmp_path / name, FilmsConfig(seg=True, muscle=muscle), reporter=QUIET)
        document = pydicom.dcmread(tmp_path / name / "film-0001" / "seg.dcm")
        uids.append((document.SOPInstanceUID, document.SeriesInstanceUID))
    assert uids[0] == uids[1]
    assert uids[2] != uids[0]
    empty = seen(tmp_path / "c" / "film-0001" / "seg.dcm")
    assert set(np.unique(empty)) == {0, 1, 3}  # no muscle, and its number is nobody else's


def test_masks_of_a_mirrored_picture_lie_on_the_film_as_it_is(tmp_path: Path) -> None:
    """The steps of 3.5 put every chest wall on the left; this one's is on the right."""
    source = write_mg(
        tmp_path / "one.dcm", paint_film(chest_wall="right"), SeriesInstanceUID=SERIES
    )
    prepare_films(source, tmp_path / "out", FilmsConfig(seg=True, as_paper="3.5"), reporter=QUIET)
    folder = tmp_path / "out" / "film-0001"
    assert json.loads((folder / "film.json").read_text())["mirrored"]
    assert np.array_equal(seen(folder / "seg.dcm") == 1, labels_in(folder)[:, ::-1] == 2)


def test_a_picture_has_none_and_says_so(tmp_path: Path) -> None:
    Image.fromarray(paint_film()).save(tmp_path / "one.png")
    prepare_films(tmp_path / "one.png", tmp_path / "out", FilmsConfig(seg=True), reporter=QUIET)
    record = json.loads((tmp_path / "out" / "one" / "film.json").read_text())
    assert "no seg.dcm: the film is no DICOM file" in record["notes"]
    assert not (tmp_path / "out" / "one" / "seg.dcm").exists()


def test_a_film_without_uids_and_without_highdicom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = film(tmp_path / "one.dcm", SeriesInstanceUID=None)
    with pytest.raises(SourceError, match="film-0001: without SeriesInstanceUID, give films as"):
        prepare_films(source, tmp_path / "out", FilmsConfig(seg=True), reporter=QUIET)
    monkeypatch.setitem(sys.modules, "highdicom.seg", None)
    with pytest.raises(MissingPackageError, match=r"is not installed; pip install 'breastseg\[di"):
        write_seg(tmp_path / "seg.dcm", source, np.zeros((9, 9), np.uint8), "one", "path")
    assert not (tmp_path / "seg.dcm").exists()


def test_a_larger_film_has_each_pixel_several_times() -> None:
    labels = np.array([[2, 3], [4, 1]], np.uint8)
    found = stacked(labels, (4, 6))
    assert found.shape == (1, 4, 6, 3)
    assert np.array_equal(found[0, :, :, 0], np.kron([[1, 0], [0, 0]], np.ones((2, 3))))
    assert found.sum(axis=-1).max() == 1
