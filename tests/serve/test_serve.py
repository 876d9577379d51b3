"""The server's gallery, slides, tiles and layers: what is shown is what is on disk, and what breaks
is told in one line."""

import io
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from breastseg.images import open_slide, read_codes
from breastseg.labels import BUILT_IN
from conftest import CROPS, DATA
from serve_app import Served, add_map, mapped_folder, serving, small_folder
from slide_files import levels_of, move_tile, write_tiled

pytest.importorskip("fastapi")

from breastseg.serve.room import Room
from breastseg.serve.tiles.layers import FILES, MADE_FILES
from breastseg.serve.tiles.shelf import Shelf
from breastseg.serve.web.static_files import STATIC

Bytes = npt.NDArray[np.uint8]


def tissue(height: int, width: int) -> Bytes:
    """Return real pixels of any size: three crops, repeated."""
    row = np.concatenate([np.asarray(Image.open(crop).convert("RGB")) for crop in CROPS], axis=1)
    return np.tile(row, (-(-height // row.shape[0]), -(-width // row.shape[1]), 1))[:height, :width]


def patches(height: int, width: int) -> Bytes:
    """Return a label image of blocks of odd sizes, all of region5 and 0 among them."""
    draws = np.random.default_rng(0).integers(0, 6, (-(-height // 37), -(-width // 53)), np.uint8)
    return np.kron(draws, np.ones((37, 53), np.uint8))[:height, :width]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder with two real maps, and a large slide with a painted one; nobody changes it."""
    folder = mapped_folder(tmp_path_factory.mktemp("served") / "slides")
    large = write_tiled(folder / "large.tif", levels_of(tissue(2100, 2700), 2), tile=(256, 256))
    add_map(folder / "maps" / "painted" / "large", large, patches(1050, 1350))
    with serving(folder) as served:
        yield served


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A small folder that a test may change."""
    return small_folder(tmp_path / "slides")


CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=300)


def ask(served: Served, path: str, **headers: str) -> httpx.Response:
    return CLIENT.get(
        served.address + path,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def entries(served: Served) -> dict[str, Any]:
    return {entry["name"]: entry for entry in ask(served, "/api/gallery").json()["entries"]}


def slide_of(served: Served, name: str) -> dict[str, Any]:
    answer = ask(served, f"/api/entries/{entries(served)[name]['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def picture(answer: httpx.Response) -> Bytes:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def level_size(size_px: list[int], levels: int, level: int) -> tuple[int, int]:
    factor = 2 ** (levels - 1 - level)
    return -(-size_px[0] // factor), -(-size_px[1] // factor)


def whole(served: Served, address: str, size_px: list[int], levels: int, level: int) -> Bytes:
    """Put a level together of its tiles, each of which must have the size that its place asks
    for."""
    width, height = level_size(size_px, levels, level)
    rows = []
    for y in range(0, height, 256):
        row = []
        for x in range(0, width, 256):
            tile = picture(ask(served, address.format(level=level, place=f"{x // 256}_{y // 256}")))
            assert tile.shape[:2] == (min(256, height - y), min(256, width - x))
            row.append(tile)
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def labels_of(
    served: Served,
    layer: dict[str, Any],
    level: int,
    kind: str = "tiles",
    size_px: list[int] | None = None,
) -> Bytes:
    address = f"/api/layers/{layer['id']}/{kind}/{{level}}/{{place}}.png"
    return whole(served, address, size_px or layer["size_px"], layer["levels"], level)


def test_gallery_shows_slides_and_pictures_and_neither_masks_nor_results(shown: Served) -> None:
    answer = ask(shown, "/api/gallery")
    told, found = answer.json(), entries(shown)
    crops = [f"bcss/images/{crop.name}" for crop in CROPS]
    assert sorted(found) == sorted(["cmu1.svs", "large.tif", *crops])
    assert {name: entry["state"] for name, entry in found.items()} == {
        "cmu1.svs": "mapped",
        "large.tif": "mapped",
        crops[0]: "mapped",
        crops[1]: "plain",
        crops[2]: "plain",
    }
    assert told["folder"] == "slides"
    assert told["writable"]
    assert [model["name"] for model in told["models"]] == ["breast2", "breast1", "lite0"]
    assert str(shown.folder) not in answer.text
    assert all(len(entry["id"]) == 16 for entry in found.values())


def test_a_slide_says_its_size_resolution_and_layers(shown: Served) -> None:
    slide = slide_of(shown, "cmu1.svs")
    assert (slide["size_px"], slide["levels"], slide["mpp"], slide["mpp_source"]) == (
        [480, 480],
        2,
        0.499,
        "Aperio's MPP",
    )
    [layer] = slide["layers"]
    assert (layer["kind"], layer["title"], layer["size_px"], layer["uncertainty"]) == (
        "map",
        "breast2",
        [299, 299],
        True,
    )
    assert "labels.ome.tif" in layer["files"]
    assert "regions.geojson" in layer["files"]
    assert sum(one["share"] for one in layer["classes"]) == pytest.approx(1)


def test_a_picture_without_resolution_is_shown_all_the_same(tmp_path: Path) -> None:
    shutil.copy(CROPS[1], tmp_path / "a.png")
    with serving(tmp_path) as served:
        slide = slide_of(served, "a.png")
    assert slide["mpp"] is None
    assert slide["size_px"] == [256, 256]


@pytest.mark.parametrize("name", ["cmu1.svs", "large.tif", f"bcss/images/{CROPS[0].name}"])
def test_tiles_are_the_slide_at_every_level(shown: Served, name: str) -> None:
    slide = slide_of(shown, name)
    address = f"/api/entries/{slide['id']}/tiles/{{level}}/{{place}}.jpg"
    read = open_slide(shown.folder / name, mpp=0.3)
    for level in range(slide["levels"]):
        size = level_size(slide["size_px"], slide["levels"], level)
        expected = read.resampled((0, 0, *slide["size_px"]), size)
        got = whole(shown, address, slide["size_px"], slide["levels"], level)
        assert got.shape == expected.shape
        lost = np.abs(got.astype(int) - expected).mean()
        assert lost < 8  # what JPEG loses of fine grain
        assert all(
            lost < 0.7 * np.abs(got.astype(int) - np.roll(expected, 1, axis)).mean()
            for axis in (0, 1)
        )  # and nothing has moved
    assert max(level_size(slide["size_px"], slide["levels"], 0)) <= 256
    read.close()


def test_label_tiles_are_the_stored_labels_at_every_level(shown: Served) -> None:
    [layer] = slide_of(shown, "large.tif")["layers"]
    stored = patches(1050, 1350)
    assert (layer["size_px"], layer["levels"]) == ([1350, 1050], 4)
    for level in range(4):
        step = 2 ** (3 - level)
        np.testing.assert_array_equal(labels_of(shown, layer, level), stored[::step, ::step])


def test_label_tiles_of_real_maps_are_the_files(shown: Served) -> None:
    crop_map = slide_of(shown, f"bcss/images/{CROPS[0].name}")["layers"][0]
    [file] = shown.folder.glob("maps/crops/*/labels.png")
    np.testing.assert_array_equal(labels_of(shown, crop_map, 0), read_codes(file))
    [slide_map] = slide_of(shown, "cmu1.svs")["layers"]
    from tifffile import imread

    np.testing.assert_array_equal(
        labels_of(shown, slide_map, 1),
        imread(shown.folder / "maps" / "slides" / "cmu1" / "labels.ome.tif"),
    )


def test_uncertainty_has_its_own_pyramid(shown: Served) -> None:
    from tifffile import imread

    [layer] = slide_of(shown, "cmu1.svs")["layers"]
    got = picture(ask(shown, f"/api/layers/{layer['id']}/uncertainty/0/0_0.png"))
    np.testing.assert_array_equal(
        got, imread(shown.folder / "maps" / "slides" / "cmu1" / "uncertainty.ome.tif")
    )
    assert got.shape == (38, 38)
    [without] = slide_of(shown, "large.tif")["layers"]
    assert ask(shown, f"/api/layers/{without['id']}/uncertainty/0/0_0.png").status_code == 404


def test_truth_is_the_mask_in_the_classes_of_region5(shown: Served) -> None:
    slide = slide_of(shown, f"bcss/images/{CROPS[1].name}")
    [layer] = slide["layers"]
    assert (layer["kind"], layer["title"], layer["files"]) == ("truth", "annotation", [])
    assert [one["name"] for one in layer["classes"]] == list(BUILT_IN["region5"].names)
    codes = read_codes(DATA / "bcss" / "masks" / CROPS[1].name)
    np.testing.assert_array_equal(
        labels_of(shown, layer, 0), BUILT_IN["region5"].apply(codes, "here")
    )


def test_measures_are_those_of_the_map(shown: Served) -> None:
    import json

    [layer] = slide_of(shown, "cmu1.svs")["layers"]
    told = ask(shown, f"/api/layers/{layer['id']}/measures").json()
    run = json.loads((shown.folder / "maps" / "slides" / "cmu1" / "run.json").read_text())
    assert told["measures"] == run["measures"]
    assert (told["model"], told["mpp"]) == ("breast2", 0.499)
    assert "input" not in told


def test_nothing_that_can_be_downloaded_tells_where_it_lies(shown: Served) -> None:
    for name in ("cmu1.svs", f"bcss/images/{CROPS[0].name}"):
        slide = slide_of(shown, name)
        for layer in slide["layers"]:
            answers = [
                ask(shown, f"/api/layers/{layer['id']}/files/{file}") for file in layer["files"]
            ]
            answers += [
                ask(shown, f"/api/layers/{layer['id']}/measures"),
                ask(shown, f"/api/entries/{slide['id']}"),
            ]
            assert {answer.status_code for answer in answers} == {200}
            assert not any(
                str(shown.folder.parent).encode() in answer.content for answer in answers
            )


def test_a_measure_without_meaning_is_none(place: Path) -> None:
    add_map(
        place / "maps" / "cmu1",
        place / "cmu1.svs",
        patches(240, 240),
        measures={"nest_count": float("nan"), "analysed_mm2": 0.5},
    )
    with serving(place) as served:
        [layer] = slide_of(served, "cmu1.svs")["layers"]
        assert ask(served, f"/api/layers/{layer['id']}/measures").json()["measures"] == {
            "nest_count": None,
            "analysed_mm2": 0.5,
        }


def test_what_the_browser_has_is_not_sent_again(shown: Served) -> None:
    slide = slide_of(shown, "cmu1.svs")
    tile, label = (
        f"/api/entries/{slide['id']}/tiles/1/0_0.jpg",
        f"/api/layers/{slide['layers'][0]['id']}/tiles/1/0_0.png",
    )
    for path in (
        tile,
        f"{tile}?v={slide['version']}",
        label,
        f"/api/entries/{slide['id']}/thumbnail.jpg",
    ):
        first = ask(shown, path)
        again = ask(shown, path, If_None_Match=first.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
    assert "immutable" not in ask(shown, tile).headers["cache-control"]
    assert "immutable" in ask(shown, f"{tile}?v={slide['version']}").headers["cache-control"]
    assert "immutable" in ask(shown, label).headers["cache-control"]


def test_thumbnails_are_small(shown: Served) -> None:
    for name, entry in entries(shown).items():
        small = picture(ask(shown, f"/api/entries/{entry['id']}/thumbnail.jpg"))
        assert max(small.shape) == min(320, 256 if "bcss" in name else 320)


def test_page_and_its_files_come_compressed(shown: Served) -> None:
    page = ask(shown, "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = ask(shown, "/static/vendor/openseadragon.min.js", Accept_Encoding="gzip")
    assert script.headers["content-encoding"] == "gzip"
    assert int(script.headers["content-length"]) < 100_000
    assert (
        ask(
            shown, "/static/vendor/openseadragon.min.js", If_None_Match=script.headers["etag"]
        ).status_code
        == 304
    )


def test_description_is_served_and_needs_no_other_host(shown: Served) -> None:
    assert ask(shown, "/api/openapi.json").json()["info"]["title"] == "breastseg"
    assert (
        ask(shown, "/docs").status_code
        == ask(shown, "/redoc").status_code
        == ask(shown, "/api/docs").status_code
        == 404
    )


def test_a_map_is_shown_only_with_the_slide_that_it_was_made_of(place: Path) -> None:
    add_map(place / "maps" / "cmu1", place / "cmu1.svs", patches(240, 240))
    with serving(place) as served:
        before = slide_of(served, "cmu1.svs")
        assert before["maps"] == 1
        with (place / "cmu1.svs").open("ab") as file:
            file.write(b"changed")
        tile = f"/api/entries/{before['id']}/tiles/1/0_0.jpg"
        old = ask(served, f"{tile}?v={before['version']}")
        assert old.status_code == 410
        assert old.json()["error"] == "cmu1.svs: has changed since it was opened; open it again"
        after = slide_of(served, "cmu1.svs")
        assert (after["maps"], after["layers"]) == (0, [])
        assert after["version"] != before["version"]
        assert entries(served)["cmu1.svs"]["state"] == "plain"
        assert ask(served, f"{tile}?v={after['version']}").status_code == 200


def test_a_slide_that_is_removed_while_open_is_gone(place: Path) -> None:
    with serving(place) as served:
        slide = slide_of(served, "cmu1.svs")
        tile = f"/api/entries/{slide['id']}/tiles/1/0_0.jpg"
        assert ask(served, tile).status_code == 200
        (place / "cmu1.svs").unlink()
        gone = ask(served, tile)
        assert gone.status_code == 404
        assert (
            gone.json()["error"] == "cmu1.svs: was removed from the folder; go back to the gallery"
        )
        assert "cmu1.svs" not in entries(served)
        assert ask(served, f"/api/entries/{slide['id']}").status_code == 404


def test_a_map_that_is_removed_while_open_is_gone(place: Path) -> None:
    folder = add_map(place / "maps" / "cmu1", place / "cmu1.svs", patches(240, 240))
    with serving(place) as served:
        [layer] = slide_of(served, "cmu1.svs")["layers"]
        shutil.rmtree(folder)
        gone = ask(served, f"/api/layers/{layer['id']}/tiles/0/0_0.png")
        assert (gone.status_code, gone.json()["error"]) == (
            404,
            "no such map here; open the slide again",
        )
        assert slide_of(served, "cmu1.svs")["layers"] == []


def test_what_is_no_slide_is_broken_once_it_was_opened(place: Path) -> None:
    (place / "no.svs").write_bytes(b"IJrEr1vV" * 100)
    (place / "cut.png").write_bytes(CROPS[0].read_bytes()[:60_000])
    with serving(place) as served:
        assert entries(served)["no.svs"]["state"] == "plain"
        for name in ("no.svs", "cut.png"):
            refused = ask(served, f"/api/entries/{entries(served)[name]['id']}")
            assert refused.status_code == 422
            assert refused.json()["error"].startswith(f"{name}: ")
            assert str(place) not in refused.text
            found = entries(served)[name]
            assert (found["state"], found["cause"]) == ("broken", refused.json()["error"])
        shutil.copy(CROPS[0], place / "cut.png")
        assert entries(served)["cut.png"]["state"] == "plain"
        assert slide_of(served, "cut.png")["size_px"] == [256, 256]


def test_the_page_has_words_for_every_file_and_measure(shown: Served) -> None:
    legend, words = (
        (STATIC / name).read_text(encoding="utf-8") for name in ("legend.js", "measures.js")
    )
    assert [
        name for name in (*FILES, *MADE_FILES) if f'"{name.removesuffix(".gz")}": "' not in legend
    ] == []
    [layer] = slide_of(shown, "cmu1.svs")["layers"]
    row = ask(shown, f"/api/layers/{layer['id']}/measures").json()["measures"]
    of_classes = {
        f"{one['name']}_{unit}" for one in layer["classes"] for unit in ("mm2", "percent")
    }
    assert [
        name for name in row.keys() - of_classes - {"image", "mpp"} if f"  {name}: " not in words
    ] == []


def test_a_corrupt_tile_spoils_no_other(place: Path) -> None:
    slide = write_tiled(place / "worn.tif", levels_of(tissue(2100, 2700), 2), tile=(256, 256))
    move_tile(slide, 1, 0, past_end=True)
    with serving(place) as served:
        told = slide_of(served, "worn.tif")
        tile, last = f"/api/entries/{told['id']}/tiles/{{}}/{{}}.jpg", told["levels"] - 1
        assert ask(served, tile.format(last, "0_0")).status_code == 200
        for level in (last - 1, last - 2):
            spoiled = ask(served, tile.format(level, "0_0"))
            assert spoiled.status_code == 422
            assert spoiled.json()["error"].startswith("worn.tif: cannot be read at x 0, y 0")
            assert ask(served, tile.format(level, "2_2")).status_code == 200
        assert ask(served, f"/api/entries/{told['id']}/thumbnail.jpg").status_code == 200
        assert entries(served)["worn.tif"]["state"] == "plain"


def test_a_damaged_label_tile_is_told(place: Path) -> None:
    folder = add_map(place / "maps" / "cmu1", place / "cmu1.svs", patches(600, 600))
    move_tile(folder / "labels.ome.tif", 0, 0, past_end=True)
    with serving(place) as served:
        [layer] = slide_of(served, "cmu1.svs")["layers"]
        spoiled = ask(served, f"/api/layers/{layer['id']}/tiles/2/0_0.png")
        assert spoiled.status_code == 422
        assert "make the map again" in spoiled.json()["error"]
        assert str(place) not in spoiled.text
        assert ask(served, f"/api/layers/{layer['id']}/tiles/2/1_1.png").status_code == 200


def test_names_may_hold_anything_a_disk_takes(place: Path) -> None:
    odd = ["two words.png", "Präparat №3 日本.png", "a#b?c%2e.png"]
    for name in odd:
        shutil.copy(CROPS[0], place / name)
    raw = os.fsencode(place) + b"/not-utf8-\xff.png"
    shutil.copy(CROPS[0], raw)
    os.truncate(raw, 50_000)
    with serving(place) as served:
        assert set(odd) < set(entries(served))
        for name in odd:
            assert slide_of(served, name)["name"] == name
        [strange] = [
            entry for name, entry in entries(served).items() if name.startswith("not-utf8")
        ]
        assert ask(served, f"/api/entries/{strange['id']}").status_code == 422


def test_a_run_of_something_else_is_no_map(place: Path) -> None:
    for name, said in {
        "list": "[]",
        "torn": '{"input": "cmu1.svs"',
        "other": '{"input": "cmu1.svs", "size_px": 3}',
    }.items():
        (place / name).mkdir()
        (place / name / "run.json").write_text(said)
    add_map(place / "no-classes", place / "cmu1.svs", patches(240, 240), label_map={"name": "x"})
    (
        add_map(place / "no-labels", place / "cmu1.svs", patches(240, 240)) / "labels.ome.tif"
    ).unlink()
    (
        add_map(place / "torn-labels", place / "cmu1.svs", patches(240, 240)) / "labels.ome.tif"
    ).write_bytes(b"II*\0")
    with serving(place) as served:
        answer = ask(served, f"/api/entries/{entries(served)['cmu1.svs']['id']}")
        assert answer.status_code == 200
        assert answer.json()["layers"] == []
        [doubt] = answer.json()["doubts"]
        assert doubt.startswith(
            "painted cannot be shown: torn-labels/labels.ome.tif: cut short or damaged"
        )


def test_empty_folder_is_an_empty_gallery(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        assert entries(served) == {}
        shutil.copy(CROPS[0], tmp_path / "new.png")
        assert list(entries(served)) == ["new.png"]


class Thing:
    """What a shelf holds, in a test."""

    held_bytes = 10

    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_a_shelf_lets_go_of_what_was_used_longest_ago() -> None:
    shelf: Shelf[Thing] = Shelf(2, Room(1000))
    things = {key: Thing() for key in "abc"}
    for key in "abac":
        with shelf.borrowed(key, lambda key=key: things[key]):
            pass
    assert [things[key].closed for key in "abc"] == [False, True, False]
    tight: Shelf[Thing] = Shelf(10, room := Room(15))
    for key in "abc":
        things[key] = Thing()
        with tight.borrowed(key, lambda key=key: things[key]):
            pass
    assert [things[key].closed for key in "abc"] == [True, True, False]
    assert room.used == 10
    tight.close()
    assert things["c"].closed
    assert room.used == 0


def test_a_shelf_never_closes_what_is_read_and_opens_it_once() -> None:
    shelf: Shelf[Thing] = Shelf(1, Room(1000))
    opened: list[Thing] = []

    def make() -> Thing:
        opened.append(Thing())
        return opened[-1]

    with shelf.borrowed("a", make) as first:
        others = [
            threading.Thread(target=lambda: shelf.borrowed("a", make).__enter__()) for _ in range(4)
        ]
        for other in others:
            other.start()
        for other in others:
            other.join()
        with shelf.borrowed("b", make):
            pass
        assert not first.closed
        assert len(opened) == 2


def test_a_shelf_keeps_nothing_of_what_could_not_be_opened() -> None:
    shelf: Shelf[Thing] = Shelf(2, Room(1000))

    def fail() -> Thing:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), shelf.borrowed("a", fail):
        pass
    thing = Thing()
    with shelf.borrowed("a", lambda: thing) as held:
        assert held is thing
