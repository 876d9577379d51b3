"""Recipes: what recipes/make.py runs for one, and what it says of one that is wrong."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RECIPES = Path(__file__).parents[2] / "recipes"
LITE0 = RECIPES / "lite0"
sys.path.insert(0, str(RECIPES))

import make  # noqa: E402


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Collect commands in place of running them."""
    found: list[list[str]] = []

    def run(words: list[str], *, check: bool) -> "subprocess.CompletedProcess[str]":
        found.append(words)
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(make.subprocess, "run", run)
    return found


def call(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["make.py", *map(str, words)])
    make.main()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for name in json.loads((LITE0 / "recipe.json").read_text())["sources"]:
        (tmp_path / "data" / name).mkdir(parents=True)
    return tmp_path / "data"


def test_the_shipped_model_is_made_by_these_commands(
    data: Path, tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    call(monkeypatch, LITE0, data, out)
    breastseg = [sys.executable, "-m", "breastseg"]
    sources = [
        str(data / name)
        for name in ("bcss", "bcss_kaggle224", "bcss_tile512", "bcss_thumbnails", "brca_m2c")
    ]
    lines = (
        (
            f"prepare {' '.join(sources)} --out {out}/data --table {LITE0}/thumbnails.csv"
            " --to-mpp 0.5 --labels region5"
        ),
        f"split {out}/data --scheme {LITE0}/split.csv",
        f"train {out}/data --out {out}/run --preset standard --name lite0 --bias none",
        (
            f"export {out}/run/bundle --int8 --data {out}/data --split val --limits"
            f" {LITE0}/limits.txt --out {out}/lite0"
        ),
        f"evaluate --model {out}/lite0 --data {out}/data --split val --out {out}/scores --record",
    )
    assert ran == [[*breastseg, *line.split()] for line in lines]


def test_a_fold_of_it(
    data: Path, tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    call(
        monkeypatch,
        LITE0,
        data,
        tmp_path / "out",
        "--until",
        "train",
        "--split",
        "fold.csv",
        "--train",
        "seed=3",
        "epochs=1",
    )
    assert [words[3] for words in ran] == ["prepare", "split", "train"]
    assert ran[1][-1] == "fold.csv"
    assert ran[2][-4:] == ["--seed", "3", "--epochs", "1"]


def test_what_was_trained_is_averaged_with_others_and_that_is_exported(
    tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = recipe(tmp_path / "mine", average={"lite0": 0.25}, export={"bias": "none"})
    (tmp_path / "data" / "one").mkdir(parents=True)
    out = tmp_path / "out"
    call(monkeypatch, mine, tmp_path / "data", out)
    script = str(RECIPES / "average.py")
    averaged = [str(out / "averaged"), str(out / "data"), "lite0=0.25", f"{out}/run/bundle=0.75"]
    assert ran[3] == [sys.executable, script, *averaged]
    assert ran[4][3:5] == ["export", str(out / "averaged")]
    assert ran[4][ran[4].index("--bias") :][:2] == ["--bias", "none"]
    (out / "averaged").mkdir(parents=True)
    ran.clear()
    call(monkeypatch, mine, tmp_path / "data", out)
    assert [words[3] for words in ran[3:]] == ["export", "evaluate"]


def test_trainings_of_several_seeds_are_averaged(
    tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = recipe(tmp_path / "mine", seeds=[5, 6], train={"epochs": 1}, average={"lite0": 0.5})
    (tmp_path / "data" / "one").mkdir(parents=True)
    out = tmp_path / "out"
    call(monkeypatch, mine, tmp_path / "data", out)
    assert [words[3] for words in ran[:4]] == ["prepare", "split", "train", "train"]
    assert [words[words.index("--out") + 1] for words in ran[2:4]] == [
        f"{out}/run-5",
        f"{out}/run-6",
    ]
    assert [words[-2:] for words in ran[2:4]] == [["--seed", "5"], ["--seed", "6"]]
    shares = ["lite0=0.5", f"{out}/run-5/bundle=0.25", f"{out}/run-6/bundle=0.25"]
    assert ran[4][2:] == [f"{out}/averaged", f"{out}/data", *shares]
    ran.clear()
    call(monkeypatch, mine, tmp_path / "data", out, "--train", "seed=7", "--until", "train")
    assert [words[3] for words in ran] == ["prepare", "split", "train"]


def test_a_recipe_makes_what_its_training_goes_on_from(
    tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["python", "{recipe}/finer.py", "{out}/start", "{out}/data", "lite0", "4"]
    mine = recipe(tmp_path / "mine", start=command, train={"epochs": 1})
    (tmp_path / "data" / "one").mkdir(parents=True)
    out = tmp_path / "out"
    call(monkeypatch, mine, tmp_path / "data", out)
    words = [f"{mine}/finer.py", f"{out}/start", f"{out}/data", "lite0", "4"]
    assert ran[2] == [sys.executable, *words]
    assert ran[3][-4:] == ["--epochs", "1", "--start", f"{out}/start"]
    (out / "start").mkdir(parents=True)
    ran.clear()
    call(monkeypatch, mine, tmp_path / "data", out, "--until", "train")
    assert [words[3] for words in ran] == ["prepare", "split", "train"]
    ran.clear()
    call(monkeypatch, mine, tmp_path / "data", out, "--train", "start=", "--until", "train")
    assert ran[-1][-4:] == ["--epochs", "1", "--start", ""]  # as folds do


def test_fields_of_some_sources_go_with_the_model(
    tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = {"to_mpp": 0.5, "table": "all.csv"}
    mine = recipe(tmp_path / "mine", sources=["one", "two"], prepare=prepared, reference=["two"])
    for name in ("one", "two"):
        (tmp_path / "data" / name).mkdir(parents=True)
    out = tmp_path / "out"
    call(monkeypatch, mine, tmp_path / "data", out)
    assert ran[3][-2:] == ["--out", f"{out}/network"]
    assert ran[0][-2:] == ["--table", "all.csv"]
    two, fields = f"{tmp_path}/data/two", f"{out}/reference"
    assert ran[4][3:] == ["prepare", two, "--out", fields, "--to-mpp", "0.5"]
    features = ["--features", fields, "--out", f"{out}/mine"]
    assert ran[5][3:] == ["export", f"{out}/network", *features]
    assert ran[6][3:6] == ["evaluate", "--model", f"{out}/mine"]
    (out / "network").mkdir(parents=True)  # whole, or it would not be there
    ran.clear()
    call(monkeypatch, mine, tmp_path / "data", out)
    assert [words[3] for words in ran[3:]] == ["prepare", "export", "evaluate"]


def recipe(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    whole = {"name": "mine", "sources": ["one"], "split": "random", "preset": "fast"}
    (folder / "recipe.json").write_text(json.dumps({**whole, **changes}))
    return folder


def test_commands_before_and_after(
    tmp_path: Path, ran: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = recipe(
        tmp_path / "mine",
        before=[["python", "{recipe}/fields.py", "{breakhis}", "{out}/sources"]],
        sources=["one", "two?"],
        after=[["breastseg", "bias", "{bundle}"]],
        train={"freeze_encoder": True, "decoder_channels": [8, 4], "allow_absent_classes": False},
    )
    (tmp_path / "out" / "sources" / "one").mkdir(parents=True)
    call(
        monkeypatch,
        mine,
        tmp_path / "data",
        tmp_path / "out",
        "--until",
        "train",
        "--source",
        f"breakhis={tmp_path}",
    )
    assert ran[0] == [sys.executable, f"{mine}/fields.py", str(tmp_path), f"{tmp_path}/out/sources"]
    assert ran[1][3:] == ["prepare", f"{tmp_path}/out/sources/one", "--out", f"{tmp_path}/out/data"]
    assert ran[3][-5:] == [
        "--freeze-encoder",
        "--decoder-channels",
        "8",
        "4",
        "--no-allow-absent-classes",
    ]
    assert ran[4][3:] == ["bias", f"{tmp_path}/out/run/bundle"]
    assert len(ran) == 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sources": ["none"]},
            r"source 'none' is none of .*; fetch it, or give --source none=FOLDER",
        ),
        (
            {"before": [["python", "{breakhis}"]]},
            r"command 'python \{breakhis\}'|needs breakhis; give --source breakhis=FOLDER",
        ),
        (
            {"seeds": [1, 2], "after": [["true"]]},
            "'after' changes one training, seeds are several; leave one out",
        ),
        (
            {"lr": 1},
            r"'lr' is not known; wanted after, average, before, export, folds, limits, name",
        ),
    ],
)
def test_a_recipe_that_cannot_be_made(
    tmp_path: Path,
    ran: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(SystemExit, match=message):
        call(monkeypatch, recipe(tmp_path / "mine", **changes), tmp_path, tmp_path / "out")
    assert not ran


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "wanted names with values"),
        ("{", "not JSON"),
        ('{"name": "x"}', "sources is missing"),
        (None, "not found"),
    ],
)
def test_a_recipe_that_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(SystemExit, match=message):
        call(monkeypatch, tmp_path, tmp_path, tmp_path / "out")


def test_a_step_that_fails_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        make.subprocess, "run", lambda words, *, check: subprocess.CompletedProcess(words, 2)
    )
    (tmp_path / "one").mkdir()
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, recipe(tmp_path / "mine"), tmp_path, tmp_path / "out")
    assert ended.value.code == 2
