"""The grey values of a DICOM mammogram: decoded, modality LUT, then VOI, then inversion.

DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT and windows) and C.11.6 (presentation LUT shape).
"""

from typing import Any, TypeAlias

import imagecodecs
import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError, MissingPackageError
from breastseg.mammography.film import Grey, as_grey
from breastseg.wording import in_short

Values: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

MAX_PIXELS = 200_000_000
"""Films on the finest detectors and digitisers have up to 60 million."""

_NATIVE = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
    "1.2.840.10008.1.2.5",
}
"""Not compressed, deflated, and run lengths: pydicom reads them itself."""
CODECS = {
    "1.2.840.10008.1.2.4.50": ("JPEG", "jpeg_decode"),
    "1.2.840.10008.1.2.4.51": ("JPEG of 12 bits", "jpeg_decode"),
    "1.2.840.10008.1.2.4.57": ("lossless JPEG", "jpeg_decode"),
    "1.2.840.10008.1.2.4.70": ("lossless JPEG", "jpeg_decode"),
    "1.2.840.10008.1.2.4.80": ("JPEG-LS", "jpegls_decode"),
    "1.2.840.10008.1.2.4.81": ("JPEG-LS", "jpegls_decode"),
    "1.2.840.10008.1.2.4.90": ("JPEG 2000", "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.91": ("JPEG 2000", "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.201": ("High-throughput JPEG 2000", "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.202": ("High-throughput JPEG 2000", "jpeg2k_decode"),
    "1.2.840.10008.1.2.4.203": ("High-throughput JPEG 2000", "jpeg2k_decode"),
}
"""Transfer syntax -> its name, and the function of imagecodecs that reads it."""
_LOSSY = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81"}


def stored_values(dataset: Any, where: str) -> npt.NDArray[Any]:
    """Return the stored values of the only frame: (H, W) whole numbers.

    Args:
        dataset: a pydicom Dataset.
        where: the film, for errors.

    Raises:
        ImageError: no pixels, too many, colours, or a frame that cannot be decoded.
        MissingPackageError: no codec for it is installed.
    """
    rows = int(dataset.get("Rows", 0))
    columns = int(dataset.get("Columns", 0))
    if "PixelData" not in dataset or not rows or not columns:
        raise ImageError(f"{where}: no pixels in it, wanted an image; export the image again")
    # Before anything is decoded: a header that promises too much must not take the memory.
    if rows * columns > MAX_PIXELS:
        raise ImageError(f"{where}: says {columns} x {rows} pixels, wanted up to {MAX_PIXELS:,}")
    if int(dataset.get("SamplesPerPixel", 1)) != 1:
        raise ImageError(f"{where}: a colour image, wanted grey values; it is no mammogram")
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    try:
        values = _native(dataset) if syntax in _NATIVE else _decoded(dataset, syntax, where)
    except (ValueError, RuntimeError, AttributeError, KeyError, EOFError) as cause:
        if isinstance(cause, (ImageError, MissingPackageError)):
            raise
        raise ImageError(
            f"{where}: its pixels cannot be decoded ({in_short(cause, 120)}); export it again"
        ) from None
    if values.shape != (rows, columns):
        raise ImageError(
            f"{where}: its pixels are {values.shape}, the header says {(rows, columns)}; "
            "export it again"
        )
    return _signed(values, dataset)


def _native(dataset: Any) -> npt.NDArray[Any]:
    return np.asarray(dataset.pixel_array)


def _decoded(dataset: Any, syntax: str, where: str) -> npt.NDArray[Any]:
    if syntax not in CODECS:
        raise ImageError(
            f"{where}: pixels compressed as '{in_short(syntax, 64)}', wanted none, JPEG, "
            "JPEG-LS or JPEG 2000; "
            "convert it, as with dcmdjpeg or gdcmconv --raw"
        )
    from pydicom.encaps import get_frame

    name, function = CODECS[syntax]
    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    try:
        decode = getattr(imagecodecs, function)
        return np.asarray(decode(frame))
    except ImportError:
        raise MissingPackageError(
            f"{where}: compressed as {name}, and imagecodecs here is built without it; "
            "pip install --force-reinstall imagecodecs"
        ) from None


def _signed(values: npt.NDArray[Any], dataset: Any) -> npt.NDArray[Any]:
    """Return values without what lies in unused bits, and with the sign that the header says."""
    bits = int(dataset.get("BitsStored", 16))
    # The bits above are no part of the value; old files have overlays in them.
    whole = values.astype(np.int64) & ((1 << bits) - 1)
    if int(dataset.get("PixelRepresentation", 0)) == 1:
        is_negative = whole >= 1 << (bits - 1)
        whole = np.where(is_negative, whole - (1 << bits), whole)
    return whole.astype(np.int32)


def padding_of(stored: npt.NDArray[Any], dataset: Any) -> Mask:
    """Return where PixelPaddingValue (or its range) says that no image is: (H, W)."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, np.bool_)
    limit = dataset.get("PixelPaddingRangeLimit")
    first = int(value)
    last = first if limit is None else int(limit)
    bits = int(dataset.get("BitsStored", 16))
    if int(dataset.get("PixelRepresentation", 0)) == 1:
        # some writers store a negative padding as an unsigned number
        first = _with_sign(first, bits)
        last = _with_sign(last, bits)
    low, high = sorted((first, last))  # the limit may be the lower end
    return np.asarray((stored >= low) & (stored <= high))


def _with_sign(number: int, bits: int) -> int:
    """Return a number of so many bits whose highest bit is the sign."""
    return number - (1 << bits) if number >= 1 << (bits - 1) else number


def grey_values(dataset: Any, where: str) -> tuple[Grey, tuple[str, ...]]:
    """Return the pixels of a film, bright is dense, and what was done to them in order.

    Args:
        dataset: a pydicom Dataset.
        where: the film, for errors.

    Returns:
        (H, W) uint16, padding is 0; and lines of history.
    """
    stored = stored_values(dataset, where)
    padding = padding_of(stored, dataset)
    history = []
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    # "01" also where the file is not compressed any more: what was lost stays lost.
    if syntax in _LOSSY or str(dataset.get("LossyImageCompression", "")) == "01":
        history.append("was compressed with loss")
    values, line = _after_modality(stored, dataset)
    history.append(line)
    if padding.all():
        raise ImageError(f"{where}: all border, every pixel is padding; wanted a mammogram")
    if for_processing(dataset):
        pixels, lines = _from_raw(values, padding, dataset)
    else:
        pixels, lines = _for_viewing(values, padding, dataset, where)
    history += lines
    if padding.any():
        # Last: an inversion would make it white.
        pixels[padding] = 0
        history.append(f"padding ({100 * padding.mean():.1f} % of the pixels) set to 0")
    return pixels, tuple(history)


def for_processing(dataset: Any) -> bool:
    """Return whether the values are a detector's own (FOR PROCESSING), not made for viewing."""
    raw_classes = {"1.2.840.10008.5.1.4.1.1.1.2.1", "1.2.840.10008.5.1.4.1.1.1.1.1"}
    if str(dataset.get("SOPClassUID", "")) in raw_classes:
        return True
    return str(dataset.get("PresentationIntentType", "")).strip().upper() == "FOR PROCESSING"


def _after_modality(stored: npt.NDArray[Any], dataset: Any) -> tuple[Values, str]:
    """Return the values after the modality LUT, (H, W), and a line of history."""
    tables = dataset.get("ModalityLUTSequence")
    if tables:
        values, _ = _through_table(stored.astype(np.float64), tables[0], dataset)
        return values, "modality LUT"
    slope = float(dataset.get("RescaleSlope", 1) or 1)
    intercept = float(dataset.get("RescaleIntercept", 0) or 0)
    values = stored.astype(np.float64) * slope + intercept
    if (slope, intercept) == (1.0, 0.0):
        return values, "no modality LUT: stored values"
    return values, f"modality LUT: values x {slope:g} + {intercept:g}"


def _through_table(values: Values, table: Any, dataset: Any) -> tuple[Values, float]:
    """Return values looked up in a table of DICOM, and the highest value that it has."""
    entries = int(table.LUTDescriptor[0])
    first = int(table.LUTDescriptor[1])
    entries = entries or 65536  # 0 stands for it: the number has 16 bits (PS3.3 C.11.1.1)
    data = table.LUTData
    if isinstance(data, bytes):
        has_two_bytes = len(data) >= 2 * entries
        lut = np.frombuffer(data, "<u2" if has_two_bytes else "u1").astype(np.float64)
    else:
        lut = np.array(data, np.float64)  # (entries,)
    if lut.size < entries:
        raise ImageError(f"a table of {entries} values has {lut.size}; export the image again")
    # Where pixels have a sign, this has one too; read without it, it is 65536 too large.
    if int(dataset.get("PixelRepresentation", 0)) == 1 and first >= 32768:
        first -= 65536
    # What lies below or above the table has its first or its last value.
    places = np.clip(np.round(values) - first, 0, entries - 1)
    highest = float(lut[:entries].max())
    return lut[places.astype(np.int64)], highest


def _for_viewing(values: Values, padding: Mask, dataset: Any, where: str) -> tuple[Grey, list[str]]:
    tables = dataset.get("VOILUTSequence")
    lines = []
    if tables:
        try:
            looked_up, highest = _through_table(values, tables[0], dataset)
        except ImageError as cause:
            raise ImageError(f"{where}: VOI LUT: {cause}") from None
        pixels = as_grey(looked_up, 0.0, highest)
        several = f", the first of {len(tables)}" if len(tables) > 1 else ""
        lines.append(f"VOI LUT{several}")
    else:
        pixels, lines = _through_window(values, padding, dataset)
    line = _inversion(dataset)
    if line:
        pixels = np.asarray(65535 - pixels, np.uint16)
        lines.append(line)
    return pixels, lines


def _through_window(values: Values, padding: Mask, dataset: Any) -> tuple[Grey, list[str]]:
    centres = _numbers(dataset, "WindowCenter")
    widths = _numbers(dataset, "WindowWidth")
    function = str(dataset.get("VOILUTFunction", "") or "LINEAR").strip().upper()
    least = 1.0 if function == "LINEAR" else 0.0  # PS3.3 C.11.2.1.2.1 wants 1 at least
    usable = bool(centres and widths) and widths[0] >= least and widths[0] > 0
    if usable and function in WINDOWS:
        centre = centres[0]
        width = widths[0]
        share = WINDOWS[function](values, centre, width)
        line = f"window {function} {centre:g} wide {width:g}"
        if len(centres) > 1:
            line += f", the first of {len(centres)}"
        return as_grey(share, 0.0, 1.0), [line]
    film = values[~padding]
    low = float(film.min())
    high = float(film.max())
    cause = "no window in the header"
    if centres or widths:
        cause = "the header's window cannot be used"
        if usable:
            cause = f"window function '{in_short(function, 40)}' is not known"
    line = f"{cause}: scaled from {low:g} to {high:g}, all there is"
    return as_grey(values, low, high), [line]


def _numbers(dataset: Any, name: str) -> list[float]:
    value = dataset.get(name)
    if value is None or value == "":
        return []
    # pydicom gives one value as it is, several as a sequence.
    is_several = hasattr(value, "__iter__") and not isinstance(value, str)
    return [float(number) for number in value] if is_several else [float(value)]


def linear(values: Values, centre: float, width: float) -> Values:
    """Return the share of white of window LINEAR (PS3.3 C.11.2.1.2.1), 0 to 1."""
    if width <= 1:  # a step: the formula would divide by 0
        return (values > centre - 0.5).astype(np.float64)
    share = (values - (centre - 0.5)) / (width - 1) + 0.5
    return np.clip(share, 0.0, 1.0)


def linear_exact(values: Values, centre: float, width: float) -> Values:
    """Return the share of white of window LINEAR_EXACT (PS3.3 C.11.2.1.3.2), 0 to 1."""
    return np.clip((values - centre) / width + 0.5, 0.0, 1.0)


def sigmoid(values: Values, centre: float, width: float) -> Values:
    """Return the share of white of window SIGMOID (PS3.3 C.11.2.1.3.1), 0 to 1."""
    steps = -4.0 * (values - centre) / width
    steps = np.clip(steps, -60.0, 60.0)  # exp must not overflow
    return 1.0 / (1.0 + np.exp(steps))


WINDOWS = {"LINEAR": linear, "LINEAR_EXACT": linear_exact, "SIGMOID": sigmoid}


def _inversion(dataset: Any) -> str:
    """Return why the image has to be inverted after the VOI, "" when it has not."""
    reasons = []
    if str(dataset.get("PhotometricInterpretation", "")).strip() == "MONOCHROME1":
        reasons.append("MONOCHROME1")
    if str(dataset.get("PresentationLUTShape", "")).strip() == "INVERSE":
        reasons.append("PresentationLUTShape INVERSE")
    return f"inverted: {' and '.join(reasons)}" if reasons else ""


def _from_raw(values: Values, padding: Mask, dataset: Any) -> tuple[Grey, list[str]]:
    """Return a detector's own values as a film: logarithm of the exposure, dense is bright."""
    lines = ["FOR PROCESSING: the detector's own values, the maker's processing is missing"]
    relation = str(dataset.get("PixelIntensityRelationship", "LIN") or "LIN").strip().upper()
    sign = int(dataset.get("PixelIntensityRelationshipSign", 1) or 1)
    if relation != "LOG":
        if sign < 0:
            most = float((1 << int(dataset.get("BitsStored", 16))) - 1)
            values = most - values  # grows with the exposure now
            sign = 1
        values = np.log(np.maximum(values, 1.0))
        lines.append("logarithm")
    if sign > 0:
        values = -values
        lines.append("inverted: more exposure is less tissue")
    # Not the extremes: single dead or hot pixels would take the range.
    film = values[~padding]
    low, high = np.percentile(film, [0.1, 99.9]).tolist()
    lines.append("scaled between its 0.1 and 99.9 percentiles, windows of the header not used")
    return as_grey(values, low, high), lines
