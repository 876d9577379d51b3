from pathlib import Path

import pytest

from breastseg.cloud.address import Address, Found
from breastseg.cloud.credentials import check_credentials
from breastseg.cloud.store import Bucket
from breastseg.errors import ImageError, InputError
from breastseg.transfer import connection
from s3_server import SECRET, serve_s3

obstore = pytest.importorskip("obstore")
TOP = Address.parse("s3://b/")


@pytest.fixture(params=["memory", "local"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    from obstore.store import LocalStore, MemoryStore

    return Bucket(TOP, MemoryStore() if request.param == "memory" else LocalStore(tmp_path))


def _file(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def test_what_is_put_is_listed_looked_at_and_read(
    bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytes(range(256)) * 9000  # more than a piece
    path = _file(tmp_path_factory.mktemp("here"), data)
    for key in ("d/b.svs", "d/a.svs", "dd/c.svs"):
        bucket.put(path, key)
    listed = bucket.list("d/")
    assert [one.address.key for one in listed] == ["d/a.svs", "d/b.svs"]
    found = bucket.look("d/a.svs")
    assert found == listed[0]
    assert found.size == len(data)
    assert b"".join(bucket.stream(found, 0)) == data
    assert b"".join(bucket.stream(found, 1000)) == data[1000:]
    bucket.remove("d/a.svs")
    bucket.remove("d/a.svs")
    with pytest.raises(ImageError, match=r"s3://b/d/a.svs: not there"):
        bucket.look("d/a.svs")


def test_an_object_that_changes_is_refused(
    bucket: Bucket, tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("here")
    bucket.put(_file(here, b"one"), "a.svs")
    before = bucket.look("a.svs")
    bucket.put(_file(here, b"two, longer"), "a.svs")
    for start in (0, 1):
        with pytest.raises(ImageError, match=r"changed since it was looked at"):
            list(bucket.stream(before, start))


def test_a_listing_has_a_limit(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = _file(tmp_path_factory.mktemp("here"), b"x")
    for number in range(4):
        bucket.put(path, f"d/{number}.svs")
    with pytest.raises(InputError, match=r"more than 3 objects"):
        bucket.list("d/", most=3)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_a_bucket_without_rights_is_one_line_without_secrets(
    method: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        store.forbidden.add(method)
        bucket = Bucket(TOP)
        path = _file(tmp_path, b"x")
        asks = {
            "PUT": lambda: bucket.put(path, "k"),
            "HEAD": lambda: bucket.look("k"),
            "GET": lambda: bucket.list("d/"),
        }
        with pytest.raises(InputError, match=r"no right to") as raised:
            asks[method]()
    said = str(raised.value)
    assert SECRET not in said
    assert "somebody" not in said
    assert "\n" not in said
    assert any("somebody" in header for header in store.authorized)  # it had asked with them


def test_what_may_pass_is_tried_again_and_ends_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("breastseg.cloud.store._RETRIES", {"max_retries": 0})
    with pytest.raises(InputError, match=r"no connection, or it broke, 6 times"):
        Bucket(TOP).look("k")


def test_large_files_go_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = bytes(12 << 20)
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        Bucket(TOP).put(_file(tmp_path, data), "k")
        assert store.objects["b/k"] == data
        assert store.keys("POST") == ["b/k", "b/k"]


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_without_credentials_nothing_is_asked(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """obstore would ask the metadata service of the machine, which nobody named."""
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "GCE_", "AZURE_", "IDENTITY_", "METADATA_")):
            monkeypatch.delenv(name)
    with pytest.raises(InputError, match=r"no credentials in the environment"):
        Bucket(Address.parse(f"{scheme}://b/k"))
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    check_credentials("s3", "s3://b")


def test_plain_http_is_refused_unless_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.0)
    monkeypatch.setattr("breastseg.cloud.store._RETRIES", {"max_retries": 0})
    with serve_s3() as store:
        for name, value in store.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_ALLOW_HTTP")
        with pytest.raises(InputError):
            Bucket(TOP).look("k")
        assert store.asked == []


def test_versions_tell_objects_apart() -> None:
    assert Found(TOP, 3, '"a"') != Found(TOP, 3, '"b"')
