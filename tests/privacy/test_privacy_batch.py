"""A folder of copies: names, tables, refusals, and what a kill or a full disk leaves."""

import csv
import errno
from pathlib import Path

import pytest

from breastseg.cli import main
from breastseg.errors import ImageError, InputError, OutputError
from breastseg.privacy import batch, deidentify, look_at
from private_slides import SECRETS, write_private_dicom, write_scanned_svs
from slide_files import levels_of, write_tiled


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    from private_slides import tissue

    folder = tmp_path / "in"
    folder.mkdir()
    write_scanned_svs(folder / "S09-1234 Miller.svs")
    write_tiled(folder / "Miller 2.tif", levels_of(tissue(5)))
    write_private_dicom(folder / "Miller 3")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_copies_are_numbered_and_nothing_in_the_folder_tells(tmp_path: Path, slides: Path) -> None:
    result = deidentify([slides], tmp_path / "out", names=tmp_path / "names.csv")
    assert result.refused == []
    assert sorted(Path(name).stem for name in result.copies) == [
        "slide-0001",
        "slide-0002",
        "slide-0003",
    ]
    for name, data in bytes_of(tmp_path / "out").items():
        for secret in SECRETS:
            assert secret not in data, (name, secret)
            assert secret.decode() not in name
    removed = rows(tmp_path / "out" / "removed.csv")
    assert list(removed[0]) == ["file", "place", "tag", "kind"]
    assert {row["file"] for row in removed} <= set(result.copies)
    proof = rows(tmp_path / "out" / "proof.csv")
    assert sum(int(row["tiles"]) for row in proof) == 20 + 1 + 6 + 20 + 6 + 2 + 4 + 1
    names = rows(tmp_path / "names.csv")
    assert {Path(row["slide"]).name for row in names} == {
        "S09-1234 Miller.svs",
        "Miller 2.tif",
        "Miller 3",
    }
    assert (tmp_path / "names.csv").stat().st_mode & 0o077 == 0


def test_the_same_command_goes_on_and_ends_the_same(
    tmp_path: Path, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deidentify([slides], tmp_path / "whole")
    calls = []

    def stop_at_second(*args: object) -> object:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    real = batch.copy_tiff
    monkeypatch.setattr(batch, "copy_tiff", stop_at_second)
    with pytest.raises(KeyboardInterrupt):
        deidentify([slides], tmp_path / "out")
    assert not (tmp_path / "out" / "removed.csv").exists()
    assert not list((tmp_path / "out").glob(".part-*"))
    monkeypatch.setattr(batch, "copy_tiff", real)
    deidentify([slides], tmp_path / "out")
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


def test_a_full_disk_leaves_no_half_copy(
    tmp_path: Path, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, out: Path) -> None:
        out.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(batch, "copy_tiff", full)
    with pytest.raises(OSError, match="No space left"):
        deidentify([slides], tmp_path / "out")
    left = [name for name in bytes_of(tmp_path / "out") if name.endswith((".svs", ".tif"))]
    assert left == []


def test_a_copy_with_other_pixels_is_thrown_away(
    tmp_path: Path, slides: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from breastseg.privacy import tiff

    def spoil(source: object, plan: object, out: Path) -> None:
        write(source, plan, out)
        data = bytearray(out.read_bytes())
        place = source.numbers(plan.kept[0].entries[324])[3]
        data[int(place) + 9] ^= 1
        out.write_bytes(data)

    write = tiff.write_copy
    monkeypatch.setattr(tiff, "write_copy", spoil)
    with pytest.raises(ImageError, match="pixels are not those of the slide"):
        deidentify([slides / "Miller 2.tif"], tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.tif"))


def test_one_refused_slide_does_not_stop_the_others(
    tmp_path: Path, slides: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (slides / "b.svs").write_bytes(b"nothing")
    assert main(["deidentify", str(slides), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "3 slides copied, all tiles equal" in said.out
    assert "b.svs: a format that is not understood" in said.err
    assert "1 of 4 slides refused" in said.err


def test_a_single_refused_slide_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert main(["deidentify", str(tmp_path / "b.png"), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_table_of_names_never_lies_in_what_is_given_away(tmp_path: Path, slides: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match="lies in the folder that is given away"):
        deidentify([slides], out, names=out / "names.csv")
    assert not out.exists()
    (tmp_path / "names.csv").write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        deidentify([slides], out, names=tmp_path / "names.csv")


def test_names_are_kept_when_asked_and_two_alike_are_refused(tmp_path: Path, slides: Path) -> None:
    result = deidentify([slides], tmp_path / "out", keep_names=True)
    assert set(result.copies) == {"S09-1234 Miller.svs", "Miller 2.tif", "Miller 3"}
    (slides / "more").mkdir()
    write_scanned_svs(slides / "more" / "Miller 2.tif")
    with pytest.raises(InputError, match="is called like"):
        deidentify([slides], tmp_path / "again", keep_names=True)


def test_other_slides_do_not_go_into_the_same_folder(tmp_path: Path, slides: Path) -> None:
    deidentify([slides / "Miller 2.tif"], tmp_path / "out")
    with pytest.raises(OutputError, match="other settings"):
        deidentify([slides], tmp_path / "out")


def test_doctor_lists_what_a_slide_gives_away(
    tmp_path: Path, slides: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slide = slides / "S09-1234 Miller.svs"
    assert main(["doctor", "--privacy", str(slide)]) == 0
    said = capsys.readouterr().out
    assert "image 3: the whole image (label image)" in said
    assert "image 0: ImageDescription |User (name of a person)" in said
    assert not any(secret.decode() in said for secret in SECRETS)
    assert look_at(slide)[0].place == "file name"


def test_a_copy_gives_nothing_away_but_its_name(tmp_path: Path, slides: Path) -> None:
    result = deidentify([slides], tmp_path / "out")
    for name in result.copies:
        told = [one for one in look_at(tmp_path / "out" / name) if one.place != "file name"]
        if not name.endswith((".svs", ".tif")):
            continue
        assert told == [], name
