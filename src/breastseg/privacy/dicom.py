"""One DICOM slide, a folder of files or a single one: copied without what tells of a person.

The header is written anew by pydicom; the pixels are copied byte by byte, so that no more than a
megabyte of them is held.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from breastseg.errors import ImageError, MissingPackageError
from breastseg.images.dicom_headers import guarded_dicom
from breastseg.privacy.dicom_clean import Cleaner
from breastseg.privacy.findings import Finding, Level, check_same, hash_of, pieces
from breastseg.privacy.tiff_proof import check_head

_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_PIXELS = b"\xe0\x7f\x10\x00"
_UNDEFINED = 0xFFFFFFFF
_STAY = ("VOLUME", "THUMBNAIL")


def look_at_dicom(path: Path) -> list[Finding]:
    """Return what the files of a DICOM slide give away."""
    cleaner = Cleaner(b"")
    for number, file in enumerate(files_of(path), start=1):
        with guarded_dicom(str(file)):
            place = f"file {number}"
            header, _ = _header(file)
            left_out = _left_out(header, file)
            if left_out:
                cleaner.found.setdefault(Finding(place, "the whole file", left_out))
            cleaner.clean(header, place)
    return list(cleaner.found)


def files_of(path: Path) -> list[Path]:
    """Return the files of a slide: those of the folder, or the one file."""
    if not path.is_dir():
        return [path]
    files = [file for file in path.iterdir() if file.is_file()]
    return sorted(file for file in files if not file.name.startswith("."))


def copy_dicom(path: Path, out: Path, key: bytes) -> tuple[list[Finding], list[Level]]:
    """Copy a DICOM slide to the folder `out`, and prove the pixels.

    Args:
        path: a folder of DICOM files, or one.
        out: a folder that is there and empty.
        key: of the new identifiers; the same key gives the same.

    Raises:
        ImageError: a file is damaged, is not understood, or has writing in its pixels.
        MissingPackageError: pydicom is not installed.
    """
    cleaner = Cleaner(key)
    levels: list[Level] = []
    for number, file in enumerate(files_of(path), start=1):
        with guarded_dicom(str(file)):
            header, at = _header(file)
            left_out = _left_out(header, file)
            if left_out:
                cleaner.found.setdefault(Finding(f"file {number}", "the whole file", left_out))
                continue
            _check_open(header, file)
            new = cleaner.clean(header, f"file {number}")
            written = out / f"{len(levels) + 1:04d}.dcm"
            before = _prove(file, header, at, number)
            _write(file, at, new, written)
            # The copy is read again from the disk: what was written is proved, not what was meant.
            new_header, new_at = _header(written)
            after = _prove(written, new_header, new_at, number)
            check_same([before], [after], str(file))
            levels.append(after)
    if not levels:
        raise ImageError(f"{path}: no image of tissue in it (VOLUME), wanted a DICOM slide")
    return list(cleaner.found), levels


def _header(file: Path) -> tuple[Any, int]:
    """Return the data set before the pixels, and where the pixels' element begins.

    Raises:
        ImageError: no DICOM, or one that is compressed as a whole or written big end first.
    """
    try:
        import pydicom
    except ImportError:
        raise MissingPackageError(
            f"{file}: DICOM needs the package pydicom; pip install 'breastseg[dicom]'"
        ) from None
    with file.open("rb") as opened:
        try:
            header = pydicom.dcmread(opened, stop_before_pixels=True)
        except pydicom.errors.InvalidDicomError:
            raise ImageError(f"{file}: not a DICOM file; take it out of the folder") from None
        at = opened.tell()
    syntax = header.file_meta.get("TransferSyntaxUID", "")
    is_standard = getattr(syntax, "is_transfer_syntax", False) and not syntax.is_private
    # The pixels are found by their bytes in the file, which a deflated file does not have.
    if not is_standard or syntax.is_deflated or not syntax.is_little_endian:
        raise ImageError(
            f"{file}: a DICOM file compressed as a whole, big end first, or of an unknown transfer"
            " syntax; export it again"
        )
    if "EncryptedAttributesSequence" in header:
        raise ImageError(f"{file}: holds encrypted attributes, not understood; export it without")
    return header, at


def _left_out(header: Any, file: Path) -> str | None:
    """Return why a file is not copied; None for tissue."""
    if header.get("SOPClassUID") != _SLIDE:
        return "no whole slide image"
    words = [str(word) for word in header.get("ImageType") or []]
    # The third value is the flavour of the image (PS3.3 C.8.12.4.1.1).
    if len(words) < 3:
        raise ImageError(f"{file}: its Image Type does not say what it shows; export it again")
    if words[2] in _STAY:
        return None
    causes = {"LABEL": "label image", "OVERVIEW": "macro image (overview)"}
    return causes.get(words[2], "an image of another kind than VOLUME")


def _check_open(header: Any, file: Path) -> None:
    """Refuse pixels that say to hold writing or a label."""
    for keyword in ("BurnedInAnnotation", "SpecimenLabelInImage", "RecognizableVisualFeatures"):
        if header.get(keyword) == "YES":
            raise ImageError(
                f"{file}: {keyword} is YES, so that writing is in the pixels themselves; they would"
                " stay, choose another export"
            )


def _write(file: Path, at: int, new: Any, out: Path) -> None:
    """Write the new header and, behind it, the pixels of the old file as they are."""
    import pydicom

    pydicom.dcmwrite(out, new, enforce_file_format=True)
    with file.open("rb") as source, out.open("ab") as target:
        end = _pixel_end(source, at, new.file_meta.TransferSyntaxUID, file)
        for piece in pieces(source, at, end - at):
            target.write(piece)


def _pixel_start(source: BinaryIO, at: int, syntax: str, file: Path) -> tuple[int, int]:
    """Return where the value of Pixel Data begins and its length as written."""
    source.seek(at)
    head = source.read(12)
    if head[:4] != _PIXELS:
        raise ImageError(f"{file}: no pixels in it; export it again")
    # Implicit: tag, length. Explicit: tag, "OB" or "OW", two bytes of nothing, length (PS3.5 7.1).
    if syntax == _IMPLICIT:
        return at + 8, int.from_bytes(head[4:8], "little")
    return at + 12, int.from_bytes(head[8:12], "little")


def _pixel_end(source: BinaryIO, at: int, syntax: str, file: Path) -> int:
    """Return the byte behind the pixels."""
    start, length = _pixel_start(source, at, syntax, file)
    if length != _UNDEFINED:
        return start + length
    # Behind the last item stands a delimiter of 8 bytes.
    parts = list(_parts(source, start, file))
    if not parts:
        return start + 8
    last_start, last_length = parts[-1]
    return last_start + last_length + 8


def _parts(source: BinaryIO, start: int, file: Path) -> Iterator[tuple[int, int]]:
    """Yield the items of encapsulated pixels, as (start, length): the offset table, then tiles."""
    at = start
    end = source.seek(0, 2)
    while True:
        source.seek(at)
        head = source.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] == _END:
            return
        if head[:4] != _ITEM or at + 8 + length > end:
            raise ImageError(f"{file}: cut short or damaged (in its pixels); export it again")
        yield at + 8, length
        at += 8 + length


def _prove(file: Path, header: Any, at: int, number: int) -> Level:
    """Return the hash of all tiles of a file."""
    syntax = header.file_meta.TransferSyntaxUID
    digest = hashlib.sha256()
    with file.open("rb") as source:
        start, length = _pixel_start(source, at, syntax, file)
        if length == _UNDEFINED:
            parts = list(_parts(source, start, file))
        else:
            parts = _frames(header, start, length, file)
        for place, part_length in parts:
            source.seek(place)
            check_head(source.read(min(part_length, 65536)), file)
            digest.update(hash_of(source, place, part_length))
    return Level(
        f"file {number}",
        int(header.TotalPixelMatrixColumns),
        int(header.TotalPixelMatrixRows),
        tiles=int(header.NumberOfFrames),
        bytes=sum(length for _, length in parts),
        sha256=digest.hexdigest(),
    )


def _frames(header: Any, start: int, length: int, file: Path) -> list[tuple[int, int]]:
    """Return the frames of pixels that are not compressed."""
    samples = int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
    frame_bytes = samples * int(header.BitsAllocated) // 8
    count = int(header.NumberOfFrames)
    # A value of odd length has a byte more: lengths in DICOM are even.
    if count < 1 or frame_bytes < 1 or not 0 <= length - frame_bytes * count <= 1:
        raise ImageError(f"{file}: cut short or damaged (its pixels do not fill its frames)")
    frames = []
    for number in range(count):
        frames.append((start + number * frame_bytes, frame_bytes))
    return frames
