"""Mammograms from DICOM: grey values, side, view, size; what is refused says so in a line."""

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from breastseg.errors import BreastsegError, ImageError, MissingPackageError
from breastseg.mammography.dicom_mg import is_dicom, read_film
from breastseg.mammography.dicom_pixels import linear, linear_exact, sigmoid
from mammograms import MG_RAW, PATIENT, codes, dataset, paint_film, write_compressed, write_mg

pydicom = pytest.importorskip("pydicom")

FILM = paint_film()


def read(folder: Path, **changes: Any) -> Any:
    return read_film(write_mg(folder / "one.dcm", FILM, **changes), "one")


def table(values: np.ndarray, first: int, bits: int) -> Any:
    item = pydicom.Dataset()
    item.add_new((0x0028, 0x3002), "US", [len(values), first, bits])
    item.add_new((0x0028, 0x3006), "OW", values.astype("<u2").tobytes())
    return pydicom.Sequence([item])


def test_a_film_has_pixels_side_view_size_and_where_each_comes_from(tmp_path: Path) -> None:
    film = read(tmp_path, EstimatedRadiographicMagnificationFactor="1.05")
    assert film.pixels.dtype == np.uint16
    assert film.pixels.shape == FILM.shape
    assert (film.laterality, film.laterality_origin) == ("L", "ImageLaterality")
    assert (film.view, film.view_origin) == ("MLO", "ViewPosition")
    assert film.mm_per_px == pytest.approx(0.2 / 1.05)
    assert "EstimatedRadiographicMagnificationFactor 1.05" in film.mm_origin
    assert film.history == ("no modality LUT: stored values", "window LINEAR 2048 wide 4096")
    # by hand: LINEAR of 2048 wide 4096 is value / 4095
    assert np.array_equal(film.pixels, np.round(FILM / 4095 * 65535).astype(np.uint16))


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_windows_agree_with_pydicom(function: str) -> None:
    from pydicom.pixels import apply_windowing

    values = np.arange(0, 4096, 7, dtype=np.uint16).reshape(1, -1)
    head = dataset(values, VOILUTFunction=function, WindowCenter=1800.5, WindowWidth=900)
    ours = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}[function]
    theirs = apply_windowing(values, head) / 4095
    assert np.allclose(ours(values.astype(float), 1800.5, 900), theirs, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "inverted"),
    [
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1"),
        ({"PresentationLUTShape": "INVERSE"}, "PresentationLUTShape INVERSE"),
        (
            {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            "MONOCHROME1 and PresentationLUTShape INVERSE",
        ),
    ],
)
def test_inversion_comes_after_the_window_and_once(
    tmp_path: Path, changes: dict[str, str], inverted: str
) -> None:
    """A window that is not in the middle: inverting before it would give other values."""
    plain = read(tmp_path, WindowCenter=1000, WindowWidth=1500)
    film = read(tmp_path, WindowCenter=1000, WindowWidth=1500, **changes)
    assert film.history[-1] == f"inverted: {inverted}"
    assert np.array_equal(film.pixels, 65535 - plain.pixels)


def test_the_first_of_several_windows_is_taken_and_said(tmp_path: Path) -> None:
    film = read(tmp_path, WindowCenter=[2048, 1000], WindowWidth=[4096, 200])
    assert "window LINEAR 2048 wide 4096, the first of 2" in film.history


def test_a_voi_lut_goes_before_windows(tmp_path: Path) -> None:
    """The table has 8 bits and 4096 entries: its places need more bits than its values."""
    values = np.arange(4096) // 16
    film = read(tmp_path, VOILUTSequence=table(values, 0, 8))
    assert "VOI LUT" in film.history
    assert np.array_equal(film.pixels, np.round((FILM // 16) / 255 * 65535).astype(np.uint16))


def test_a_modality_lut_and_a_rescale(tmp_path: Path) -> None:
    looked_up = read(tmp_path, ModalityLUTSequence=table(np.arange(4096)[::-1], 0, 12))
    assert looked_up.history[0] == "modality LUT"
    assert np.array_equal(
        looked_up.pixels, np.round((4095 - FILM) / 4095 * 65535).astype(np.uint16)
    )
    rescaled = read(tmp_path, RescaleSlope="2", RescaleIntercept="-100", RescaleType="US")
    assert rescaled.history[0] == "modality LUT: values x 2 + -100"
    share = np.clip((FILM * 2.0 - 100) / 4095, 0, 1)
    assert np.array_equal(rescaled.pixels, np.round(share * 65535).astype(np.uint16))


def test_without_a_window_all_there_is_is_scaled_and_said(tmp_path: Path) -> None:
    film = read(
        tmp_path, WindowCenter=None, WindowWidth=None, PhotometricInterpretation="MONOCHROME1"
    )
    assert film.pixels.min() == 0
    assert film.pixels.max() == 65535
    said = " ".join(film.history)
    assert f"no window in the header: scaled from {FILM.min()} to {FILM.max()}" in said
    darkest = FILM.min() == FILM
    assert film.pixels[darkest].min() == 65535


@pytest.mark.parametrize("width", [0, -5])
def test_a_window_that_cannot_be_is_said(tmp_path: Path, width: int) -> None:
    film = read(tmp_path, WindowWidth=width)
    assert any("the header's window cannot be used" in line for line in film.history)


def test_for_processing_is_told_apart(tmp_path: Path) -> None:
    """Exposure falls with tissue, so that the film is dark where it is dense."""
    exposure = np.round(8000 * np.exp(FILM / -1500.0)).astype(np.uint16)
    head = {
        "SOPClassUID": MG_RAW,
        "PresentationIntentType": "FOR PROCESSING",
        "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1,
        "BitsStored": 14,
        "HighBit": 13,
    }
    film = read_film(write_mg(tmp_path / "raw.dcm", exposure, **head), "raw")
    assert "logarithm" in film.history
    assert any("FOR PROCESSING" in line for line in film.history)
    # log(exposure) is linear in FILM: both are ordered alike
    assert np.corrcoef(film.pixels.ravel(), FILM.ravel())[0, 1] > 0.999
    turned = {**head, "PixelIntensityRelationshipSign": -1}
    path = write_mg(tmp_path / "turned.dcm", 16383 - exposure, **turned)
    assert np.array_equal(read_film(path, "turned").pixels, film.pixels)


def test_padding_is_black_and_does_not_count(tmp_path: Path) -> None:
    padded = FILM.copy()
    padded[:40] = 4000
    film = read_film(
        write_mg(
            tmp_path / "padded.dcm",
            padded,
            PixelPaddingValue=4000,
            WindowCenter=None,
            WindowWidth=None,
        ),
        "padded",
    )
    assert not film.pixels[:40].any()
    assert any("scaled from" in line and "4000" not in line for line in film.history)
    assert film.history[-1].startswith("padding (12.5 %")


def test_signed_values(tmp_path: Path) -> None:
    signed = FILM.astype(np.int16) - 2000
    path = write_mg(
        tmp_path / "signed.dcm",
        signed.view(np.uint16),
        PixelRepresentation=1,
        BitsStored=16,
        HighBit=15,
        WindowCenter=48,
        WindowWidth=4096,
    )
    assert np.array_equal(read_film(path, "signed").pixels, read(tmp_path).pixels)


CODECS = {
    "1.2.840.10008.1.2.4.70": lambda pixels: imagecodecs.ljpeg_encode(pixels, bitspersample=12),
    "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode,
    "1.2.840.10008.1.2.4.90": lambda pixels: imagecodecs.jpeg2k_encode(
        pixels, level=0, reversible=True, codecformat="j2k", bitspersample=12
    ),
}


@pytest.mark.parametrize("syntax", CODECS)
def test_compressed_films_are_those_that_are_not(tmp_path: Path, syntax: str) -> None:
    path = write_compressed(tmp_path / "small.dcm", CODECS[syntax](FILM), FILM, syntax)
    assert np.array_equal(read_film(path, "small").pixels, read(tmp_path).pixels)


def test_jpeg_2000_without_its_codec_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syntax = "1.2.840.10008.1.2.4.90"
    path = write_compressed(tmp_path / "small.dcm", CODECS[syntax](FILM), FILM, syntax)

    def missing(data: bytes) -> None:
        raise imagecodecs.DelayedImportError("jpeg2k")

    monkeypatch.setattr(imagecodecs, "jpeg2k_decode", missing)
    with pytest.raises(MissingPackageError, match=r"^small: compressed as JPEG 2000, and imagec"):
        read_film(path, "small")


def test_side_from_the_three_places_in_order(tmp_path: Path) -> None:
    anatomy, group = pydicom.Dataset(), pydicom.Dataset()
    anatomy.FrameLaterality = "R"
    group.FrameAnatomySequence = pydicom.Sequence([anatomy])
    shared = pydicom.Sequence([group])
    film = read(tmp_path, SharedFunctionalGroupsSequence=shared, Laterality="R")
    assert film.laterality == "L"
    assert film.laterality_origin == (
        "ImageLaterality (but FrameLaterality says R, Laterality says R)"
    )
    film = read(tmp_path, ImageLaterality=None, SharedFunctionalGroupsSequence=shared)
    assert (film.laterality, film.laterality_origin) == ("R", "FrameLaterality")
    film = read(tmp_path, ImageLaterality=None, Laterality="L")
    assert (film.laterality, film.laterality_origin) == ("L", "Laterality")
    assert read(tmp_path, ImageLaterality=None).laterality == ""


def test_view_codes_are_those_of_the_standard() -> None:
    from pydicom.sr.codedict import codes as known

    from breastseg.mammography.dicom_tags import VIEW_CODES

    views = known.cid4014
    assert VIEW_CODES[views.CranioCaudal.value] == "CC"
    assert VIEW_CODES[views.MedioLateralObliqueProjection.value] == "MLO"
    assert VIEW_CODES[views.MedioLateralProjection.value] == "ML"
    assert VIEW_CODES[views.LateroMedial.value] == "LM"
    assert VIEW_CODES[views.LateroMedialOblique.value] == "LMO"
    assert VIEW_CODES[views.CaudoCranial.value] == "FB"
    assert VIEW_CODES[views.CranioCaudalExaggeratedLaterally.value] == "XCCL"
    assert VIEW_CODES[views.CranioCaudalExaggeratedMedially.value] == "XCCM"
    assert VIEW_CODES[views.SuperolateralToInferomedialOblique.value] == "SIO"
    assert VIEW_CODES[views.InferomedialToSuperolateralOblique.value] == "ISO"


def test_view_from_position_or_code_and_ml_is_no_mlo(tmp_path: Path) -> None:
    film = read(tmp_path, ViewPosition=None, ViewCodeSequence=codes("399162004"))
    assert (film.view, film.view_origin) == ("CC", "ViewCodeSequence")
    film = read(tmp_path, ViewCodeSequence=codes("399162004"))
    assert film.view == "MLO"
    assert film.view_origin == "ViewPosition (but ViewCodeSequence says CC)"
    assert read(tmp_path, ViewPosition="ML").view == "ML"
    film = read(tmp_path, ViewPosition=None)
    assert (film.view, film.view_origin) == ("", "the header does not say")


@pytest.mark.parametrize(
    ("changes", "mm", "origin"),
    [
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": None}, 0.1, "not said how"),
        ({"PixelSpacing": [0.19, 0.19]}, 0.19, "differs from detector"),
        (
            {"PixelSpacing": [0.2, 0.2], "EstimatedRadiographicMagnificationFactor": "1.1"},
            0.2 / 1.1,
            "ImagerPixelSpacing /",
        ),
        (
            {"PixelSpacing": [0.18, 0.18], "PixelSpacingCalibrationType": "GEOMETRY"},
            0.18,
            "GEOMETRY",
        ),
        ({"ImagerPixelSpacing": None}, None, "does not say"),
        ({"ImagerPixelSpacing": [1, 1]}, None, "which no mammogram has"),
    ],
)
def test_size_of_pixels(
    tmp_path: Path, changes: dict[str, Any], mm: float | None, origin: str
) -> None:
    film = read(tmp_path, **changes)
    assert film.mm_per_px == (None if mm is None else pytest.approx(mm))
    assert origin in film.mm_origin


def test_chest_wall_of_the_header(tmp_path: Path) -> None:
    assert read(tmp_path, PatientOrientation=["A", "FR"]).chest_wall == "left"
    assert read(tmp_path, PatientOrientation=["P", "F"]).chest_wall == "right"
    assert read(tmp_path).chest_wall == ""


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "implant": ({"BreastImplantPresent": "YES"}, "^one: an implant is in the image, wanted"),
    "tomosynthesis": ({"NumberOfFrames": 3}, r"^one: tomosynthesis \(3 frames\), wanted a single"),
    "magnified": (
        {"ViewCodeSequence": codes("399162004", modifiers=("399163009",))},
        "^one: a magnification view, wanted a view of the whole breast",
    ),
    "spot": (
        {"ViewCodeSequence": codes("399162004", modifiers=("399055006",))},
        "^one: a spot compression view, wanted",
    ),
    "factor": (
        {"EstimatedRadiographicMagnificationFactor": "1.8"},
        "^one: magnified 1.8 times, wanted a contact view",
    ),
    "organ": (
        {"Modality": "CT", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "BodyPartExamined": "CHEST"},
        "^one: CT of 'CHEST', wanted a mammogram",
    ),
    "oblong": ({"ImagerPixelSpacing": [0.1, 0.12]}, "^one: pixels of 0.1 x 0.12 mm, wanted square"),
    "border": ({"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 4095}, "^one: all border"),
    "short": ({"PixelData": b"\0\0"}, "^one: its pixels cannot be decoded"),
    "none": ({"PixelData": None}, "^one: no pixels in it"),
    "huge": ({"Rows": 60000, "Columns": 60000}, "^one: says 60000 x 60000 pixels, wanted up to"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    changes, sentence = REFUSED[name]
    with pytest.raises(ImageError, match=sentence):
        read(tmp_path, **changes)


def test_an_implant_that_is_displaced_is_taken(tmp_path: Path) -> None:
    view = codes("399162004", modifiers=("399209000",))
    film = read(tmp_path, BreastImplantPresent="YES", ViewCodeSequence=view, ViewPosition="CC")
    assert "implant displaced view" in film.history


def test_a_film_of_one_grey_value_is_all_border(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "flat.dcm", np.full((128, 128), 7, np.uint16))
    with pytest.raises(ImageError, match=r"^flat: all border"):
        read_film(path, "flat")


def test_a_secondary_capture_is_said(tmp_path: Path) -> None:
    film = read(tmp_path, SOPClassUID="1.2.840.10008.5.1.4.1.1.7", PresentationIntentType=None)
    assert film.history[0].startswith("secondary capture")


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_damaged_files_are_refused_in_a_line(tmp_path: Path, kept: float) -> None:
    data = write_mg(tmp_path / "one.dcm", FILM).read_bytes()
    path = tmp_path / "cut.dcm"
    path.write_bytes(data[: int(kept * 800)])
    assert is_dicom(path)
    with pytest.raises(BreastsegError, match=r"^cut: "):
        read_film(path, "cut")
    path.write_bytes(b"no DICOM at all" * 50)
    with pytest.raises(ImageError, match=r"^cut: not a DICOM file"):
        read_film(path, "cut")


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_header_is_read_or_refused_and_nothing_else(tmp_path: Path, seed: int) -> None:
    """Values are parsed when they are asked for: any line of the reader can meet the fault."""
    small = write_mg(tmp_path / "one.dcm", paint_film(80, 70), PatientOrientation=["A", "F"])
    data = small.read_bytes()
    rng = np.random.default_rng(seed)
    path = tmp_path / "damaged.dcm"
    for _ in range(40):
        damaged = bytearray(data)
        for place in rng.integers(132, 1000, 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        assert_read_or_refused(path)


def assert_read_or_refused(path: Path) -> None:
    said = ""
    try:
        read_film(path, "damaged")
    except BreastsegError as error:
        said = str(error)
    assert not said or said.startswith("damaged: ")
    assert PATIENT not in said
