"""A data set from one mirror into one folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from breastseg.errors import InputError, OutputError
from breastseg.files import WORK_FILE
from breastseg.reporter import Reporter
from breastseg.transfer.copies import download_copy
from breastseg.transfer.places import Place
from breastseg.transfer.remote import Remote
from mirror_server import Mirror, running_mirror


@pytest.fixture(scope="module")
def mirror() -> Iterator[Mirror]:
    with running_mirror() as mirror:
        mirror.files = {"/a": b"first", "/b": b"second"}
        yield mirror


def place(mirror: Mirror, *paths: str, name: str = "own") -> Place:
    """A mirror that lists the file /a under some paths."""
    files = [Remote(path, f"{mirror.address}/a", limit=100, size=5) for path in paths]
    return Place(
        name,
        "https://example.org/page",
        "two files",
        hosts=("127.0.0.1",),
        list_files=lambda opener: files,
        licence="CC0",
    )


def test_the_licence_is_said_before_anything_is_asked(mirror: Mirror, tmp_path: Path) -> None:
    said: list[str] = []
    mirror.asked.clear()
    asked_when_said: list[int] = []

    def hear(text: str) -> None:
        said.append(text)
        asked_when_said.append(len(mirror.asked))

    finished: list[Path] = []
    paths = download_copy(
        "set",
        place(mirror, "images/1.png", "2.png"),
        tmp_path / "out",
        reporter=Reporter(hear, bars=False),
        finish=finished.append,
    )
    assert said[2] == "licence: CC0"
    assert asked_when_said[2] == 0
    assert [path.read_bytes() for path in paths] == [b"first", b"first"]
    assert paths[0] == tmp_path / "out" / "images" / "1.png"
    assert finished == [tmp_path / "out"]


def test_what_is_here_is_not_asked_for_again(mirror: Mirror, tmp_path: Path) -> None:
    own = place(mirror, "1.png", "2.png")
    download_copy("set", own, tmp_path, reporter=Reporter(lambda text: None, bars=False))
    (tmp_path / "2.png").unlink()
    (tmp_path / ".part-3.png").write_bytes(b"of a killed run")
    mirror.asked.clear()
    download_copy("set", own, tmp_path, reporter=Reporter(lambda text: None, bars=False))
    assert len(mirror.asked) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.png", "2.png", WORK_FILE]


def test_a_folder_of_another_mirror_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    quiet = Reporter(lambda text: None, bars=False)
    download_copy("set", place(mirror, "1.png"), tmp_path, reporter=quiet)
    with pytest.raises(OutputError, match="mirror: 'own' there, 'other' now"):
        download_copy("set", place(mirror, "1.png", name="other"), tmp_path, reporter=quiet)


@pytest.mark.parametrize(
    "paths",
    [
        ("../1.png",),
        ("/etc/passwd",),
        ("a/../../b",),
        ("a//b",),
        (".hidden",),
        ("a\\b",),
        (WORK_FILE,),
        ("1.png", "1.PNG"),
        (),
    ],
)
def test_a_mirror_that_lists_what_is_no_place_here_is_refused(
    mirror: Mirror, tmp_path: Path, paths: tuple[str, ...]
) -> None:
    mirror.asked.clear()
    with pytest.raises(InputError, match="the mirror lists"):
        download_copy(
            "set",
            place(mirror, *paths),
            tmp_path / "out",
            reporter=Reporter(lambda text: None, bars=False),
        )
    assert mirror.asked == []


def test_no_room_is_told_before_anything_comes(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=4))
    with pytest.raises(InputError, match="GB to fetch"):
        download_copy(
            "set",
            place(mirror, "1.png"),
            tmp_path,
            reporter=Reporter(lambda text: None, bars=False),
        )
    assert not (tmp_path / "1.png").exists()


def test_a_mirror_that_wants_a_browser_is_never_contacted(tmp_path: Path) -> None:
    closed = Place("kaggle", "https://example.org", "files", by_hand="log in and save them")
    with pytest.raises(InputError, match="kaggle: nothing was fetched, log in"):
        download_copy(
            "set", closed, tmp_path / "out", reporter=Reporter(lambda text: None, bars=False)
        )
    assert not (tmp_path / "out").exists()


def test_a_link_out_of_the_folder_is_not_followed(mirror: Mirror, tmp_path: Path) -> None:
    quiet = Reporter(lambda text: None, bars=False)
    out = tmp_path / "out"
    download_copy("set", place(mirror, "1.png"), out, reporter=quiet)
    (tmp_path / "elsewhere").mkdir()
    (out / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"'link/2\.png', which is no place"):
        download_copy("set", place(mirror, "link/2.png"), out, reporter=quiet)
    assert not list((tmp_path / "elsewhere").iterdir())
