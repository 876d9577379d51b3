"""What the header of a DICOM mammogram says: side, view, size of pixels, and what is refused."""

import re
from typing import Any

from breastseg.errors import ImageError
from breastseg.mammography.film import MAX_MM_PER_PX, MIN_MM_PER_PX
from breastseg.wording import in_short

MG_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1.2",  # digital mammography, for presentation
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # digital mammography, for processing
    "1.2.840.10008.5.1.4.1.1.1.1",  # digital X-ray, for presentation
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # digital X-ray, for processing
}
OTHER_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.7",  # secondary capture: digitised film, CBIS-DDSM among them
    "1.2.840.10008.5.1.4.1.1.1",  # computed radiography
}
"""Taken as mammograms where Modality says MG."""
TOMOSYNTHESIS = {"1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4"}

VIEWS = ("MLO", "CC", "ML", "LM", "LMO", "FB", "XCCL", "XCCM", "SIO", "ISO")
VIEW_CODES = {
    "399368009": "MLO",
    "399162004": "CC",
    "399260004": "ML",
    "399352003": "LM",
    "399099002": "LMO",
    "399196006": "FB",
    "399192008": "XCCL",
    "399101009": "XCCM",
    "399188001": "SIO",
    "441555000": "ISO",
    "R-10226": "MLO",
    "R-10242": "CC",
    "R-10224": "ML",
    "R-10228": "LM",
    "R-10230": "LMO",
    "R-10244": "FB",
    "R-1024A": "XCCL",
    "R-1024B": "XCCM",
    "R-102D0": "SIO",
}
"""SNOMED CT codes of CID 4014, and the older ones of SNOMED RT."""
_DISPLACED = {"399209000", "R-102D5"}
_MAGNIFIED = {"399163009", "R-102D6"}
_SPOT = {"399055006", "R-102D7"}
_WORD = re.compile(r"[A-Za-z0-9 .,()/_-]*")
_MAGNIFICATION = 1.3
"""Estimated magnification: contact views have 1.0 to 1.1, magnification views 1.5 and more."""


def check_kind(dataset: Any, where: str) -> tuple[str, ...]:
    """Return what should be said of a file that is a mammogram; refuse what is none.

    Args:
        dataset: a pydicom Dataset.
        where: the film, for errors.

    Raises:
        ImageError: another modality, tomosynthesis, an implant, a spot or magnification view.
    """
    sop_class = str(dataset.get("SOPClassUID", ""))
    modality = str(dataset.get("Modality", "")).strip().upper()
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    if sop_class in TOMOSYNTHESIS or (frames > 1 and modality == "MG"):
        raise ImageError(
            f"{where}: tomosynthesis ({frames} frames), wanted a single image; "
            "give the synthesized 2D view if the system made one"
        )
    is_digital = sop_class in MG_CLASSES
    # Some systems store mammograms as digital X-rays (DX) of the breast.
    is_xray_of_breast = is_digital and modality == "DX" and _is_breast(dataset)
    if modality != "MG" and not is_xray_of_breast:
        kind = _word(modality) or "no modality"
        part = _word(dataset.get("BodyPartExamined", ""))
        of = f" of '{part}'" if part else ""
        raise ImageError(f"{where}: {kind}{of}, wanted a mammogram (modality MG)")
    if not is_digital and sop_class not in OTHER_CLASSES:
        name = _word(getattr(dataset.get("SOPClassUID", ""), "name", sop_class))
        raise ImageError(f"{where}: '{name}', wanted a digital mammogram")
    notes = []
    if not is_digital:
        notes.append("secondary capture: what was done to it before is not known")
    notes += _check_view(dataset, where)
    if str(dataset.get("BurnedInAnnotation", "")).strip().upper() == "YES":
        notes.append("has writing burnt into its pixels: look for names before you share it")
    if str(dataset.get("FieldOfViewHorizontalFlip", "")).strip().upper() == "YES":
        notes.append("the detector's image was flipped before it was stored")
    return tuple(notes)


def _word(value: Any) -> str:
    """Return a code or name of the standard as it can be shown; "?" for what is none."""
    text = in_short(value, 64)
    return text if _WORD.fullmatch(text) else "?"


def _is_breast(dataset: Any) -> bool:
    return str(dataset.get("BodyPartExamined", "")).strip().upper() == "BREAST"


def _check_view(dataset: Any, where: str) -> list[str]:
    modifiers = _modifiers(dataset)
    notes = []
    if str(dataset.get("BreastImplantPresent", "")).strip().upper() == "YES":
        if not modifiers & _DISPLACED:
            raise ImageError(
                f"{where}: an implant is in the image, wanted a breast without; "
                "views with the implant displaced are taken"
            )
        notes.append("implant displaced view")
    if modifiers & _MAGNIFIED:
        raise ImageError(f"{where}: a magnification view, wanted a view of the whole breast")
    if modifiers & _SPOT:
        raise ImageError(f"{where}: a spot compression view, wanted a view of the whole breast")
    factor = _number(dataset, "EstimatedRadiographicMagnificationFactor")
    if factor is not None and factor >= _MAGNIFICATION:
        raise ImageError(
            f"{where}: magnified {factor:g} times, wanted a contact view (below {_MAGNIFICATION:g})"
        )
    if str(dataset.get("PartialView", "")).strip().upper() == "YES":
        notes.append("partial view: a part of the breast is in another image")
    return notes


def _modifiers(dataset: Any) -> set[str]:
    """Return the codes of all view modifiers; they lie inside the view's own code, or beside it."""
    codes = set()
    views = list(dataset.get("ViewCodeSequence") or [])
    for place in [dataset, *views]:
        for item in place.get("ViewModifierCodeSequence") or []:
            codes.add(str(item.get("CodeValue", "")).strip())
    return codes


def laterality_of(dataset: Any) -> tuple[str, str]:
    """Return "L", "R" or "" and where it comes from, with what contradicts it."""
    sides = []  # (side, attribute), the most particular attribute first
    for name, value in (
        ("ImageLaterality", dataset.get("ImageLaterality")),
        ("FrameLaterality", _frame_laterality(dataset)),
        ("Laterality", dataset.get("Laterality")),
    ):
        text = str(value or "").strip().upper()
        side = {"LEFT": "L", "RIGHT": "R"}.get(text, text)
        if side in ("L", "R"):
            sides.append((side, name))
    if not sides:
        both = str(dataset.get("ImageLaterality", "")).strip().upper() == "B"
        return "", "the header says both breasts" if both else "the header does not say"
    side, origin = sides[0]
    against = []
    for other, name in sides[1:]:
        if other != side:
            against.append(f"{name} says {other}")
    if against:
        origin += f" (but {', '.join(against)})"
    return side, origin


def _frame_laterality(dataset: Any) -> Any:
    """Return the side as multi-frame files have it: in the groups of all frames, or of each."""
    for groups in (
        dataset.get("SharedFunctionalGroupsSequence"),
        dataset.get("PerFrameFunctionalGroupsSequence"),
    ):
        for group in groups or []:
            for anatomy in group.get("FrameAnatomySequence") or []:
                return anatomy.get("FrameLaterality")
    return dataset.get("FrameLaterality")


def view_of(dataset: Any) -> tuple[str, str]:
    """Return the view ("MLO", "CC" ...) or "", and where it comes from, with what contradicts."""
    position = str(dataset.get("ViewPosition", "") or "").strip().upper()
    coded, unknown = "", ""
    for item in dataset.get("ViewCodeSequence") or []:
        code = str(item.get("CodeValue", "")).strip()
        coded = VIEW_CODES.get(code, "")
        unknown = "" if coded else f"code {in_short(code, 16)}"
        break
    if position in VIEWS:
        against = f" (but ViewCodeSequence says {coded})" if coded not in ("", position) else ""
        return position, f"ViewPosition{against}"
    if coded:
        return coded, "ViewCodeSequence"
    unknown = unknown or position
    if not unknown:
        return "", "the header does not say"
    return "", f"the header says '{in_short(unknown, 40)}'"


def spacing_of(dataset: Any, where: str) -> tuple[float | None, str]:
    """Return millimetres a pixel in the plane of the breast, or None; and where that comes from.

    PixelSpacing is calibrated where it differs from ImagerPixelSpacing or says how (PS3.3
    10.7.1.3); else the detector's spacing is divided by the estimated magnification.

    Raises:
        ImageError: pixels that are not square to 1 %.
    """
    pixel = _pair(dataset, "PixelSpacing")
    imager = _pair(dataset, "ImagerPixelSpacing")
    scanned = _pair(dataset, "NominalScannedPixelSpacing")
    magnification = _number(dataset, "EstimatedRadiographicMagnificationFactor") or 1.0
    calibrated = str(dataset.get("PixelSpacingCalibrationType", "") or "").strip()
    if pixel is not None and (calibrated or (imager is not None and pixel != imager)):
        origin = f"PixelSpacing, calibrated ({in_short(calibrated or 'differs from detector', 30)})"
        return _plausible(pixel, 1.0, origin, where)
    if imager is not None:
        origin = "ImagerPixelSpacing"
        if magnification > 1.0:
            origin += f" / EstimatedRadiographicMagnificationFactor {magnification:g}"
        else:
            origin += ", magnification not said"
        return _plausible(imager, max(1.0, magnification), origin, where)
    if pixel is not None:
        return _plausible(pixel, 1.0, "PixelSpacing, not said how it was measured", where)
    if scanned is not None:
        return _plausible(scanned, 1.0, "NominalScannedPixelSpacing", where)
    return None, "the header does not say"


def _plausible(
    pair: tuple[float, float], divisor: float, origin: str, where: str
) -> tuple[float | None, str]:
    """Return the mean of a pair in mm, None where it cannot be a mammogram's; and its origin."""
    down = pair[0] / divisor  # DICOM gives the distance of rows first
    across = pair[1] / divisor
    longer = max(down, across)
    if min(down, across) <= 0 or not MIN_MM_PER_PX <= longer < MAX_MM_PER_PX:
        return None, f"{origin} is {pair[0]:g} mm, which no mammogram has; taken as not known"
    if abs(down - across) > 0.01 * longer:
        raise ImageError(
            f"{where}: pixels of {down:g} x {across:g} mm, wanted square ones; "
            "resample the image first"
        )
    return (down + across) / 2, origin


def chest_wall_of(dataset: Any) -> str:
    """Return the side of the image where PatientOrientation puts the chest wall, or ""."""
    value = dataset.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) < 1:
        return ""
    rows_run = str(value[0]).strip().upper()[:1]  # towards which a row runs, left to right
    # The chest wall is behind: rows that run towards the front (A) begin at it.
    return {"A": "left", "P": "right"}.get(rows_run, "")


def _pair(dataset: Any, name: str) -> tuple[float, float] | None:
    value = dataset.get(name)
    if value is None or isinstance(value, str) or len(value) != 2:
        return None
    return float(value[0]), float(value[1])


def _number(dataset: Any, name: str) -> float | None:
    value = dataset.get(name)
    return None if value is None or value == "" else float(value)
