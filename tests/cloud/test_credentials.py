"""Credentials are those that the environment names; nobody else is asked."""

import os

import pytest

from breastseg.cloud import credentials
from breastseg.cloud.credentials import check_credentials
from breastseg.errors import InputError


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for names in credentials._VARIABLES.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("scheme", "name"),
    [(scheme, name) for scheme, names in credentials._VARIABLES.items() for name in names],
)
def test_one_variable_is_enough_and_belongs_to_its_store(
    monkeypatch: pytest.MonkeyPatch, scheme: str, name: str
) -> None:
    monkeypatch.setenv(name, "x")
    check_credentials(scheme, "x")
    for other in set(credentials._VARIABLES) - {scheme}:
        with pytest.raises(InputError, match="no credentials"):
            check_credentials(other, "x")


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
def test_an_empty_variable_names_nothing_and_the_wish_says_what_does(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    first = credentials._VARIABLES[scheme][0]
    monkeypatch.setenv(first, "")
    with pytest.raises(InputError, match=rf"{scheme}://b/k: no credentials .*nothing was asked"):
        check_credentials(scheme, f"{scheme}://b/k")
    assert os.environ[first] == ""
