import pytest

from breastseg.cloud.address import Address, is_address
from breastseg.errors import InputError


@pytest.mark.parametrize(
    ("text", "bucket", "key"),
    [
        ("s3://b/dir/a.svs", "b", "dir/a.svs"),
        ("S3://b/what?#is.svs", "b", "what?#is.svs"),  # a key may have these
        ("gs://b", "b", ""),
        ("az://c/x/", "c", "x/"),
        ("https://h.org:8443/d/a.svs", "h.org:8443", "d/a.svs"),
    ],
)
def test_addresses_are_taken_apart(text: str, bucket: str, key: str) -> None:
    address = Address.parse(text)
    assert (address.bucket, address.key) == (bucket, key)


def test_a_query_is_asked_and_never_shown() -> None:
    address = Address.parse("https://h.org/a%20b.svs?X-Amz-Signature=secret")
    assert address.url.endswith("?X-Amz-Signature=secret")
    assert "secret" not in f"{address.shown} {address!r} {address.name}"
    assert address.name == "a b.svs"


@pytest.mark.parametrize(
    "text",
    ["ftp://h/a.svs", "file:///a.svs", "s3://", "s3:///key", "http://h.org/a.svs", "https://[/a"],
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"wanted|not encrypted"):
        Address.parse(text)


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match=r"credentials come from the environment") as raised:
        Address.parse("https://me:secret@h.org/a.svs")
    assert "secret" not in str(raised.value)


def test_paths_are_no_addresses() -> None:
    assert not any(map(is_address, ("C:\\slides\\a.svs", "s3/a.svs", "a:b.svs", "/x//y.svs")))
    assert is_address("s3://b/a.svs")
