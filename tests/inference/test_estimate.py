"""What a map will take."""

from pathlib import Path

import pytest

from breastseg.errors import InputError
from breastseg.inference.estimate import Forecast, check_disk


@pytest.mark.parametrize(
    ("seconds", "text"), [(12.4, "about 12 s"), (90.0, "about 90 s"), (91.0, "about 1.5 min")]
)
def test_a_long_time_is_told_in_minutes(seconds: float, text: str) -> None:
    told = str(Forecast(seconds, disk_bytes=3e6, memory_bytes=450e6))
    assert told == f"{text}, 3 MB of disk, 450 MB of memory"


def test_a_disk_without_the_room_is_named_before_anything_is_written(tmp_path: Path) -> None:
    out = tmp_path / "not" / "made"
    check_disk(Forecast(1.0, disk_bytes=1.0, memory_bytes=1.0), out)
    with pytest.raises(InputError, match="--out"):
        check_disk(Forecast(1.0, disk_bytes=1e18, memory_bytes=1.0), out)
    assert not out.exists()
