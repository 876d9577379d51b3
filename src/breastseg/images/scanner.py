"""Which scanner made a slide, as its own tags say."""

from collections.abc import Mapping

from breastseg.wording import one_line

MOST_LETTERS = 60
_MAKERS = ("tiff.Make", "dicom.Manufacturer", "philips.DICOM_MANUFACTURER")
_MODELS = (
    "tiff.Model",
    "dicom.ManufacturerModelName",
    "hamamatsu.Product",
    "leica.device-model",
    "ventana.ScannerModel",
)
_NUMBERS = (
    "aperio.ScanScope ID",
    "dicom.DeviceSerialNumber",
    "philips.DICOM_DEVICE_SERIAL_NUMBER",
    "leica.device-version",
    "ventana.UnitNumber",
)
_NO_MAKER = ("", "generic-tiff", "dicom")
"""What OpenSlide calls the kind of a file that names no maker."""


def scanner_of(said: Mapping[str, str]) -> str:
    """Return a scanner in words, as in "hamamatsu C9600-12" or "aperio SS1302".

    Args:
        said: tags of a slide, by OpenSlide's names.

    Returns:
        maker, model and the scanner's own number, as far as they are told; "" where none is. Two
        slides with the same words may be of two scanners where no number is told.
    """
    vendor = said.get("openslide.vendor", "")
    maker = _first(said, _MAKERS).casefold() or ("" if vendor in _NO_MAKER else vendor)
    words = [maker, _first(said, _MODELS), _first(said, _NUMBERS)]
    return one_line(" ".join(filter(None, words)))[:MOST_LETTERS].strip()


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the first of the tags that is not blank."""
    return next((said[name].strip() for name in names if said.get(name, "").strip()), "")
