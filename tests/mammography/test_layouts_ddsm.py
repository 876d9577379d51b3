"""DDSM from a small painted copy of a case; contradictions are named."""

from pathlib import Path

import numpy as np
import pytest

from breastseg.errors import DatasetError, SourceError
from breastseg.mammography.findings import paint_shape
from breastseg.mammography.layouts import find_layout
from breastseg.mammography.layouts.ddsm import chain
from breastseg.mammography.reading import read_entry
from mammograms import paint_film, save_picture

pytest.importorskip("pydicom")

FILM = (paint_film() >> 4).astype(np.uint8)  # 320 rows, 256 columns
ICS = """ics_version 1.0
filename A-0001-1
PATIENT_AGE 77
DENSITY 3
LEFT_CC LINES 640 PIXELS_PER_LINE 512 BITS_PER_PIXEL 12 RESOLUTION 50 {}
LEFT_MLO LINES 640 PIXELS_PER_LINE 512 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
"""


# a square of 40 pixels: right, down, left, up
BOUNDARY = "100 200" + " 2" * 40 + " 4" * 40 + " 6" * 40 + " 0" * 40 + " #"


OVERLAY = f"""TOTAL_ABNORMALITIES 1
ABNORMALITY 1
LESION_TYPE MASS SHAPE LOBULATED MARGINS ILL_DEFINED
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
ASSESSMENT 4
SUBTLETY 3
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2
BOUNDARY
{BOUNDARY}
CORE
110 210 2 4 6 0 #
"""


def paint_ddsm(folder: Path, overlay: str = OVERLAY, said: str = "OVERLAY") -> Path:
    case = folder / "cancer_01" / "case0001"
    save_picture(case / "A_0001_1.LEFT_CC.png", FILM)
    (case / "A-0001-1.ics").write_text(ICS.format(said))
    (case / "A_0001_1.LEFT_CC.OVERLAY").write_text(overlay)
    (case / "A_0001_1.LEFT_MLO.LJPEG").write_bytes(b"\xff\xd8")
    return folder


def test_ddsm(tmp_path: Path) -> None:
    layout = find_layout(paint_ddsm(tmp_path))
    (entry,) = layout.entries
    assert (layout.name, entry.name, entry.patient) == ("DDSM", "A_0001_1.LEFT_CC", "A_0001_1")
    assert (entry.laterality, entry.view, entry.facts["density"]) == ("L", "CC", "3")
    mass, calcification = entry.findings
    assert (mass.kind, mass.pathology, mass.birads) == ("mass", "malignant", "4")
    assert (calcification.kind, mass.told) == (
        "calcification",
        "mass shape lobulated margins ill defined",
    )
    (left,) = layout.left_out
    assert left.cause.startswith("A_0001_1.LEFT_MLO: LJPEG of DDSM is read by no package here")
    assert "Stanford's PVRG" in left.cause
    # the image is half as large as the scan: 50 um become 100, and the square 20 pixels
    known = read_entry(entry)
    assert known.film.mm_per_px == pytest.approx(0.1)
    shape = known.findings[0].shape
    assert shape is not None
    rows, columns = np.nonzero(paint_shape(shape, (320, 256)))
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (50, 70, 100, 120)


def test_steps_of_a_chain_code_go_round_clockwise_from_up() -> None:
    points = chain("10 20 0 1 2 3 4 5 6 7 #", "one")
    steps = np.diff(np.array(points), axis=0)
    assert points[0] == points[-1] == (10, 20)
    assert steps[0].tolist() == [0, -1]
    angles = np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    assert np.allclose(np.diff(angles) % 360, 45)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("ABNORMALITIES 1", "ABNORMALITIES 2", "1 abnormalities, its head says 2"),
        ("TOTAL_OUTLINES 2", "TOTAL_OUTLINES 3", "abnormality 1: 2 outlines, TOTAL_OUTLINES says"),
        ("PATHOLOGY MALIGNANT", "PATHOLOGY PERHAPS", "pathology 'PERHAPS', wanted MALIGNANT"),
        ("100 200 2 2", "100 200 9 2", "chain code '100 200 9 2.*wanted column, row and steps"),
    ],
)
def test_ddsm_overlays_that_do_not_fit(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    with pytest.raises(DatasetError, match=sentence):
        find_layout(paint_ddsm(tmp_path, OVERLAY.replace(before, after, 1)))


def test_ddsm_files_that_contradict_or_are_ljpeg_alone(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"OVERLAY: the \.ics says NON_OVERLAY; correct the one"):
        find_layout(paint_ddsm(tmp_path / "a", said="NON_OVERLAY"))
    folder = paint_ddsm(tmp_path / "b")
    next(folder.rglob("*.OVERLAY")).unlink()
    (entry,) = find_layout(folder).entries
    assert entry.notes == ("the .ics says OVERLAY, the file is not there: findings are not known",)
    next(folder.rglob("*.png")).unlink()
    with pytest.raises(SourceError, match=r"no film of DDSM that can be read; A_0001_1\.LEFT_CC"):
        find_layout(folder)
