from pathlib import Path

from breastseg.serve.library.entries import EntryMaker, areas_beside, version_of


def test_an_entry_is_made_again_only_when_its_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"123")
    maker = EntryMaker(tmp_path)
    first = maker.make(path)
    assert first is not None
    assert (first.name, first.bytes) == ("a.png", 3)
    assert maker.make(path, first) is first
    path.write_bytes(b"1234")
    second = maker.make(path, first)
    assert second is not None
    assert (second.id, second.bytes) == (first.id, 4)
    assert second.version != first.version


def test_a_link_that_leads_out_is_no_entry(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"1")
    root = tmp_path / "root"
    (root / "slide").mkdir(parents=True)
    (root / "a.png").symlink_to(tmp_path / "out" / "a.png")
    (root / "slide" / "b").symlink_to(tmp_path / "out" / "a.png")
    maker = EntryMaker(root)
    assert maker.make(root / "a.png") is None
    assert maker.make(root / "slide") is None
    assert version_of(root / "none.png") is None


def test_areas_lie_beside_a_slide(tmp_path: Path) -> None:
    slide = tmp_path / "a.svs"
    assert areas_beside(slide) == tmp_path / "a.geojson"
    (tmp_path / "a.svs.geojson").touch()
    assert areas_beside(slide) == tmp_path / "a.svs.geojson"
    (tmp_path / "a.geojson").touch()
    assert areas_beside(slide) == tmp_path / "a.geojson"
