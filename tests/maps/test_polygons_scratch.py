from pathlib import Path

from breastseg.maps.polygons.scratch import Kept, Scratch


def test_bytes_come_back_in_any_order_and_no_file_is_left(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        first, second = scratch.keep(b"abc"), scratch.keep(b"")
        third = scratch.keep(b"de")
        assert (first, second, third) == (Kept(0, 3), Kept(3, 0), Kept(3, 2))
        assert scratch.read(third) == b"de"
        assert scratch.read(first) == b"abc"
        assert scratch.read(second) == b""
        fourth = scratch.keep(b"f")  # after reading it is still appended
        assert (scratch.read(third), scratch.read(fourth)) == (b"de", b"f")
    assert list(tmp_path.iterdir()) == []
