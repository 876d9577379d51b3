from pathlib import Path

from breastseg.serve.library.names import opaque, shown_name, without_places


def test_an_opaque_name_changes_with_the_place_and_the_change_alone() -> None:
    assert opaque(Path("a/b.png")) == opaque(Path("a") / "b.png")
    assert len({opaque(Path("a")), opaque(Path("b")), opaque(Path("a"), 1)}) == 3


def test_letters_that_cannot_be_seen_have_a_mark() -> None:
    assert shown_name("a\u202eb\n\u200cc\udce4") == "a\ufffdb\ufffd\u200cc\ufffd"


def test_a_message_has_no_path_of_this_machine() -> None:
    said = without_places(
        "/home/u/slides/x/a.svs: broken; see /etc/secret/b.txt", [Path("/home/u/slides")]
    )
    assert said == "x/a.svs: broken; see b.txt"
