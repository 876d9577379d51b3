"""docs/files.md is what the code that writes the files says."""

import importlib.util
from pathlib import Path

from breastseg.evaluation import scores
from breastseg.maps import record

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_made_from_the_code() -> None:
    spec = importlib.util.spec_from_file_location("files_page", ROOT / "scripts" / "files_page.py")
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert made.PAGE.read_text(encoding="utf-8") == made.page(), "run scripts/files_page.py"


def test_every_name_of_a_file_is_on_the_page() -> None:
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    names = [
        *record.LABELS,
        *record.OVERLAYS,
        record.RUN,
        record.REGIONS,
        record.PACKED_REGIONS,
        record.PROBABILITIES,
        record.UNCERTAINTY,
        record.TISSUE,
        record.MANIFEST_TABLE,
        record.MEASURES_TABLE,
        record.MEASURES_PARQUET,
        record.FIGURE,
        scores.SCORES,
        scores.COUNTS,
        scores.DOTS_COUNTS,
        scores.PRESENCE_TABLE,
        scores.TRAINING_TABLE,
        scores.REGION_TABLE,
        scores.HOSPITAL_TABLE,
    ]
    assert [name for name in names if name not in text] == []
