"""A person's own models beside those that ship, and microns per pixel that only a data set or an
earlier map knows."""

import json
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi")
httpx = pytest.importorskip("httpx")

from breastseg.bundles.bundle import bundled_models  # noqa: E402
from breastseg.cli import main  # noqa: E402
from breastseg.errors import InputError, ModelError  # noqa: E402
from breastseg.json_files import read_json  # noqa: E402
from breastseg.serve.library.offered import offered_models  # noqa: E402
from breastseg.sources.bcss.find import MPP_SOURCE  # noqa: E402
from conftest import CROPS, DATA  # noqa: E402
from serve_app import add_map, serving, small_folder  # noqa: E402

LABELS = np.ones((128, 128), np.uint8)


def bundle(place: Path, name: str = "mine") -> Path:
    """Copy the model that ships, under a name of its own."""
    shutil.copytree(bundled_models()["lite0"], place)
    card = read_json(place / "card.json", InputError, "a card")
    (place / "card.json").write_text(json.dumps({**card, "name": name}))
    return place


def asking(address: str) -> Any:
    return httpx.Client(base_url=address, headers={"X-Breastseg": "1"}, timeout=300)


def entry(client: Any, name: str) -> Any:
    found = next(
        one["id"] for one in client.get("/api/gallery").json()["entries"] if one["name"] == name
    )
    return client.get(f"/api/entries/{found}").json()


def ask(client: Any, name: str, **more: Any) -> Any:
    answer = client.post(
        "/api/jobs", json={"entry": entry(client, name)["id"], "model": "lite0", **more}
    )
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    end = time.monotonic() + 600
    while (job := client.get(f"/api/jobs/{number}").json())["state"] in {"queued", "running"}:
        assert time.monotonic() < end
        time.sleep(0.05)
    return job


def test_an_own_model_is_offered_and_used(tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    folder.mkdir()
    shutil.copy(CROPS[0], folder / "a.png")
    with (
        serving(
            folder, models=(bundle(tmp_path / "first"), bundle(tmp_path / "second", "zweites"))
        ) as served,
        asking(served.address) as client,
    ):
        told = client.get("/api/gallery").json()["models"]
        assert [model["name"] for model in told] == [
            "breast2",
            "breast1",
            "lite0",
            "mine",
            "zweites",
        ]
        assert [one["name"] for one in told[1]["classes"]] == [
            one["name"] for one in told[0]["classes"]
        ]
        job = ask(client, "a.png", model="mine", mpp=0.3)
        assert job["state"] == "done", job
        [layer] = entry(client, "a.png")["layers"]
        assert layer["title"] == "mine"
    with serving(folder) as served, asking(served.address) as client:
        answer = client.post(
            "/api/jobs", json={"entry": entry(client, "a.png")["id"], "model": "mine", "mpp": 0.3}
        )
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "there is no model of this name here; there is breast2, breast1, lite0"},
        )


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_job_whose_model_is_offered_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(CROPS[0], tmp_path / "a.png")
    from breastseg.serve.jobs import child

    with (
        monkeypatch.context() as slow,
        serving(tmp_path, models=(bundle(tmp_path / ".first"),)) as served,
        asking(served.address) as client,
    ):
        slow.setattr(child, "WORKER", (sys.executable, "-c", "import time; time.sleep(1000)"))
        wanted = {"entry": entry(client, "a.png")["id"], "model": "mine", "mpp": 0.3}
        number = client.post("/api/jobs", json=wanted).json()["id"]
    with serving(tmp_path) as served, asking(served.address) as client:
        ask(client, "a.png", mpp=0.3)
        job = client.get(f"/api/jobs/{number}").json()
        cause = (
            "the model mine is not offered any more; serve with it as --model, or choose another"
        )
        assert (job["state"], job["cause"]) == ("failed", cause)


def test_models_have_names_of_their_own(tmp_path: Path) -> None:
    first, second = bundle(tmp_path / "first"), bundle(tmp_path / "second")
    assert list(offered_models([first])) == ["breast2", "breast1", "lite0", "mine"]
    line = (
        f"model '{second}': is named 'mine', as is the one in {first}; leave one out, or train it"
        " under another --name"
    )
    with pytest.raises(InputError, match=re.escape(line)):
        offered_models([first, second])
    with pytest.raises(InputError, match="is named 'lite0', as is the one in"):
        offered_models([bundled_models()["lite0"]])
    (first / "model.onnx").write_bytes(b"altered")
    with pytest.raises(ModelError, match=r"model\.onnx: altered"):
        offered_models([first])


def test_a_bad_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(
            ["serve", str(tmp_path), "--port", "0", "--no-open", "--model", str(tmp_path / "none")]
        )
        == 2
    )
    line = capsys.readouterr().err
    assert line.startswith(
        f"breastseg: model '{tmp_path / 'none'}': no bundle there (no card.json); shipped models"
        " are breast2, breast1, lite0"
    )
    assert line.count("\n") == 1
    assert not (tmp_path / "breastseg").exists()


def test_a_data_set_knows_the_resolution_of_its_pictures(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "slides")
    name = f"bcss/images/{CROPS[1].name}"
    shutil.copy(CROPS[2], folder / "alone.png")
    add_map(
        folder / "maps" / "a",
        folder / "bcss" / "images" / CROPS[1].name,
        LABELS,
        mpp=0.41,
        mpp_source="given",
    )
    with serving(folder) as served, asking(served.address) as client:
        assert (entry(client, name)["mpp"], entry(client, name)["mpp_source"]) == (0.30, MPP_SOURCE)
        assert (entry(client, "alone.png")["mpp"], entry(client, "alone.png")["mpp_source"]) == (
            None,
            "nobody knows",
        )
        assert [entry(client, one)["mpp_own"] for one in (name, "alone.png", "cmu1.svs")] == [
            False,
            False,
            True,
        ]
        assert (entry(client, "cmu1.svs")["mpp"], entry(client, "cmu1.svs")["mpp_source"]) == (
            0.499,
            "Aperio's MPP",
        )
        assert ask(client, name)["state"] == "done"
        [run] = (folder / "breastseg" / "maps").glob("*/*/run.json")
        assert json.loads(run.read_text())["mpp"] == 0.30


def test_an_earlier_map_of_exactly_this_file_knows(tmp_path: Path) -> None:
    shutil.copy(CROPS[0], tmp_path / "a.png")
    add_map(tmp_path / "maps" / "1", tmp_path / "a.png", LABELS, mpp=0.41, mpp_source="given")
    for name, bad in {
        "2": {"mpp": 99.0, "mpp_source": "x"},
        "3": {"mpp": 0.5, "mpp_source": None},
        "4": {"mpp": True},
    }.items():
        add_map(tmp_path / "maps" / name, tmp_path / "a.png", LABELS, **bad)
    with serving(tmp_path) as served, asking(served.address) as client:
        told = entry(client, "a.png")
        assert (told["mpp"], told["mpp_source"]) == (0.41, "given")
        assert ask(client, "a.png")["state"] == "done"
        shutil.copy(CROPS[1], tmp_path / "a.png")
        assert entry(client, "a.png")["mpp"] is None
        answer = client.post(
            "/api/jobs", json={"entry": entry(client, "a.png")["id"], "model": "lite0"}
        )
        assert answer.status_code == 422
        assert answer.json()["error"].startswith(
            "a.png: nobody knows its microns per pixel; say how large a pixel is"
        )


@pytest.mark.parametrize("beside", ["area", "mask", "broken"])
def test_a_data_set_in_a_folder_is_seen_beside_other_pictures(tmp_path: Path, beside: str) -> None:
    folder = small_folder(tmp_path / "slides")
    shutil.copy(CROPS[0], folder / "a.png")
    if beside == "area":  # the folder itself counts as one with areas then
        (folder / "a.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    elif beside == "mask":
        shutil.copy(DATA / "bcss" / "masks" / CROPS[0].name, folder / "a_mask.png")
    else:
        shutil.copytree(DATA / "bcss" / "images", folder / "another" / "images")
        (folder / "another" / "masks").mkdir()
    with serving(folder) as served, asking(served.address) as client:
        names = {one["name"] for one in client.get("/api/gallery").json()["entries"]}
        assert not any(name.startswith("bcss/masks/") for name in names)
        assert "a.png" in names
        assert "a_mask.png" not in names
        told = entry(client, f"bcss/images/{CROPS[0].name}")
        assert [layer["kind"] for layer in told["layers"]] == ["truth"]
        assert told["mpp"] == 0.30
        assert [layer["kind"] for layer in entry(client, "a.png")["layers"]] == (
            ["truth"] if beside == "mask" else []
        )


def test_a_release_whose_tables_are_broken_is_shown_all_the_same(tmp_path: Path) -> None:
    whole = "TCGA-A2-A0D2-DX1_xmin96887_ymin22299_MPP-0.2500"
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        shutil.copy(DATA / "bcss" / kind / CROPS[0].name, tmp_path / kind / f"{whole}.png")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "roiBounds.csv").write_text(",xmin,xmax\nTCGA-A2-A0D2-DX1,?,2\n")
    (tmp_path / "meta" / "slide_magnifications.csv").write_text(",magnification\nTCGA-A2-A0D2,0\n")
    with serving(tmp_path) as served, asking(served.address) as client:
        told = entry(client, f"images/{whole}.png")
        assert (told["mpp"], [layer["kind"] for layer in told["layers"]]) == (None, ["truth"])
