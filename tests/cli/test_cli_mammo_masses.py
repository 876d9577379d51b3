"""breastseg mammo masses: its options."""

from breastseg.cli import mammo_masses
from breastseg.cli.options import Parser, given


def options_of(*words: str) -> dict[str, object]:
    parser = Parser(prog="masses")
    mammo_masses.add_arguments(parser)
    found = parser.parse_args(list(words))
    return given(found, *vars(found))


def test_only_what_is_given_is_handed_on() -> None:
    assert options_of("films", "masses") == {"films": "films", "out": "masses"}
    found = options_of("films", "--out", "masses", "--folds", "4", "--width", "8", "--only", "1")
    assert (found["folds"], found["width"], found["only"]) == (4, 8, 1)
    assert not {"steps", "depth", "seed", "protocol", "split_table"} & set(found)
