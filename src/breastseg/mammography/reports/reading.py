"""A file -> the text of a report, or one sentence that says why it is none."""

import codecs
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import InputError

MOST_BYTES = 2**18
"""Longest file that is read; reports have some kB."""
WANTED = "wanted the plain text of a mammography report (.txt, UTF-8)"
_SIGNATURES = (
    (b"%PDF", "a PDF", "export its text, as with pdftotext"),
    (b"{\\rtf", "an RTF document", "save it as plain text"),
    (b"PK\x03\x04", "a ZIP or Word document", "save it as plain text"),
    (b"\xd0\xcf\x11\xe0", "an old Word document", "save it as plain text"),
    (b"\x89PNG", "a PNG image", "give the text itself"),
    (b"\xff\xd8\xff", "a JPEG image", "give the text itself"),
    (b"II*\x00", "a TIFF image", "give the text itself"),
    (b"MM\x00*", "a TIFF image", "give the text itself"),
    (b"\x1f\x8b", "a gzip file", "unpack it"),
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_MARKUP = (
    (re.compile(r"\s*[{\[]\s*[\"{\[]"), "JSON", "give the text inside"),
    (re.compile(r"\s*<(?:[?!]|\w+[\s>])"), "XML or HTML", "save it as plain text"),
    (re.compile(r"\s*MSH\|"), "an HL7 message", "give the text of its OBX segments"),
)
"""Text that holds no running text."""
_ALLOWED = "\t\n\r\x0c"


@dataclass(frozen=True)
class Decoded:
    """The text of a file and as which its bytes were read."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def read_text(path: Path) -> Decoded:
    """Read the text of one report.

    UTF-8, UTF-16 and UTF-32 with a byte order mark, UTF-16 without one where every other byte is 0,
    and else Windows-1252, which a note then says.

    Raises:
        InputError: no such file, empty, larger than 256 KiB, or not text; the line says what it is.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: not found, {WANTED}") from None
    except OSError as cause:
        raise InputError(f"{path}: cannot be read ({cause.strerror or cause}), {WANTED}") from None
    if len(data) > MOST_BYTES:
        raise InputError(f"{path}: more than 256 KiB, {WANTED}; one report a file")
    return decode(data, str(path))


def decode(data: bytes, where: str) -> Decoded:
    """Return bytes as text; InputError, which begins with `where`, when they are none."""
    _refuse_others(data, where)
    decoded = _decoded(data, where)
    if not decoded.text.strip():
        raise InputError(f"{where}: empty, {WANTED}")
    for pattern, what, advice in _MARKUP:
        if pattern.match(decoded.text):
            raise InputError(f"{where}: {what}, {WANTED}; {advice}")
    for place, letter in enumerate(decoded.text):
        # Control characters, halves of pairs, and what is no character: a file of another kind.
        if unicodedata.category(letter) in {"Cc", "Cs", "Cn"} and letter not in _ALLOWED:
            line = decoded.text.count("\n", 0, place) + 1
            raise InputError(
                f"{where}: not text (character {ord(letter)} in line {line}), {WANTED}"
            )
    return decoded


def _refuse_others(data: bytes, where: str) -> None:
    if not data.strip():
        raise InputError(f"{where}: empty, {WANTED}")
    if data[128:132] == b"DICM":
        raise InputError(f"{where}: a DICOM file, {WANTED}; copy the text of the report out of it")
    for signature, what, advice in _SIGNATURES:
        if data.startswith(signature):
            raise InputError(f"{where}: {what}, {WANTED}; {advice}")


def _decoded(data: bytes, where: str) -> Decoded:
    # UTF-32 before UTF-16 in the table: its mark begins with that of UTF-16.
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            try:
                return Decoded(data.decode(codec).removeprefix("\ufeff"), name)
            except UnicodeDecodeError:
                raise InputError(f"{where}: not text (broken {name}), {WANTED}") from None
    codec = _sixteen_bits(data)
    if codec:
        note = "UTF-16 without a byte order mark, told by its zero bytes"
        try:
            return Decoded(data.decode(codec), "UTF-16", (note,))
        except UnicodeDecodeError:
            raise InputError(f"{where}: not text (broken UTF-16), {WANTED}") from None
    try:
        return Decoded(data.decode("utf-8"), "UTF-8")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # has a letter for each byte
    note = "Not UTF-8: read as Windows-1252 (Latin-1); letters with accents may be others."
    return Decoded(text, "Windows-1252", (note,))


def _sixteen_bits(data: bytes) -> str:
    """Return the codec of English UTF-16 without a mark: nearly every second byte is 0; else ""."""
    if len(data) < 8 or len(data) % 2:
        return ""
    half = len(data) // 2
    zeros_even = data[0::2].count(0)
    zeros_odd = data[1::2].count(0)
    if zeros_odd > 0.9 * half and zeros_even == 0:
        return "utf-16-le"
    if zeros_even > 0.9 * half and zeros_odd == 0:
        return "utf-16-be"
    return ""
