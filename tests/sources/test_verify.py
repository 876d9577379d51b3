"""Holding a copy of BCSS against the release: whole, partial, and everything that can be wrong with
it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from breastseg.cli import main
from breastseg.errors import ImageError, SourceError
from breastseg.sources.bcss.release import TABLES, ReleaseRegion, release_regions
from breastseg.sources.bcss.verify import verify
from breastseg.transfer.png import check_png
from conftest import DATA, SHARED

SCALE = 1 / 40
"""Image pixels per base pixel of the painted copies."""


def paint_region(
    folder: Path,
    region: ReleaseRegion,
    *,
    scale: float = SCALE,
    codes: tuple[int, ...] = (0, 1, 2, 21),
) -> str:
    """Write a small image and mask of a region's shape under its name; return the name."""
    width, height = (round(side * scale) for side in region.size_px)
    mask = np.array(codes, np.uint8)[np.arange(width) % len(codes)][None].repeat(height, axis=0)
    name = f"{region.place_name}_MPP-0.2500"
    for kind, array in (("images", np.stack([mask * 9] * 3, axis=2)), ("masks", mask)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.ascontiguousarray(array)).save(folder / kind / f"{name}.png")
    return name


def wide(count: int, *, magnification: float = 40.0) -> list[ReleaseRegion]:
    """Return regions whose painted shapes are exact to half a percent."""
    return [
        r for r in release_regions() if min(r.size_px) > 3900 and r.magnification == magnification
    ][:count]


def smallest() -> ReleaseRegion:
    return min(
        (r for r in release_regions() if r.magnification == 40),
        key=lambda region: region.size_px[0] * region.size_px[1],
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Five painted regions."""
    for region in wide(5):
        paint_region(tmp_path / "BCSS", region)
    return tmp_path / "BCSS"


def faults(folder: Path) -> str:
    return "\n".join(f"{where}: {what}" for where, what in verify(folder).faults)


def test_a_partial_copy_that_is_right_is_told_apart(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = verify(copy)
    assert (found.verdict, found.faults, found.oddities) == ("partial", [], [])
    assert found.counts["regions"] == (5, 151)
    assert found.counts["hospitals"][1] == 21
    assert (found.counts["train"][1], found.counts["test"][1]) == (106, 45)
    assert len(found.missing) == 146
    assert found.codes == [0, 1, 2, 21]
    assert found.mpps[0] == pytest.approx(0.25 / SCALE, rel=0.01)
    assert main(["verify", str(copy)]) == 1
    shown = capsys.readouterr()
    assert "regions        5   151" in shown.out
    assert "and 141 more" in shown.out
    assert shown.err == f"breastseg: {copy}: 5 of 151 regions, nothing wrong in what is there\n"


def test_a_whole_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for region in release_regions():
        paint_region(tmp_path, region, scale=SCALE * 40 / region.magnification)
    assert main(["verify", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "whole: nothing is missing, nothing is wrong" in shown
    for line in (
        "regions      151   151",
        "patients     151   151",
        "hospitals     21    21",
        "train        106   106",
        "test          45    45",
    ):
        assert line in shown
    assert main(["verify", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "whole"


def first(folder: Path, kind: str) -> Path:
    return sorted((folder / kind).iterdir())[0]


def cut(folder: Path) -> None:
    path = first(folder, "images")
    path.write_bytes(path.read_bytes()[:-30])


def one_bit(folder: Path) -> None:
    path = first(folder, "images")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def smaller_mask(folder: Path) -> None:
    Image.open(first(folder, "masks")).resize((50, 50), 0).save(first(folder, "masks"))


def crop(folder: Path) -> None:
    for kind in ("images", "masks"):
        with Image.open(first(folder, kind)) as image:
            whole = image.copy()
        whole.crop((0, 0, whole.width // 2, whole.height)).save(first(folder, kind))


def repaint(*codes: int) -> Callable[[Path], None]:
    return lambda folder: [paint_region(folder, region, codes=codes) for region in wide(1)] and None


def coloured_mask(folder: Path) -> None:
    Image.open(first(folder, "masks")).convert("RGB").save(first(folder, "masks"))


def renamed(folder: Path) -> None:
    for kind in ("images", "masks"):
        first(folder, kind).rename(folder / kind / "TCGA-ZZ-0000-DX1_xmin1_ymin2_MPP-0.2500.png")


def twice(folder: Path) -> None:
    for kind in ("images", "masks"):
        path = first(folder, kind)
        shutil.copy(path, path.with_name(path.name.replace("MPP-0.2500", "MAG-0")))


def other_bounds(folder: Path) -> None:
    (folder / "meta").mkdir()
    text = (TABLES / "roiBounds.csv").read_text()
    (folder / "meta" / "roiBounds.csv").write_text(text.replace(str(wide(1)[0].corner[0]), "1", 1))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "image cut short; fetch or copy it again"),
        (one_bit, "image damaged, a part of it does not fit its checksum"),
        (lambda folder: first(folder, "images").write_bytes(b"<html>"), "image not a PNG"),
        (lambda folder: first(folder, "images").unlink(), "has no image"),
        (lambda folder: first(folder, "masks").unlink(), "has no mask"),
        (
            lambda folder: first(folder, "masks").write_bytes(b""),
            "mask not an image that Pillow reads",
        ),
        (smaller_mask, "px, mask 50 x 50"),
        (crop, "px, not the shape of "),
        (repaint(1, 22, 255), "mask has code 22, 255, wanted 0 to 21"),
        (repaint(0), "nothing in the mask is annotated"),
        (coloured_mask, "mask has RGB colours, wanted 8-bit grey"),
        (
            renamed,
            "TCGA-ZZ-0000-DX1_xmin1_ymin2_MPP-0.2500: is none of the 151 regions by its name",
        ),
        (twice, f"the copy: region {wide(1)[0].slide} is there 2 times; keep one copy of it"),
        (
            other_bounds,
            "the copy: meta/roiBounds.csv says other than the release's; put the release's there",
        ),
        (
            lambda folder: paint_region(folder, smallest(), scale=1.0),
            "of another copy: 0.2500 um/px by roiBounds.csv and 40x, the copy's median",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    copy: Path, spoil: Callable[[Path], object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    assert words in faults(copy)
    assert verify(copy).verdict == "wrong"
    assert main(["verify", str(copy)]) == 1
    shown = capsys.readouterr()
    assert "things are wrong" in shown.err
    assert len(shown.err.splitlines()) == 1
    assert words in shown.out


def test_a_resolution_unlike_the_rest_is_odd_not_wrong(copy: Path) -> None:
    """The slide table says 20x of slides whose regions are as large as those of 40x scans."""
    paint_region(copy, wide(1, magnification=20.0)[0])
    found = verify(copy)
    assert found.verdict == "partial"
    assert [what for _, what in found.oddities] == [
        f"{max(found.mpps):.4f} um/px by roiBounds.csv and 20x, the copy's median is"
        f" {np.median(found.mpps):.4f}"
    ]


def test_a_copy_in_base_pixels_is_of_one_piece(tmp_path: Path) -> None:
    small = sorted(release_regions(), key=lambda region: region.size_px[0] * region.size_px[1])
    for region in (
        *[r for r in small if r.magnification == 40][:2],
        *[r for r in small if r.magnification == 20][:1],
    ):
        paint_region(tmp_path, region, scale=1.0)
    found = verify(tmp_path)
    assert (found.faults, found.oddities) == ([], [])
    assert found.mpps == [0.25, 0.25, 0.5]


def test_the_folder_may_hold_the_copy_and_call_its_images_as_the_authors_do(copy: Path) -> None:
    (copy / "images").rename(copy / "rgbs_colorNormalized")
    assert verify(copy.parent).folder == copy
    assert verify(copy).verdict == "partial"


def test_a_table_that_is_a_part_of_the_releases_is_right() -> None:
    crops = verify(DATA / "bcss")
    assert {what for _, what in crops.faults} == {"is none of the 151 regions by its name"}
    assert crops.counts["regions"] == (0, 151)


def test_no_copy_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match="no copy of BCSS, wanted images or rgbs_colorNormalized"):
        verify(tmp_path)
    with pytest.raises(SourceError, match="no such folder, wanted a copy of BCSS"):
        verify(tmp_path / "none")
    assert main(["verify", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_check_png_gives_the_size_and_refuses_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (31, 17)).save(path)
    assert check_png(path) == (31, 17)
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ImageError, match=r"not a PNG|cut short"):
            check_png(path)


@pytest.mark.skipif(
    not (SHARED / "bcss").is_dir(), reason="needs the regions outside the repository"
)
def test_three_real_regions() -> None:
    found = verify(SHARED / "bcss")
    assert (found.verdict, found.oddities) == ("partial", [])
    assert found.counts == {
        "regions": (3, 151),
        "patients": (3, 151),
        "hospitals": (1, 21),
        "train": (3, 106),
        "test": (0, 45),
    }
    assert found.mpps == pytest.approx([0.3024] * 3, abs=1e-4)
