"""The former name of a room."""

from breastseg import images, slides


def test_the_former_name_hands_on_all_of_the_room() -> None:
    assert slides.__all__ == images.__all__
    for name in images.__all__:
        assert getattr(slides, name) is getattr(images, name)
