"""Aperio's ImageDescription: the few parts that readers need are written again, all else is left
out.

It looks like `Aperio Image Library v11.2.1\\r\\n46000x32914 [0,0 46000x32914] (256x256) JPEG/RGB
Q=30|AppMag = 20|Date = 12/29/09|User = ...`. What is kept is named here, so that what nobody
thought of goes too.
"""

import re

from breastseg.privacy.findings import Finding

_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,12})?", re.ASCII)
KEPT = ("AppMag", "MPP", "OriginalWidth", "OriginalHeight", "Originalheight", "Left", "Top")
"""Parts that say how the pixels are to be read. Each is a number, or is left out."""

KINDS = {
    "Date": "date",
    "Time": "time",
    "Time Zone": "place",
    "User": "name of a person",
    "Filename": "name of a file",
    "Title": "name of the slide",
    "ImageID": "identifier",
    "ScanScope ID": "identifier of the scanner",
    "Slide": "identifier",
    "Barcode": "identifier",
    "Rack": "place in the scanner",
    "DSR ID": "name of a computer",
    "Parmset": "settings",
    "StripeWidth": "settings",
    "LineCameraSkew": "settings",
    "LineAreaXOffset": "settings",
    "LineAreaYOffset": "settings",
    "Focus Offset": "settings",
    "Gamma": "settings",
    "Filtered": "settings",
    "Exposure Time": "settings",
    "Exposure Scale": "settings",
    "DisplayColor": "settings",
    "SessonMode": "settings",
    "ICC Profile": "name of a colour profile",
    **dict.fromkeys(KEPT, "not a number"),
}
"""Known parts, with the kind of what stands in them; of others not even the name is told."""

_PROGRAM = re.compile(
    r"Aperio (?:Image Library|Leica Biosystems GT450|Image) v\d{1,3}(?:\.\d{1,5}){1,3}", re.ASCII
)
_SHAPE = re.compile(
    r"\d{1,7}x\d{1,7}(?: \[-?\d{1,7},-?\d{1,7} \d{1,7}x\d{1,7}\])?(?: \(\d{1,5}x\d{1,5}\))?"
    r"(?: -> \d{1,7}x\d{1,7})?",
    re.ASCII,
)
_CODEC = re.compile(r"\b(?:JPEG/RGB|JPEG/YCC|J2K/KDU|J2K/YUV16|LZW|J2K) ?(?:Q=\d{1,3})?", re.ASCII)
_FALLBACK = "Aperio"
"""Readers know the format by its first word, and read the size from the second line."""


def clean_description(text: str, place: str) -> tuple[str, list[Finding]]:
    """Return what is kept of a description, and what was removed."""
    head, *parts = text.split("|")
    clean_parts = [_clean_head(head)]
    findings = []
    if _letters(head) != _letters(clean_parts[0]):
        findings.append(Finding(place, "ImageDescription", "text in its first lines"))
    for part in parts:
        name, _, value = part.partition("=")
        name = name.strip()
        value = value.strip()
        if name in KEPT and _NUMBER.fullmatch(value):
            clean_parts.append(f"{name} = {value}")
        elif name or value:
            # A name that is not known may be a person's: it is not repeated.
            shown = name if name in KINDS else "(a part that is not known)"
            kind = KINDS.get(name, "unknown")
            findings.append(Finding(place, f"ImageDescription |{shown}", kind))
    return "|".join(clean_parts), findings


def _clean_head(head: str) -> str:
    """Return the program, sizes and codec of one or more generations, and nothing else."""
    clean = []
    for generation in head.split(";"):
        first, _, rest = generation.partition("\n")
        program = _PROGRAM.match(first)
        shape = _SHAPE.match(rest.strip())
        codec = _CODEC.search(rest)
        # Only what the patterns matched is written: never the rest of a line.
        facts = [match[0] for match in (shape, codec) if match]
        if program or facts:
            first_line = program[0] if program else _FALLBACK
            clean.append(f"{first_line}\r\n{' '.join(facts)}".rstrip())
    return ";".join(clean) or _FALLBACK


def _letters(text: str) -> str:
    """Return a text without blanks and dashes, which say nothing of a person."""
    return re.sub(r"[\s-]", "", text)


def is_label_or_macro(text: str) -> bool:
    """Return whether a description says that its image is no tissue at high magnification."""
    return re.search(r"\b(label|macro|barcode|overview)\b", text, re.IGNORECASE) is not None
