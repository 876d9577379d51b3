"""TIGER: fields, or slides where they are missing."""

from pathlib import Path

import numpy as np
import pytest

from asap_files import annotation, asap
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.reporter import QUIET
from breastseg.sources import open_source
from breastseg.sources import tiger as source_of_tiger
from source_folders import painted, slide, square


@pytest.fixture
def tiger(tmp_path: Path) -> Path:
    root = tmp_path / "tiger"
    fields = root / "wsirois" / "roi-level-annotations"
    names = {
        "tissue-bcss": "TCGA-A1-A0SK-01Z-00-DX1.A44D_[22877, 12530, 24892, 13993]",
        "tissue-cells": "100B_[35129, 6567, 36429, 7757]",
    }
    for place, name in names.items():
        painted(
            fields / place / "masks" / f"{name}.png",
            [[0, 1, 2, 3], [4, 5, 6, 7]],
            fields / place / "images" / f"{name}.png",
        )
    slides = root / "wsirois" / "wsi-level-annotations"
    slide(slides / "images" / "100B.tif")
    asap(
        slides / "annotations-tissue-cells-xmls" / "100B.xml",
        annotation(square(100, 100, 200), "roi"),
        annotation(square(120, 120, 50), "invasive tumor"),
        annotation(square(130, 130, 8), "lymphocytes and plasma cells", "Rectangle"),
        annotation(square(220, 120, 50), "inflamed stroma"),
    )
    (root / "wsibulk" / "images").mkdir(parents=True)
    (root / "wsitils" / "images").mkdir(parents=True)
    return root


def test_tiger_is_read_by_its_fields(tiger: Path, tmp_path: Path) -> None:
    source = open_source(tiger)
    assert [(r.patient, r.site, r.mpp) for r in source.regions] == [
        ("100B", "", 0.5),
        ("TCGA-A1-A0SK", "A1", 0.5),
    ]
    assert any("wsibulk and wsitils left out" in note for note in source.notes)
    config = PrepareConfig(to_mpp=0.5, labels="region6", workers=1)
    data = prepare(tiger, tmp_path / "data", config, reporter=QUIET)
    labels = np.asarray(data.labels(source.regions[0].id))
    # tumor, stroma, inflammatory, necrosis, other, dcis; rest may be stroma or other
    assert labels[8::16, 8::16].tolist() == [[0, 1, 2, 6], [5, 4, 3, 0]]


def test_tiger_is_read_by_its_slides_where_fields_are_missing(tiger: Path, tmp_path: Path) -> None:
    top = tiger / "wsirois"
    (top / "roi-level-annotations").rename(tmp_path / "away")
    source = open_source(top)
    assert source.description.startswith("TIGER slides")
    data = prepare(top, tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=QUIET)
    found = sum(
        np.bincount(np.asarray(data.labels(r.id)).ravel(), minlength=6) for r in source.regions
    )
    assert found[1:].tolist() == [2500, 0, 2500, 0, 0], "cells and frames are no tissue"


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("100B_[35129, 6567, 36429, 7757]", "100B"),
        ("100B", "100B"),
        ("TCGA-A1-A0SK-01Z-00-DX1.A44D_[1, 2, 3, 4]", ""),
    ],
)
def test_a_field_is_of_its_slide(name: str, patient: str) -> None:
    assert source_of_tiger._slide_of(name) == patient


def test_neither_fields_nor_slides_are_none(tmp_path: Path) -> None:
    (tmp_path / "wsirois").mkdir()
    assert source_of_tiger.find(tmp_path) is None
