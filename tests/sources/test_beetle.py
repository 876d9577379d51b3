"""BEETLE: four classes of its own, areas on whole slides."""

from pathlib import Path

import numpy as np
import pytest

from asap_files import annotation, asap
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import LabelError
from breastseg.reporter import QUIET, Reporter
from breastseg.sources import beetle as source_of_beetle
from breastseg.sources import open_source
from source_folders import slide, square


@pytest.fixture
def beetle(tmp_path: Path) -> Path:
    root = tmp_path / "beetle" / "data"
    for name in ("patient7_wsi1", "patient8_wsi1"):
        slide(root / "images" / "development" / "wsis" / f"{name}.tif")
    slide(root / "images" / "evaluation" / "wsis" / "patient9_wsi1.tif")
    for kind in ("jsons", "masks"):
        (root / "annotations" / kind).mkdir(parents=True)
    asap(
        root / "annotations" / "xmls" / "patient7_wsi1.xml",
        annotation(square(100, 100, 200), "invasive epithelium"),
        annotation(square(150, 150, 50), "non-invasive epithelium"),
        annotation(square(320, 100, 40), "necrosis"),
        annotation(square(1200, 400, 100), "other"),
    )
    asap(root / "annotations" / "xmls" / "TCGA-A1-A0SK.xml", annotation(square(0, 0, 9), "other"))
    return root.parent


def test_beetle_is_read_in_its_own_four_classes(beetle: Path, tmp_path: Path) -> None:
    source = open_source(beetle)
    assert source.label_map == "beetle"
    assert source.parts == ("BEETLE slides: CC BY-NC-SA 4.0 (Lems et al. 2025)",)
    assert any(
        "1 slide without annotation left out; annotation of 1 slide without image" in note
        for note in source.notes
    )
    assert [(r.patient, r.box is not None, r.mpp) for r in source.regions] == [
        ("patient7", True, 0.5)
    ] * 2, "what lies 420 um apart is two fields of one patient"
    data = prepare(beetle, tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=QUIET)
    left, right = (np.asarray(data.labels(region.id)) for region in source.regions)
    assert np.bincount(left.ravel(), minlength=5)[1:].tolist() == [
        200**2 - 50**2,
        50**2,
        40**2,
        0,
    ]
    assert np.bincount(right.ravel(), minlength=5)[1:].tolist() == [0, 0, 0, 100**2]
    assert data.regions.loc[source.regions[1].id, "patient"] == "patient7"


def test_beetle_beside_bcss_leaves_out_what_the_map_cannot_say(
    beetle: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    data = prepare(
        beetle,
        tmp_path / "data",
        PrepareConfig(labels="region5", workers=1),
        reporter=Reporter(said.append),
    )
    labels = np.asarray(data.labels(data.regions.index[0]))
    assert np.bincount(labels.ravel(), minlength=6)[1:].tolist() == [37500, 0, 0, 1600, 0]
    assert any(
        "BEETLE: other, non-invasive epithelium may be more than one class of region5" in line
        for line in said
    )


def test_a_group_that_beetle_has_not_is_refused(beetle: Path, tmp_path: Path) -> None:
    path = beetle / "data" / "annotations" / "xmls" / "patient7_wsi1.xml"
    asap(path, annotation(square(10, 10, 50), "Tumor"))
    with pytest.raises(LabelError, match=r"patient7_wsi1\.xml: class 'Tumor' is none of BEETLE"):
        prepare(beetle, tmp_path / "data", PrepareConfig(workers=1), reporter=QUIET)


def test_a_folder_without_slides_is_none(beetle: Path) -> None:
    assert source_of_beetle.find(beetle) is None, "the folder above is looked into by open_source"
    found = source_of_beetle.find(beetle / "data")
    assert found is not None
    assert found.in_fields
    assert [pair.patient for pair in found.pairs] == ["patient7"]
