"""An object behind a web address: asked of the host that was named and of no other."""

from collections.abc import Iterator

import pytest

from breastseg.cloud.address import Address, Found
from breastseg.cloud.web import Web
from breastseg.errors import ImageError, InputError
from breastseg.transfer import connection
from breastseg.transfer.connection import BrokenError
from mirror_server import Mirror, answer, cut_after, running_mirror

DATA = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def server() -> Iterator[Mirror]:
    with running_mirror() as mirror:
        yield mirror


@pytest.fixture
def mirror(server: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    server.files = {"/d/a.svs": DATA, "/d/a.svs?key=secret": DATA}
    server.faults, server.asked = {}, []
    server.ranges = server.tagged = server.lengths = True
    return server


def address(mirror: Mirror, query: str = "") -> Address:
    return Address.parse(f"{mirror.address}/d/a.svs{query}")


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("start", [0, 1, 1000, len(DATA) - 1])
def test_the_rest_comes_whether_the_server_knows_ranges_or_not(
    mirror: Mirror, ranges: bool, start: int
) -> None:
    mirror.ranges = ranges
    web = Web(address(mirror))
    found = web.look(address(mirror))
    assert found.size == len(DATA)
    assert b"".join(web.stream(found, start)) == DATA[start:]


def test_a_signature_is_asked_and_never_told(mirror: Mirror) -> None:
    signed = address(mirror, "?key=secret")
    web = Web(signed)
    assert web.look(signed).size == len(DATA)
    mirror.files.clear()
    with pytest.raises(InputError, match=r"/d/a\.svs: not there any more") as caught:
        web.look(signed)
    assert "secret" not in str(caught.value)
    assert "check the address" in str(caught.value)
    assert all(path.endswith("?key=secret") for path in mirror.paths())


def test_another_object_than_was_looked_at_is_refused(mirror: Mirror) -> None:
    web = Web(address(mirror))
    found = web.look(address(mirror))
    mirror.files["/d/a.svs"] = DATA[::-1]
    with pytest.raises(ImageError, match="changed since it was looked at"):
        list(web.stream(found, 0))


def test_a_break_says_how_far_it_came(mirror: Mirror) -> None:
    web = Web(address(mirror))
    found = web.look(address(mirror))
    mirror.faults["/d/a.svs"] = [cut_after(5000)]
    with pytest.raises(BrokenError, match=f"ended after 5000 of {len(DATA)} bytes"):
        list(web.stream(found, 0))


def test_a_server_that_does_not_say_how_large_it_is_is_refused(mirror: Mirror) -> None:
    mirror.ranges = mirror.lengths = False
    with pytest.raises(InputError, match="does not say how large it is"):
        Web(address(mirror)).look(address(mirror))


def test_without_a_tag_the_date_is_the_version(mirror: Mirror) -> None:
    date = "Mon, 01 Jan 2024 00:00:00 GMT"
    mirror.faults["/d/a.svs"] = [
        answer(206, Content_Range=f"bytes 0-0/{len(DATA)}", Last_Modified=date)
    ]
    found = Web(address(mirror)).look(address(mirror))
    assert found == Found(address(mirror), len(DATA), date)
