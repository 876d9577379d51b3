from pathlib import Path

from breastseg.serve.library.walk import Walk


def test_a_look_parts_pictures_from_results_and_passes_over_what_is_hidden(tmp_path: Path) -> None:
    for name in (
        "a.png",
        "b/c.tif",
        "b/.hidden.png",
        "b/text.txt",
        "maps/a/run.json",
        "maps/a/x.png",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    walk = Walk(tmp_path, tmp_path / "maps")
    assert sorted(walk.files) == [tmp_path / "a.png", tmp_path / "b" / "c.tif"]
    assert (walk.folders, walk.runs) == ([], [tmp_path / "maps" / "a"])
    [(kind, number)] = walk.left_out.items()
    assert kind[0].startswith("link")
    assert number == 1
