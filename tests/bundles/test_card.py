"""Cards: read as they were written, refused with the field that does not fit."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from breastseg.bundles.bundle import CARD, Bundle, load_bundle
from breastseg.bundles.card import CARD_VERSION, Card
from breastseg.errors import ModelError


@pytest.fixture
def copy(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    """A copy of the tiny bundle to spoil."""
    return Path(shutil.copytree(tiny_bundle.path, tmp_path / "copy"))


def edit(folder: Path, **changes: Any) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **changes}), encoding="utf-8")


def test_a_card_of_a_newer_version_asks_for_an_update(copy: Path) -> None:
    edit(copy, version=CARD_VERSION + 1)
    with pytest.raises(
        ModelError,
        match=rf"card version {CARD_VERSION + 1}, .*up to {CARD_VERSION}; update",
    ):
        load_bundle(copy)


@pytest.mark.parametrize(
    "text",
    ["{}", "[]", "3", '"card"', '{"version": 1}', '{"version": "new"}'],
    ids=["empty", "list", "number", "word", "bare", "words"],
)
def test_json_that_is_no_card(copy: Path, text: str) -> None:
    (copy / CARD).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"card\.json: not a model card .*export the bundle again"):
        load_bundle(copy)


def test_a_card_that_is_not_json(copy: Path) -> None:
    (copy / CARD).write_bytes(b"\xff\xfe{")
    with pytest.raises(ModelError, match=r"card\.json: not JSON .*wanted a model card"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "changes", [{"surprise": 1}, {"label_map": {"name": "x"}}, {"mean": 3}], ids=str
)
def test_a_card_with_a_wrong_field(copy: Path, changes: dict[str, Any]) -> None:
    edit(copy, **changes)
    with pytest.raises(ModelError, match=r"card\.json: not a model card"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "changes",
    [{"mean": ["red", 0, 0]}, {"files": ["a"]}, {"tile_px": "big"}, {"network": None}],
    ids=str,
)
def test_a_card_with_a_value_of_the_wrong_kind(copy: Path, changes: dict[str, Any]) -> None:
    edit(copy, **changes)
    with pytest.raises(ModelError, match=r"card\.json: not a model card"):
        load_bundle(copy)


def test_a_card_with_an_impossible_mpp(copy: Path) -> None:
    edit(copy, mpp=250)
    with pytest.raises(ValueError, match=r"card\.json: 250 um/px, wanted 0\.05 to 20"):
        load_bundle(copy)


def test_a_card_survives_json(tiny_bundle: Bundle) -> None:
    card = tiny_bundle.card
    assert Card.from_dict(json.loads(json.dumps(card.to_dict())), "here") == card.__class__(
        **{**card.__dict__, "network": json.loads(json.dumps(card.network))}
    )
    assert json.loads(json.dumps(card.to_dict())) == json.loads(
        (tiny_bundle.path / CARD).read_text(encoding="utf-8")
    )
