"""The header of a DICOM slide with what `dicom_keep` lets stay; needs pydicom."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any

from breastseg.privacy.dicom_keep import (
    CODES,
    DUMMIES,
    EMPTIED,
    KEEP,
    NEW_UIDS,
    SEQUENCES,
    VR_KINDS,
)
from breastseg.privacy.findings import Finding

_ROOT = "2.25."
_TYPE_WORDS = frozenset(
    ("ORIGINAL", "DERIVED", "PRIMARY", "VOLUME", "THUMBNAIL", "RESAMPLED", "NONE")
)
_OUTERMOST = frozenset((*EMPTIED, *DUMMIES, "SpecimenDescriptionSequence"))
_WORD = re.compile(r"[A-Z0-9_ ]{0,16}")
_DONE = "PS3.15 basic profile, by a list of what stays; pixels as before"
"""At most 64 letters."""


class Cleaner:
    """Cleans the headers of several files alike: one identifier becomes one new identifier."""

    def __init__(self, key: bytes) -> None:
        """Take a key; the same key gives the same new identifiers."""
        self._key = key
        self._paths: dict[str, str] = {}
        self.found: dict[Finding, None] = {}  # a set that keeps its order

    def clean(self, old: Any, place: str) -> Any:
        """Return a new data set; what is removed is noted in `found`.

        Args:
            old: a pydicom Dataset, without pixels.
            place: for the notes.
        """
        from pydicom.dataset import Dataset, FileMetaDataset

        new = self._dataset(old, place, whole=True)
        for keyword in EMPTIED:
            if keyword in old and old[keyword].value not in (None, ""):
                self._note(old[keyword], place)
            setattr(new, keyword, "")
        for keyword, value in DUMMIES.items():
            if keyword in old:
                self._note(old[keyword], place)
                setattr(new, keyword, value)
        self._specimens(old, new, place)
        if "AcquisitionContextSequence" in old:  # must be there, may be empty
            new.AcquisitionContextSequence = []
        new.PatientIdentityRemoved = "YES"
        new.DeidentificationMethod = _DONE
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
        code.CodeMeaning = "Basic Application Confidentiality Profile"
        new.DeidentificationMethodCodeSequence = [code]
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = new.SOPClassUID
        meta.MediaStorageSOPInstanceUID = new.SOPInstanceUID
        meta.TransferSyntaxUID = old.file_meta.TransferSyntaxUID
        new.file_meta = meta
        self.found.setdefault(Finding(place, "file head: preamble and sender", "program"))
        return new

    def uid(self, old: str) -> str:
        """Return the new identifier in place of an old one."""
        # With a key: whoever guesses an identifier could hold it against a plain hash.
        digest = hmac.new(self._key, str(old).encode(), hashlib.sha256).digest()
        # 128 bits, as a UUID has: behind the root 2.25 at most 44 of the 64 letters of a UID.
        return _ROOT + str(int.from_bytes(digest[:16], "big"))

    def _dataset(self, old: Any, place: str, *, whole: bool = False) -> Any:
        """Return what stays of a data set; `clean` sees to what stands in the outermost alone."""
        from pydicom.dataset import Dataset

        new = Dataset()
        for element in old:
            keyword = element.keyword
            if whole and (keyword in _OUTERMOST):
                continue
            if keyword in NEW_UIDS:
                setattr(new, keyword, self.uid(element.value))
                self._note(element, place)
            elif keyword in SEQUENCES and element.VR == "SQ":
                items = [self._item(keyword, item, place) for item in element.value]
                setattr(new, keyword, [item for item in items if len(item)])
            elif keyword == "OpticalPathIdentifier":
                # Frames name their path by it: any name will do, if it is the same everywhere.
                path = self._paths.setdefault(str(element.value), str(len(self._paths) + 1))
                setattr(new, keyword, path)
            elif keyword in {"ImageType", "FrameType"}:
                words = [word if word in _TYPE_WORDS else "NONE" for word in element.value]
                setattr(new, keyword, words)
            elif keyword in KEEP and _is_plain(element):
                new.add(element)
            else:
                self._note(element, place)
        return new

    def _item(self, keyword: str, item: Any, place: str) -> Any:
        if keyword.endswith("CodeSequence"):
            return self._code(item, place)
        return self._dataset(item, place)

    def _code(self, item: Any, place: str) -> Any:
        """Return a code with the meaning that the standard's tables give it; empty for others."""
        from pydicom.dataset import Dataset

        new = Dataset()
        scheme = str(item.get("CodingSchemeDesignator"))
        value = str(item.get("CodeValue"))
        meaning = _meaning(scheme, value)
        for element in item:
            if meaning is None or element.keyword not in CODES:
                self._note(element, place)
        # The meaning is text: that of the file may say anything, that of the tables cannot.
        if meaning is not None:
            new.CodeValue = value
            new.CodingSchemeDesignator = scheme
            new.CodeMeaning = meaning
        return new

    def _specimens(self, old: Any, new: Any, place: str) -> None:
        """Leave one nameless specimen for each that was there: the standard wants one."""
        from pydicom.dataset import Dataset

        if "SpecimenDescriptionSequence" not in old:
            return
        self._note(old["SpecimenDescriptionSequence"], place)
        items = []
        for number, specimen in enumerate(old.SpecimenDescriptionSequence, start=1):
            item = Dataset()
            item.SpecimenIdentifier = str(number)
            item.SpecimenUID = self.uid(specimen.get("SpecimenUID", str(number)))
            item.IssuerOfTheSpecimenIdentifierSequence = []
            item.SpecimenPreparationSequence = []
            items.append(item)
        new.SpecimenDescriptionSequence = items

    def _note(self, element: Any, place: str) -> None:
        self.found.setdefault(finding_of(element, place))


def finding_of(element: Any, place: str) -> Finding:
    """Return what is lost with an attribute: its keyword where the standard has one."""
    if element.tag.is_private:
        name = f"private attribute ({element.tag.group:04X},{element.tag.element:04X})"
        return Finding(place, name, "private: unknown")
    name = element.keyword or f"({element.tag.group:04X},{element.tag.element:04X})"
    return Finding(place, name, VR_KINDS.get(element.VR, "number"))


def _is_plain(element: Any) -> bool:
    """Return whether a value that stays is a number, the standard's own words, or colour tables."""
    if element.VR in {"LO", "SH", "LT", "ST", "UT", "UC", "PN", "DA", "TM", "DT", "SQ", "UN", "AE"}:
        return False
    if element.VR == "CS":
        return all(_WORD.fullmatch(str(word)) for word in _values(element.value))
    return True


def _values(value: Any) -> Iterator[Any]:
    """Yield the values of an attribute, which has none, one or several."""
    if value is None:
        return
    if isinstance(value, (str, bytes)):
        yield value
    elif hasattr(value, "__iter__"):
        yield from value
    else:
        yield value


def _meaning(scheme: str, value: str) -> str | None:
    """Return the meaning of a code in pydicom's copy of the standard's tables."""
    from pydicom.sr._concepts_dict import concepts

    for codes in concepts.get(scheme, {}).values():
        if value in codes:
            return str(codes[value][0])
    return None
