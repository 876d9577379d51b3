"""What a person names for predict: names of results, and what is left out of a folder."""

from pathlib import Path

import pytest

from breastseg.errors import ImageError, InputError
from breastseg.inference.inputs import folder_name, list_inputs


def listed(*paths: Path) -> list[tuple[str, bool]]:
    """Return name and whether it can be used, of each input."""
    return [(item.name, item.broken is None) for item in list_inputs(paths).items]


def test_endings_are_no_part_of_a_name() -> None:
    assert folder_name(Path("in/a.ome.tif")) == "a"
    assert folder_name(Path("a.b.svs")) == "a.b"


def test_a_folder_is_looked_through_by_name(tmp_path: Path) -> None:
    for name in ("b.png", "a.svs", "sub/c.tif", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert listed(tmp_path) == [("a", True), ("b", True), ("sub/c", True)]


def test_masks_beside_images_and_our_own_results_are_left_out(tmp_path: Path) -> None:
    for name in ("images/a.png", "masks/a.png", "maps/a/run.json", "maps/a/labels.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = list_inputs([tmp_path])
    assert [item.name for item in found.items] == ["images/a"]
    assert {one.path.name: one.cause for one in found.left_out} == {
        "masks": "it holds masks",
        "a": "breastseg wrote it",
    }


def test_the_second_of_two_with_one_name_is_broken(tmp_path: Path) -> None:
    for name in ("a.png", "A.tif", "manifest.csv.png"):
        (tmp_path / name).touch()
    found = listed(tmp_path / "a.png", tmp_path / "A.tif", tmp_path / "manifest.csv.png")
    assert found == [("a", True), ("A", False), ("manifest.csv", False)]


def test_a_table_gives_each_slide_its_mpp_and_patient(tmp_path: Path) -> None:
    table = tmp_path / "slides.csv"
    table.write_text("path,mpp,patient\na.png,0.5,P1\nb.png,,\n", encoding="utf-8")
    one, other = list_inputs([table]).items
    assert (one.path, one.mpp, one.patient) == (tmp_path / "a.png", 0.5, "P1")
    assert (other.mpp, other.patient, other.named) == (None, None, False)
    table.write_text("path\na.png\na.png\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.png"):
        list_inputs([table])


def test_nothing_to_map_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=tmp_path.name):
        list_inputs([tmp_path])
    with pytest.raises(InputError, match="s3://"):
        list_inputs(["s3://bucket/a.svs"])
