"""What pydicom raises becomes one line, and UIDs depend on what they are made of."""

import warnings

import pytest

from breastseg.errors import ImageError, ModelError
from breastseg.images.dicom_headers import guarded_dicom, uids_from


def test_a_fault_of_a_header_is_one_line_without_its_values() -> None:
    with (
        pytest.raises(ImageError, match=r"^a\.dcm: a damaged DICOM file \(KeyError\)") as caught,
        guarded_dicom("a.dcm"),
    ):
        raise KeyError("DOE^JANE")
    assert "DOE" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [ModelError("ours"), FileNotFoundError("gone"), MemoryError(), KeyboardInterrupt()]
)
def test_what_is_not_the_headers_fault_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, guarded_dicom("a.dcm"):
        raise error
    assert caught.value is error


def test_warnings_of_values_are_kept_quiet() -> None:
    with warnings.catch_warnings(record=True) as heard, guarded_dicom("a.dcm"):
        warnings.warn("DOE^JANE is no date", stacklevel=1)
    assert heard == []


def test_uids_are_the_same_for_the_same_parts_and_others_for_others() -> None:
    uid = uids_from(["study", "slide"])
    assert uid("series") == uids_from(["study", "slide"])("series")
    assert len({uid("series"), uid("instance"), uids_from(["study", "other"])("series")}) == 3


def test_a_uid_is_one_that_needs_no_registration() -> None:
    """2.25 and a whole number of at most 128 bits, without leading zeros: 64 letters at most."""
    for name in map(str, range(50)):
        uid = uids_from([name])(name)
        root, number = uid[:5], uid[5:]
        assert root == "2.25."
        assert str(int(number)) == number
        assert int(number) < 2**128
        assert len(uid) <= 64
