"""A film's line on disk, and the film in the list, without a server."""

from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from breastseg.mammography.muscle_line import LINE
from breastseg.mammography.record import RECORD
from breastseg.serve.config import ServeConfig
from breastseg.serve.films.films import Film, Films
from breastseg.serve.films.lines import Lines
from breastseg.serve.films.record import record_of
from breastseg.serve.library.folder import Folder
from breastseg.serve.refusals import Absent, Forbidden, InTheWay, Malformed, Unreadable
from breastseg.serve.schema import FilmLineIn
from prepared_films import add_film

POINTS = [(90.0, -0.5), (-0.5, 200.0)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films: both breasts of a patient in one view."""
    out = tmp_path_factory.mktemp("lines") / "films"
    add_film(out, "film-1", laterality="L")
    add_film(out, "film-2", laterality="R")
    return out


@pytest.fixture
def films(prepared: Path) -> Films:
    for name in ("film-1", "film-2"):
        (prepared / name / LINE).unlink(missing_ok=True)
    return Films(Folder(ServeConfig(prepared)))


def first(films: Films) -> Film:
    return next(film for film in films.scan() if film.name == "film-1")


def test_the_right_breast_comes_first_and_each_knows_the_other(films: Films) -> None:
    right, left = films.scan()
    assert [film.head.laterality for film in (right, left)] == ["R", "L"]
    assert films.told(right).partner == left.id
    assert films.told(left).partner == right.id
    assert films.told(left).density[0] == "density: b"
    assert films.left_out() == []


def test_a_film_that_has_not_changed_is_not_read_again(films: Films) -> None:
    before = first(films)
    assert first(films) is before
    assert films.film(before.id) is before
    with pytest.raises(Absent):
        films.film("0" * 16)


def test_a_record_that_cannot_be_read_is_counted(prepared: Path, films: Films) -> None:
    path = prepared / "film-2" / RECORD
    kept = path.read_bytes()
    try:
        path.write_text("{}", encoding="utf-8")
        assert [film.name for film in films.scan()] == ["film-1"]
        assert films.left_out() == ["1 film whose film.json cannot be read"]
    finally:
        path.write_bytes(kept)


def test_a_line_is_kept_replaced_and_removed(films: Films) -> None:
    lines, film = Lines(), first(films)
    nothing = lines.load(film)
    assert (nothing.version, nothing.points_px) == ("", None)
    put = lines.save(film, FilmLineIn(version="", points_px=POINTS))
    assert put.points_px == POINTS
    assert first(films).head.line == "waiting"
    with pytest.raises(InTheWay, match=LINE):
        lines.save(film, FilmLineIn(version="", points_px=POINTS))
    none_there = lines.save(film, FilmLineIn(version=put.version, points_px=[]))
    assert none_there.points_px == []  # a person says: no muscle
    gone = lines.save(film, FilmLineIn(version=none_there.version, points_px=None))
    assert (gone.version, gone.points_px) == ("", None)
    assert not (film.folder / LINE).exists()


def test_what_is_no_line_is_refused(films: Films) -> None:
    lines, film = Lines(), first(films)
    with pytest.raises(Malformed, match="film-1"):
        lines.save(film, FilmLineIn(version="", points_px=[(1.0, 1.0)]))
    assert not (film.folder / LINE).exists()


def test_a_broken_line_is_told_and_can_be_replaced(films: Films) -> None:
    lines, film = Lines(), first(films)
    (film.folder / LINE).write_text("{", encoding="utf-8")
    broken = lines.load(film)
    assert broken.points_px is None
    assert broken.cause is not None
    assert str(film.folder) not in broken.cause
    put = lines.save(film, FilmLineIn(version=broken.version, points_px=POINTS))
    assert (put.cause, put.points_px) == (None, POINTS)


def test_a_link_is_not_followed(films: Films, tmp_path: Path) -> None:
    film = first(films)
    (film.folder / LINE).symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(Unreadable, match="link"):
        Lines().load(film)


def test_a_paper_that_sets_the_muscle_itself_takes_no_line(films: Films) -> None:
    film = first(films)
    path = film.folder / RECORD
    kept = path.read_text(encoding="utf-8")
    by = record_of(film.folder).muscle_by
    try:
        path.write_text(kept.replace(f'"muscle_by": "{by}"', '"muscle_by": "as 3.5"'))
        lines = Lines()
        fixed = lines.load(film).fixed_by
        assert fixed is not None
        assert "--as-paper 3.5" in fixed
        with pytest.raises(Forbidden, match="--as-paper"):
            lines.save(film, FilmLineIn(version="", points_px=POINTS))
    finally:
        path.write_text(kept, encoding="utf-8")
