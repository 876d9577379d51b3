"""Masks for other pipelines, read back as these read them: TRIDENT's contours by shapely as its
patcher asks them, hs2p's mask by OpenSlide, CLAM's places by h5py."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import shapely

from breastseg.cli.main import main
from breastseg.errors import ImageError, IncompleteError, InputError
from breastseg.inference.hand_over import hand_over
from breastseg.labels import BUILT_IN
from breastseg.reporter import QUIET
from run_records import painted_result

h5py = pytest.importorskip("h5py")

MAP = BUILT_IN["region5"]
SIZE = (2400, 1600)
"""Of the slide, level 0; the map has half of it."""


def truth() -> Any:
    labels = np.full((SIZE[1] // 2, SIZE[0] // 2), 2, np.uint8)
    labels[100:500, 200:700] = 1
    labels[200:300, 300:400] = 2
    labels[600:, 900:] = 0
    labels[650:700, 20:60] = 1
    return labels


def result(folder: Path, labels: Any, slide: str) -> Path:
    return painted_result(folder, labels, MAP, slide=slide, fingerprint="", size_px=SIZE, mpp=0.25)


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    out = tmp_path / "maps"
    result(out / "a", truth(), "/slides/a.svs")
    result(out / "sub" / "b", np.full((800, 1200), 2, np.uint8), "/slides/sub/b.svs")
    (out / "manifest.csv").write_text(
        "slide,outcome,cause,seconds,result,patient\n"
        "/slides/a.svs,done,,1,a,\n/slides/sub/b.svs,done,,1,sub/b,\n/slides/c.svs,failed,x,1,,\n"
    )
    return out


FULL = (truth() == 1).repeat(2, 0).repeat(2, 1)
"""Where tumour is, at level 0."""


def test_trident_patches_lie_on_the_class(maps: Path, tmp_path: Path) -> None:
    """Its patcher unites the polygons and keeps squares by the share of their area in them."""
    assert hand_over(maps, tmp_path / "job", "trident", reporter=QUIET) == 1
    names = sorted(path.name for path in (tmp_path / "job" / "contours_geojson").iterdir())
    assert names == ["a.geojson", "b.geojson"], "one of a slide without tumour says so"
    value = json.loads((tmp_path / "job" / "contours_geojson" / "a.geojson").read_text())
    assert [one["properties"]["tissue_id"] for one in value["features"]] == [0, 1]
    assert {one["geometry"]["type"] for one in value["features"]} == {"Polygon"}
    tissue = shapely.union_all(
        [shapely.from_geojson(json.dumps(one["geometry"])) for one in value["features"]]
    )
    assert tissue.area == pytest.approx(FULL.sum(), rel=0.01)
    for y in range(0, SIZE[1] - 127, 128):
        for x in range(0, SIZE[0] - 127, 128):
            share = tissue.intersection(shapely.box(x, y, x + 128, y + 128)).area / 128**2
            assert share == pytest.approx(FULL[y : y + 128, x : x + 128].mean(), abs=0.05)
    empty = json.loads((tmp_path / "job" / "contours_geojson" / "b.geojson").read_text())
    assert empty["features"] == []


def test_hs2p_mask_is_a_pyramid_that_says_its_resolution(maps: Path, tmp_path: Path) -> None:
    assert hand_over(maps, tmp_path / "job", "hs2p", reporter=QUIET) == 1
    lines = (tmp_path / "job" / "slides.csv").read_text().splitlines()
    path = tmp_path / "job" / "masks" / "a.tif"
    assert lines[:2] == ["sample_id,image_path,mask_path", f"a,/slides/a.svs,{path}"]
    with openslide.OpenSlide(path) as mask:
        assert mask.level_dimensions == ((1200, 800), (600, 400), (300, 200))
        assert float(mask.properties["openslide.mpp-x"]) == pytest.approx(0.5, rel=1e-3)
        for level, (width, height) in enumerate(mask.level_dimensions):
            pixels = np.asarray(mask.read_region((0, 0), level, (width, height)))
            wanted = (truth() == 1)[:: 2**level, :: 2**level]
            for channel in range(3):
                assert np.array_equal(pixels[..., channel], wanted)
    with openslide.OpenSlide(tmp_path / "job" / "masks" / "b.tif") as mask:
        assert not np.asarray(mask.read_region((0, 0), 0, (1200, 800)))[..., :3].any()
    assert {one.name for one in path.parent.iterdir()} == {"a.tif", "b.tif"}, "no scratch is left"


def test_clam_places_are_those_of_patches_that_are_half_full(maps: Path, tmp_path: Path) -> None:
    assert hand_over(maps, tmp_path / "job", "clam", patch_px=128, reporter=QUIET) == 1
    assert (tmp_path / "job" / "process_list_autogen.csv").read_text().splitlines() == [
        "slide_id,process,status",
        "a.svs,1,processed",
    ]
    with h5py.File(tmp_path / "job" / "patches" / "a.h5") as file:
        places = file["coords"][:]
        assert file["coords"].attrs["patch_size"] == 128
        assert file["coords"].attrs["patch_level"] == 0
    wanted = [
        (x, y)
        for y in range(0, SIZE[1] - 127, 128)
        for x in range(0, SIZE[0] - 127, 128)
        if FULL[y : y + 128, x : x + 128].mean() >= 0.5
    ]
    assert [tuple(place) for place in places.tolist()] == wanted
    assert len(wanted) > 20
    assert not (tmp_path / "job" / "patches" / "b.h5").exists()


def test_the_same_maps_make_the_same_bytes(maps: Path, tmp_path: Path) -> None:
    for pipeline in ("trident", "hs2p", "clam"):
        for name in ("one", "two"):
            hand_over(maps, tmp_path / pipeline / name, pipeline, reporter=QUIET)
        for path in (tmp_path / pipeline / "one").rglob("*"):
            if path.is_file() and path.suffix not in (".json", ".csv"):
                other = tmp_path / pipeline / "two" / path.relative_to(tmp_path / pipeline / "one")
                assert path.read_bytes() == other.read_bytes(), path


def test_any_class_and_one_result(maps: Path, tmp_path: Path) -> None:
    assert hand_over(maps / "a", tmp_path / "job", "clam", class_name="Stroma", reporter=QUIET) == 1


def test_what_cannot_be_handed_over(maps: Path, tmp_path: Path) -> None:
    with pytest.raises(IncompleteError, match=r"2 of 2 failed; .*class 'dcis' is none of its map"):
        hand_over(maps, tmp_path / "1", "clam", class_name="dcis", reporter=QUIET)
    with pytest.raises(InputError, match=r"no manifest\.csv and no run\.json"):
        hand_over(tmp_path, tmp_path / "2", "clam", reporter=QUIET)
    with pytest.raises(InputError, match="wanted 32 to"):
        hand_over(maps, tmp_path / "3", "clam", patch_px=1, reporter=QUIET)
    (maps / "a" / "labels.ome.tif").write_bytes(b"II*\0")
    with pytest.raises(ImageError, match=r"labels\.ome\.tif: "):
        hand_over(maps / "a", tmp_path / "4", "hs2p", reporter=QUIET)


def test_two_slides_of_one_name_are_refused(maps: Path, tmp_path: Path) -> None:
    run = maps / "sub" / "b" / "run.json"
    run.write_text(run.read_text().replace("sub/b.svs", "sub/a.svs"))
    with pytest.raises(IncompleteError, match="second slide called 'a'"):
        hand_over(maps, tmp_path / "job", "trident", reporter=QUIET)


def test_a_manifest_that_leads_elsewhere_is_refused(maps: Path, tmp_path: Path) -> None:
    (maps / "manifest.csv").write_text("outcome,result\ndone,../../etc\n")
    with pytest.raises(InputError, match="is not in the folder"):
        hand_over(maps, tmp_path / "job", "trident", reporter=QUIET)


def test_the_command_and_its_status(
    maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["masks", str(maps), "--for", "hs2p", "--out", str(tmp_path / "job")]) == 0
    assert "1 slide with tumor for hs2p" in capsys.readouterr().out
    assert main(["masks", str(maps), "--for", "hs2p", "--out", str(tmp_path / "job")]) == 0
    other = ["masks", str(maps), "--for", "clam", "--out", str(tmp_path / "job")]
    assert main(other) == 0, "work of the same command takes the folder"
    damaged = maps / "a" / "labels.ome.tif"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    assert main(["masks", str(maps), "--for", "hs2p", "--out", str(tmp_path / "new")]) == 1
