"""Fetching mini-MIAS from a small server on localhost: whole and checked, or an error."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from breastseg.cli.main import main
from breastseg.errors import IncompleteError, InputError
from breastseg.files import sha256_of
from breastseg.mammography import mini_mias_check, mini_mias_download
from breastseg.mammography.mini_mias_check import Sums, release_sums
from breastseg.mammography.mini_mias_download import (
    PLACES,
    download_mini_mias,
    release_files,
)
from breastseg.reporter import Reporter
from breastseg.transfer import connection
from breastseg.transfer.connection import opener_for
from breastseg.transfer.places import Place
from conftest import quiet
from mammograms import paint_mini_mias
from mirror_server import Mirror, cut_after, exchange, running_mirror


@pytest.fixture
def painted(tmp_path: Path) -> dict[str, Path]:
    """The files of a painted release, by name."""
    folder = paint_mini_mias(tmp_path / "release")
    (folder / "Licence.txt").write_text("research only")
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, painted: dict[str, Path]) -> Iterator[Mirror]:
    """A server with the painted release, which counts as the real one."""
    sums, texts = {}, {}
    for name, path in painted.items():
        data = path.read_bytes()
        if path.suffix == ".pgm":
            grey = np.frombuffer(data[17:], np.uint8).reshape(1024, 1024).astype(np.uint16) * 257
            sums[path.stem] = Sums(mini_mias_check._digest(grey), sha256_of(path))
        else:
            texts[name] = (len(data), sha256_of(path))
    monkeypatch.setattr(mini_mias_check, "release_sums", lambda: sums)
    monkeypatch.setattr(mini_mias_download, "release_sums", lambda: sums)
    monkeypatch.setattr(mini_mias_download, "_TEXTS", texts)
    rows = sorted(" ".join(row) for row in mini_mias_check.mini_mias.table_rows(path.parent))
    digest = mini_mias_check.hashlib.sha256("\n".join(rows).encode()).hexdigest()
    monkeypatch.setattr(mini_mias_check, "ROWS_SHA256", digest)
    monkeypatch.setattr(connection, "WAIT_S", 0.001)
    with running_mirror() as running:
        for name, path in painted.items():
            running.files[f"/{name}"] = path.read_bytes()
        yield running


def local(mirror: Mirror) -> Place:
    return Place(
        "github",
        mirror.address,
        "painted films",
        ("127.0.0.1",),
        lambda _: release_files(mirror.address),
        licence=mini_mias_download.LICENCE,
    )


def test_all_files_come_and_fit_the_release(mirror: Mirror, tmp_path: Path) -> None:
    mirror.faults["/mdb002.pgm"] = [cut_after(100_000)]
    said: list[str] = []
    paths = download_mini_mias(local(mirror), tmp_path / "copy", reporter=Reporter(said.append))
    assert [path.name for path in paths[:2]] == ["Info.txt", "Licence.txt"]
    for path in paths:
        assert path.read_bytes() == mirror.files[f"/{path.name}"]
    assert "research only" in said[2]
    asked = len(mirror.asked)
    download_mini_mias(local(mirror), tmp_path / "copy", reporter=quiet)
    assert len(mirror.asked) == asked  # all of it is here


def test_a_film_that_was_altered_is_not_kept(mirror: Mirror, tmp_path: Path) -> None:
    altered = bytearray(mirror.files["/mdb003.pgm"])
    altered[5000] ^= 1
    mirror.faults["/mdb003.pgm"] = [exchange(bytes(altered))]
    with pytest.raises(InputError, match=r"mdb003\.pgm: wrong checksum: SHA-256 .* wanted"):
        download_mini_mias(local(mirror), tmp_path / "copy", reporter=quiet)
    assert not (tmp_path / "copy" / "mdb003.pgm").exists()


def test_a_copy_that_is_not_the_release_is_an_error(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mini_mias_check, "ROWS_SHA256", "0" * 64)
    with pytest.raises(IncompleteError, match=r"rows of Info\.txt are not those of the release"):
        download_mini_mias(local(mirror), tmp_path / "copy", reporter=quiet)


def test_the_mirrors_are_listed_and_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "mini-mias"]) == 0
    shown = capsys.readouterr().out
    assert "https://github.com/theidentity/MammogramVisualization" in shown
    assert shown.count("licence: MIAS, for research only") == len(PLACES)
    assert "fetch with breastseg download mini-mias --mirror NAME --out FOLDER" in shown


def test_what_is_fetched_by_hand_says_how(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["download", "mini-mias", "--mirror", "essex", "--out", str(tmp_path / "copy")]
    assert main(words) == 2
    assert "nothing was fetched, it is served without encryption" in capsys.readouterr().err
    assert not (tmp_path / "copy").exists()


def test_every_film_of_the_release_is_listed_with_its_checksum() -> None:
    list_files = PLACES["github"].list_files
    assert list_files is not None
    files = list_files(opener_for(()))
    assert len(files) == 322 + 2
    assert sum(file.size or 0 for file in files) == 322 * 1048593 + 9860 + 1720
    known = {sums.pgm for sums in release_sums().values()}
    assert known == {file.sha256 for file in files if file.path.endswith(".pgm")}
    address = "https://raw.githubusercontent.com/theidentity/MammogramVisualization/a2e6552222e9"
    assert all(file.url.startswith(address) for file in files)
