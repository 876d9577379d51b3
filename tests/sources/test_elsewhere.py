"""Data sets that a person fetches: where they are, and that nothing is contacted."""

from pathlib import Path

import pytest

from breastseg.cli.main import main
from breastseg.sources import ELSEWHERE
from breastseg.sources.elsewhere import Elsewhere


@pytest.mark.parametrize("name", list(ELSEWHERE))
def test_what_is_not_fetched_is_named(
    name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["download", name]) == 0
    told = capsys.readouterr().out
    assert ELSEWHERE[name].page in told
    assert ELSEWHERE[name].licence in told
    assert main(["download", name, "--mirror", "hub"]) == 2
    assert f"{name} is not fetched from here" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", list(ELSEWHERE))
def test_each_says_where_how_and_under_which_licence(name: str) -> None:
    place = ELSEWHERE[name]
    assert isinstance(place, Elsewhere)
    assert place.page.startswith("https://")
    assert "breastseg prepare FOLDER" in place.by_hand
    assert "CC BY" in place.licence
    assert place.holds
