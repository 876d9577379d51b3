"""breastseg export: options that do not go together are refused before anything is read."""

import pytest

from breastseg.cli import export
from breastseg.cli.main import parser_of
from breastseg.errors import InputError


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        ([], "nothing to do"),
        (["--features", "data", "--int8"], "--features"),
        (["--features", "data", "--bias", "none"], "--features"),
        (["--features", "data", "--margins"], "--features"),
        (["--margins", "--int8", "--data", "data"], "--margins"),
        (["--margins", "--bias", "auto", "--data", "data"], "--margins"),
        (["--margins"], "--margins.*--data"),
        (["--int8"], "--int8.*--data"),
        (["--bias", "none", "--limits", "limits.txt"], "--limits.*--int8"),
    ],
    ids=" ".join,
)
def test_what_does_not_go_together_is_named(words: list[str], fact: str) -> None:
    options = parser_of("export").parse_args(["export", "no-such-model", *words])
    with pytest.raises(InputError, match=fact):
        export.run(options)
