"""The list of what stays, held against the profile of the standard."""

import itertools

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from breastseg.privacy.dicom_keep import CODES, DUMMIES, EMPTIED, KEEP, NEW_UIDS, SEQUENCES


def test_nothing_stays_that_the_profile_of_the_standard_takes_away() -> None:
    table = pytest.importorskip(
        "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c",
        reason="dicom-anonymizer has the table E.1-1 of PS3.15",
    )
    named = {tuple(tag[:2]) for tag in table.ALL_TAGS}
    assert len(named) > 600
    for keyword in KEEP | SEQUENCES:
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        assert (tag >> 16, tag & 0xFFFF) not in named, keyword
    replaced = set(table.U_TAGS)
    for keyword in NEW_UIDS - {"SOPInstanceUIDOfConcatenationSource"}:
        tag = tag_for_keyword(keyword)
        assert (tag >> 16, tag & 0xFFFF) in replaced, keyword


def test_an_attribute_has_one_fate_alone() -> None:
    fates = [KEEP, SEQUENCES, NEW_UIDS, frozenset(EMPTIED), frozenset(DUMMIES)]
    for first, second in itertools.combinations(fates, 2):
        assert not first & second


def test_every_name_is_one_of_the_standard() -> None:
    for keyword in (*KEEP, *SEQUENCES, *NEW_UIDS, *EMPTIED, *DUMMIES, *CODES):
        assert tag_for_keyword(keyword) is not None, keyword
    for keyword in SEQUENCES:
        assert dictionary_VR(keyword) == "SQ", keyword
    for keyword in KEEP:
        assert dictionary_VR(keyword) not in {"PN", "DA", "TM", "DT", "LO", "SH", "UT"}, keyword
