"""breastseg download: without --mirror nothing is contacted."""

import pytest

from breastseg.cli import download
from breastseg.cli.main import parser_of
from breastseg.errors import InputError
from breastseg.mammography import mini_mias_download
from breastseg.sources import ELSEWHERE
from breastseg.sources.bcss.mirrors import PLACES


@pytest.mark.parametrize(
    ("dataset", "places"), [("bcss", PLACES), ("mini-mias", mini_mias_download.PLACES)]
)
def test_the_mirrors_are_listed(
    dataset: str, places: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    download.run(parser_of("download").parse_args(["download", dataset]))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [*places, "fetch"]


def test_an_unknown_mirror_is_refused() -> None:
    words = ["download", "bcss", "--mirror", "nowhere"]
    with pytest.raises(InputError, match="nowhere"):
        download.run(parser_of("download").parse_args(words))


@pytest.mark.parametrize("dataset", ["beetle", "cosas24", "tiger"])
def test_what_is_fetched_by_hand_is_said_and_never_fetched(
    dataset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    download.run(parser_of("download").parse_args(["download", dataset]))
    assert ELSEWHERE[dataset].licence in capsys.readouterr().out
    words = ["download", dataset, "--mirror", "hub"]
    with pytest.raises(InputError, match=dataset):
        download.run(parser_of("download").parse_args(words))
