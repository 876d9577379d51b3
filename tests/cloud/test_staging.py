from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from breastseg.cloud.address import Address, Found
from breastseg.cloud.fetch import Objects
from breastseg.cloud.staging import Staging
from breastseg.cloud.store import Bucket
from breastseg.errors import ImageError, InputError

obstore = pytest.importorskip("obstore")
ORDER = [Address.parse(f"s3://b/d/{name}.svs") for name in "abc"]


class _Heard(Bucket):
    """A bucket in memory that tells what is read of it."""

    def __init__(self, address: Address) -> None:
        from obstore.store import MemoryStore

        super().__init__(address, MemoryStore())
        self.read: list[str] = []
        self.came = Event()

    def stream(self, found: Found, start: int) -> Iterator[bytes]:
        self.read.append(found.address.name)
        yield from super().stream(found, start)
        if len(self.read) > 1:
            self.came.set()


@pytest.fixture
def bucket(tmp_path_factory: pytest.TempPathFactory) -> _Heard:
    bucket = _Heard(ORDER[0])
    path = tmp_path_factory.mktemp("here") / "file"
    for address in ORDER:
        path.write_bytes(address.name.encode() * 100)
        bucket.put(path, address.key)
    return bucket


def _staging(folder: Path, bucket: Bucket, **more: object) -> Staging:
    objects = Objects(lambda address: bucket)
    return Staging(folder, ORDER, lambda found: True, objects, **more)  # type: ignore[arg-type]


def _held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*.svs"))


def test_the_next_comes_while_one_is_used(bucket: _Heard, tmp_path: Path) -> None:
    staging = _staging(tmp_path, bucket)
    with staging.here(ORDER[0]) as path:
        assert path.read_bytes() == b"a.svs" * 100
        assert path.name == "a.svs"
        assert bucket.came.wait(10)
        assert bucket.read == ["a.svs", "b.svs"]
    with staging.here(ORDER[1]) as path:
        assert path.read_bytes() == b"b.svs" * 100
    with staging.here(ORDER[2]) as path:
        assert path.read_bytes() == b"c.svs" * 100
    staging.close()
    assert bucket.read == ["a.svs", "b.svs", "c.svs"]
    assert _held(tmp_path) == 0


def test_scratch_stays_under_its_limit(bucket: _Heard, tmp_path: Path) -> None:
    staging = _staging(tmp_path, bucket, limit_bytes=999)  # one has 500 bytes
    most = 0
    for address in ORDER:
        with staging.here(address):
            assert not bucket.came.wait(0.1) or address != ORDER[0]
            most = max(most, _held(tmp_path))
    staging.close()
    assert most == 500
    tight = _staging(tmp_path, bucket, limit_bytes=499)
    with pytest.raises(InputError, match=r"scratch in .* may take"), tight.here(ORDER[0]):
        pass
    tight.close()


def test_what_is_not_needed_is_not_fetched(bucket: _Heard, tmp_path: Path) -> None:
    objects = Objects(lambda address: bucket)
    staging = Staging(tmp_path, ORDER, lambda found: found.address == ORDER[2], objects)
    with staging.here(ORDER[0]):
        assert bucket.came.wait(10)
    staging.close()
    assert bucket.read == ["a.svs", "c.svs"]


def test_what_a_kill_left_is_used_or_removed(bucket: _Heard, tmp_path: Path) -> None:
    staging = _staging(tmp_path, bucket)
    with staging.here(ORDER[0]):
        assert bucket.came.wait(10)
    staging.close()  # b is here whole, and nobody asked for it
    assert _held(tmp_path) == 500
    bucket.read.clear()
    (tmp_path / "of-another-list").mkdir()
    again = _staging(tmp_path, bucket)
    assert not (tmp_path / "of-another-list").exists()
    with again.here(ORDER[1]) as path:
        assert path.read_bytes() == b"b.svs" * 100
    again.close()
    assert "b.svs" not in bucket.read


def test_one_that_is_gone_does_not_stop_the_next(bucket: _Heard, tmp_path: Path) -> None:
    bucket.remove(ORDER[1].key)
    staging = _staging(tmp_path, bucket)
    with staging.here(ORDER[0]):
        pass
    with pytest.raises(ImageError, match=r"not there"), staging.here(ORDER[1]):
        pass
    with staging.here(ORDER[2]) as path:
        assert path.read_bytes() == b"c.svs" * 100
    staging.close()
