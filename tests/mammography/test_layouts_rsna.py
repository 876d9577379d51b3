"""RSNA Screening Mammography from a small painted copy; contradictions are named."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.layouts import find_layout, rsna
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, save_picture, write_mg

pytest.importorskip("pydicom")

FILM = (paint_film() >> 4).astype(np.uint8)  # 320 rows, 256 columns
RSNA = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,"
    "density,machine_id,difficult_negative_case\n"
    "2,10006,462822612,L,CC,61,1,1,1,0.0,0,C,29,False\n"
    "2,10006,1459541791,L,MLO,61,1,1,1,0.0,0,C,29,False\n"
    "2,10006,1864590858,R,MLO,61,0,{},0,,0,C,29,False\n"
    "2,10006,77,R,CC,61,0,1,0,,1,C,29,False\n"
    "2,10006,88,R,CC,61,0,1,0,,0,C,29,False\n"
)


def paint_rsna(folder: Path, biopsy: str = "1") -> Path:
    blank = {"ImageLaterality": None, "ViewPosition": None}
    for name in ("462822612", "1864590858", "77"):
        write_mg(folder / "train_images" / "10006" / f"{name}.dcm", **blank)
    save_picture(folder / "png" / "10006_1459541791.png", FILM)
    (folder / "train.csv").write_text(RSNA.format(biopsy))
    return folder


def test_rsna_knows_breasts_not_places(tmp_path: Path) -> None:
    layout = find_layout(paint_rsna(tmp_path))
    assert layout.name == "RSNA Screening Mammography"
    oblique, benign, cancer = layout.entries
    assert (cancer.name, cancer.patient, cancer.view) == ("462822612", "10006", "CC")
    assert (cancer.facts["density"], cancer.facts["birads"]) == ("c", "0")
    assert (oblique.view, oblique.path.name) == ("MLO", "10006_1459541791.png")
    assert [one.pathology for one in cancer.findings] == ["malignant"]
    assert cancer.findings[0].told == "of the breast, place not known, invasive cancer"
    assert [one.pathology for one in benign.findings] == ["benign"]
    film = read_entry(cancer).film
    assert (film.laterality, film.view) == ("L", "CC")
    assert [one.cause for one in layout.left_out] == [
        "77: an implant is in the image, by the table, wanted a breast without",
        "88: in train.csv, no file",
    ]


def test_rsna_rows_of_a_breast_that_contradict(tmp_path: Path) -> None:
    with pytest.raises(
        DatasetError, match="row 5: biopsy of breast R of patient 10006 is '1', row"
    ):
        find_layout(paint_rsna(tmp_path, biopsy="0"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(",L,CC,", ",X,CC,", "side 'X'"), (",L,CC,", ",L,,", "view ''")],
)
def test_a_film_without_side_or_view_is_named(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    folder = paint_rsna(tmp_path)
    table = folder / "train.csv"
    table.write_text(table.read_text().replace(before, after))
    with pytest.raises(DatasetError, match=f"row 2: .*{said}"):
        rsna.find(folder)


def test_a_train_csv_of_another_kind_and_films_that_are_away(tmp_path: Path) -> None:
    folder = paint_rsna(tmp_path)
    for path in [*folder.rglob("*.dcm"), *folder.rglob("*.png")]:
        path.unlink()
    with pytest.raises(SourceError, match="without films"):
        rsna.find(folder)
    (folder / "train.csv").write_text("image_id,label\n1,2\n")
    assert rsna.find(folder) is None
