"""Names of images: one image under all names that a person may write."""

from pathlib import Path

import pytest

from breastseg.sources.picture_names import Pictures, nearest, parts_of, picture_name
from breastseg.sources.region import Pair
from source_folders import fields, joined


@pytest.mark.parametrize(
    "name",
    [
        "a.1_MPP-0.2500",
        "a.1_MPP-0.2500.png",
        "a.1_MPP-0.2500.PNG",
        "a.1_MPP-0.2500.svs",
        "a.1_MPP-0.2500.ome.tif",
        "a.1_MPP-0.2500.geojson",
        "a.1_MPP-0.2500.geojson.gz",
        "a.1_MPP-0.2500.ome.zarr",
        "a.1_MPP-0.2500.dcm",
        "images/a.1_MPP-0.2500.png",
        r"src\images\a.1_MPP-0.2500.png",
        "./images/a.1_MPP-0.2500",
    ],
)
def test_names_of_one_picture(tmp_path: Path, name: str) -> None:
    """With `.svs` in the table no row fitted, and each image was a patient of its own."""
    fields(tmp_path, "a.1_MPP-0.2500", "a")
    source = joined(tmp_path, f"image,patient\n{name},P\na,Q\n")
    assert [(r.id, r.patient) for r in source.regions] == [("a", "Q"), ("a.1_MPP-0.2500", "P")]
    assert not [note for note in source.notes if "t.csv" in note], (
        "nothing was taken for something else"
    )


def test_names_that_hold_letters_with_marks(tmp_path: Path) -> None:
    """A Mac writes the letter and its mark apart."""
    fields(tmp_path, "Mu\u0308ller")
    assert joined(tmp_path, "image,patient\nM\u00fcller.png,P\n").regions[0].patient == "P"


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("a.png", "a"),
        ("a.ome.tif", "a"),
        ("a.OME.TIFF", "a"),
        ("a.geojson.gz", "a"),
        ("a_MPP-0.2500", "a_MPP-0.2500"),
        ("a_MPP-0.2500.png", "a_MPP-0.2500"),
        (".png", ".png"),
        (".ome.tif", ".ome"),
        ("a.csv", "a.csv"),
    ],
)
def test_a_name_without_the_ending_of_a_picture(name: str, bare: str) -> None:
    assert picture_name(name) == bare


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a.png", ((), "a.png")),
        ("./x/a.png", (("x",), "a.png")),
        ("C:\\x\\y\\a.png", (("C:", "x", "y"), "a.png")),
        ("/x/a/", (("x",), "a")),
    ],
)
def test_folders_as_written_on_any_system(text: str, parts: tuple[tuple[str, ...], str]) -> None:
    assert parts_of(text) == parts


def test_the_surest_way_wins() -> None:
    pairs = [Pair(Path(f"x/{name}"), Path("m.png")) for name in ("01.png", "1.png")]
    pictures = Pictures.named(pairs)
    assert pictures.of("1.png") == ("", {Path("x/1.png")})
    assert pictures.of("1") == ("", {Path("x/1.png")})
    assert pictures.of("001") == ("alike", {Path("x/01.png"), Path("x/1.png")})
    assert pictures.of("2") == ("", set())


@pytest.mark.parametrize(
    ("name", "count", "facts"),
    [
        ("slide_a1", 1, "did you mean 'slide_a'?"),
        ("zzz", 2, "nor does 1 other row; mend the name"),
        ("zzz", 3, "nor do 2 other rows"),
        ("12. Mar", 1, "spreadsheet"),
    ],
)
def test_what_may_be_meant(name: str, count: int, facts: str) -> None:
    pictures = Pictures.named([Pair(Path("x/slide_a.png"), Path("m.png"))])
    assert facts in nearest(name, pictures, count)
