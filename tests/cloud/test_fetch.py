from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from breastseg.cloud.address import Address
from breastseg.cloud.fetch import Objects, StoppedError, fetch
from breastseg.errors import ImageError, InputError
from breastseg.transfer import connection
from mirror_server import Mirror, answer, cut_after, running_mirror
from s3_server import Store, serve_s3

pytest.importorskip("obstore")
DATA = bytes(range(251)) * 20_000
KEY = Address.parse("s3://b/d/a.svs")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        store.objects["b/d/a.svs"] = DATA
        yield store


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    with running_mirror() as mirror:
        mirror.files["/d/a.svs"] = DATA
        yield mirror


def _web(mirror: Mirror, query: str = "") -> Address:
    return Address.parse(f"{mirror.address}/d/a.svs{query}")


def test_a_broken_connection_goes_on_by_ranges(store: Store, tmp_path: Path) -> None:
    store.breaks["b/d/a.svs"] = 8  # more often than obstore itself tries again
    objects = Objects()
    fetch(objects.look(KEY), tmp_path / "a.svs", objects)
    assert (tmp_path / "a.svs").read_bytes() == DATA
    ranges = [span for method, _, span in store.asked if method == "GET"]
    assert len(ranges) > 5
    assert all(span.startswith("bytes=") for span in ranges[1:])
    assert ranges[-1] != "bytes=0-"


def test_what_an_earlier_run_left_is_gone_on_with(store: Store, tmp_path: Path) -> None:
    objects, stop = Objects(), Event()
    store.on_get = lambda key: stop.set()
    with pytest.raises(StoppedError):
        fetch(objects.look(KEY), tmp_path / "a.svs", objects, stop=stop)
    assert not (tmp_path / "a.svs").exists()
    (tmp_path / ".part-a.svs").write_bytes(DATA[:1000])
    store.asked.clear()
    fetch(objects.look(KEY), tmp_path / "a.svs", objects)
    assert [span.split("-")[0] for method, _, span in store.asked if method == "GET"] == [
        "bytes=1000"
    ]
    assert (tmp_path / "a.svs").read_bytes() == DATA


def test_what_is_left_of_another_version_is_not(store: Store, tmp_path: Path) -> None:
    objects = Objects()
    fetch(objects.look(KEY), tmp_path / "a.svs", objects)
    store.objects["b/d/a.svs"] = DATA[::-1]
    later = Objects()
    fetch(later.look(KEY), tmp_path / "a.svs", later)
    assert (tmp_path / "a.svs").read_bytes() == DATA[::-1]
    with pytest.raises(ImageError, match=r"changed since it was looked at"):
        fetch(objects.look(KEY), tmp_path / "a.svs", objects)
    assert not (tmp_path / "a.svs").exists()


def test_an_object_that_changes_in_the_middle_is_refused(store: Store, tmp_path: Path) -> None:
    objects = Objects()
    found = objects.look(KEY)
    store.breaks["b/d/a.svs"] = 1

    def change(key: str) -> None:
        if len(store.keys("GET")) == 2:
            store.objects[key] = DATA[::-1]

    store.on_get = change
    with pytest.raises(ImageError, match=r"changed since it was looked at"):
        fetch(found, tmp_path / "a.svs", objects)
    assert list(tmp_path.glob("*a.svs")) == []


@pytest.mark.parametrize("ranges", [True, False])
def test_the_web_breaks_and_goes_on(mirror: Mirror, ranges: bool, tmp_path: Path) -> None:
    mirror.ranges = ranges
    objects = Objects()
    found = objects.look(_web(mirror))
    assert found.size == len(DATA)
    mirror.faults["/d/a.svs"] = [cut_after(300_000), cut_after(700_000)]
    fetch(found, tmp_path / "a.svs", objects)
    assert (tmp_path / "a.svs").read_bytes() == DATA


def test_the_web_changes_and_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    objects = Objects()
    found = objects.look(_web(mirror))
    mirror.files["/d/a.svs"] = DATA[::-1]
    with pytest.raises(ImageError, match=r"changed since it was looked at"):
        fetch(found, tmp_path / "a.svs", objects)
    assert list(tmp_path.glob("*a.svs")) == []


def test_a_signature_is_in_no_message_and_no_note(mirror: Mirror, tmp_path: Path) -> None:
    objects = Objects()
    address = _web(mirror, "?sig=secret")
    mirror.files["/d/a.svs?sig=secret"] = DATA
    fetch(objects.look(address), tmp_path / "a.svs", objects)
    assert any("sig=secret" in path for path in mirror.paths())
    notes = [path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert notes
    assert not any(b"secret" in note for note in notes)
    gone = Address.parse(f"{mirror.address}/no.svs?sig=secret")
    with pytest.raises(InputError, match=r"404") as raised:
        objects.look(gone)
    assert "secret" not in str(raised.value)
    assert "mirror" not in str(raised.value)


def test_a_redirect_to_another_host_is_not_followed(mirror: Mirror) -> None:
    mirror.faults["/d/a.svs"] = [answer(302, Location="http://elsewhere.invalid/a.svs")]
    with pytest.raises(InputError, match=r"leads to elsewhere.invalid"):
        Objects().look(_web(mirror))
