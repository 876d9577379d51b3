"""`predict` with several models: from the command line to the files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from tifffile import imread

from breastseg.bundles.bundle import Bundle
from breastseg.cli import main
from breastseg.errors import InputError, OutputError
from breastseg.files import write_json
from breastseg.inference.config import PredictConfig
from breastseg.inference.gather import gather
from breastseg.inference.map import CELL_PX
from breastseg.inference.model import load_model, mean_of
from breastseg.inference.predict import predict
from breastseg.inference.shards import Shard
from breastseg.maps.record import RunRecord
from conftest import another_bundle, crop, quiet

MPP = 0.5
MINE = PredictConfig(mpp=MPP)


@pytest.fixture(scope="module")
def other(lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return another_bundle(lively_bundle, tmp_path_factory.mktemp("several") / "other")


@pytest.fixture
def field(tmp_path: Path) -> Path:
    path = tmp_path / "field.png"
    Image.fromarray(crop(0)[:120, :160]).save(path)
    return path


def words(bundles: list[Bundle], field: Path, out: Path, *more: str) -> list[str]:
    models = [word for one in bundles for word in ("--model", str(one.path))]
    found = ["predict", str(field), "--mpp", str(MPP), *models, "--out", str(out)]
    return [*found, "--backend", "onnx", "--threads", "1", *more]


def values_of(path: Path) -> npt.NDArray[np.uint8]:
    found = np.asarray(imread(path))
    return found


def test_the_map_is_the_mean_and_says_where_the_models_disagree(
    lively_bundle: Bundle, other: Bundle, field: Path, tmp_path: Path
) -> None:
    assert main(words([lively_bundle, other], field, tmp_path / "maps")) == 0
    folder = tmp_path / "maps" / "field"
    models = [load_model(one.path, backend="onnx", threads=1) for one in (lively_bundle, other)]
    labels = np.asarray(Image.open(folder / "labels.png"))
    apart = values_of(folder / "disagreement.ome.tif")
    assert apart.shape == (120 // CELL_PX, 160 // CELL_PX)
    assert apart.min() >= 1
    assert len(np.unique(apart)) > 10
    own = [model.label(np.asarray(Image.open(field)), mpp=MPP) for model in models]
    agreed = own[0] == own[1]
    assert 0.05 < agreed.mean() < 0.95
    mean = mean_of(models)
    assert np.array_equal(labels, mean.label(np.asarray(Image.open(field)), mpp=MPP))
    cells = agreed.reshape(15, CELL_PX, 20, CELL_PX).mean(axis=(1, 3))
    assert apart[cells == 1].mean() < apart[cells == 0].mean()
    run = RunRecord.from_dict(json.loads((folder / "run.json").read_text(encoding="utf-8")))
    assert run.model == "lively + other"
    assert run.model_files == {}
    assert run.backend == "mean of 2, onnx fp32"
    assert run.models is not None
    assert [(one.name, one.files) for one in run.models] == [
        ("lively", lively_bundle.card.files),
        ("other", other.card.files),
    ]


def test_one_model_named_once_writes_what_it_did(
    lively_bundle: Bundle, field: Path, tmp_path: Path
) -> None:
    assert main(words([lively_bundle], field, tmp_path / "named")) == 0
    model = load_model(lively_bundle.path, backend="onnx", threads=1)
    predict(field, model, tmp_path / "given", MINE, reporter=quiet)
    predict(field, [model], tmp_path / "listed", MINE, reporter=quiet)
    run = json.loads((tmp_path / "named" / "field" / "run.json").read_text(encoding="utf-8"))
    assert "models" not in run
    for other in ("given", "listed"):
        for path in sorted((tmp_path / "named" / "field").iterdir()):
            assert path.read_bytes() == (tmp_path / other / "field" / path.name).read_bytes()
    work = json.loads((tmp_path / "named" / "breastseg-work.json").read_text(encoding="utf-8"))
    assert "models" not in work["settings"]
    assert "disagreement" not in work["settings"]


def test_a_mean_goes_on_where_it_stopped_and_never_with_another_model(
    lively_bundle: Bundle, other: Bundle, field: Path, tmp_path: Path
) -> None:
    pair = [load_model(one.path, backend="onnx", threads=1) for one in (lively_bundle, other)]
    out = tmp_path / "maps"
    predict(field, pair, out, MINE, reporter=quiet)
    before = {path.name: path.read_bytes() for path in (out / "field").iterdir()}
    (out / "field" / "run.json").unlink()
    (out / "field" / "labels.png").unlink()
    (out / "field").rename(out / "gone")
    predict(field, pair, out, MINE, reporter=quiet)
    assert {path.name: path.read_bytes() for path in (out / "field").iterdir()} == before
    with pytest.raises(OutputError, match="model: 'lively \\+ other' there, 'lively' now"):
        predict(field, pair[0], out, MINE, reporter=quiet)
    with pytest.raises(OutputError, match="'other \\+ lively' now"):
        predict(field, pair[::-1], out, MINE, reporter=quiet)


def test_a_member_with_other_weights_is_another_work(
    lively_bundle: Bundle, other: Bundle, field: Path, tmp_path: Path
) -> None:
    """Of the same name, with another digest."""
    first = load_model(lively_bundle.path, backend="onnx", threads=1)
    predict(field, [first, load_model(other.path, backend="onnx")], tmp_path / "maps", MINE)
    third = another_bundle(lively_bundle, tmp_path / "third", classes=(2, 3))
    with pytest.raises(OutputError, match="models"):
        predict(field, [first, load_model(third.path, backend="onnx")], tmp_path / "maps", MINE)


def test_shards_of_a_mean_are_gathered_and_those_of_another_are_not(
    lively_bundle: Bundle, other: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "fields"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(crop(number % 3)[:64, :64]).save(folder / f"{number}.png")
    pair = [load_model(one.path, backend="onnx", threads=1) for one in (lively_bundle, other)]
    out = tmp_path / "maps"
    predict(folder, pair, out, MINE, shard=Shard(1, 2), reporter=quiet)
    with pytest.raises(OutputError, match="model"):
        predict(folder, pair[0], out, MINE, shard=Shard(2, 2), reporter=quiet)
    predict(folder, pair, out, MINE, shard=Shard(2, 2), reporter=quiet)
    assert gather(out, reporter=quiet).done == 4
    predict(folder, pair, tmp_path / "whole", MINE, reporter=quiet)
    whole = (tmp_path / "whole" / "measures.csv").read_bytes()
    assert (out / "measures.csv").read_bytes() == whole


def test_the_disagreement_of_flips_is_written_when_it_is_asked_for(
    lively_bundle: Bundle, field: Path, tmp_path: Path
) -> None:
    more = ("--flips", "--disagreement")
    assert main(words([lively_bundle], field, tmp_path / "with", *more)) == 0
    assert main(words([lively_bundle], field, tmp_path / "without", "--flips")) == 0
    apart = values_of(tmp_path / "with" / "field" / "disagreement.ome.tif")
    assert apart.min() >= 1
    assert apart.max() > apart.min()
    assert not (tmp_path / "without" / "field" / "disagreement.ome.tif").exists()
    labels = [(tmp_path / out / "field" / "labels.png").read_bytes() for out in ("with", "without")]
    assert labels[0] == labels[1]


def changed(bundle: Bundle, folder: Path, **fields: object) -> Bundle:
    """Return another bundle whose card says something else."""
    made = another_bundle(bundle, folder)
    write_json(folder / "card.json", replace(made.card, **fields).to_dict())  # type: ignore[arg-type]
    return Bundle(folder, made.card)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("twice", "model 'lively' is named twice"),
        ("mpp", "model 'other' is at 0.25 um/px, 'lively' at 0.5"),
        ("classes", "model 'other' names"),
        ("missing", "no bundle there"),
        ("types", "their mean tells no types"),
        ("disagreement", "nobody is there to disagree; name two models, or add --flips"),
    ],
)
def test_what_has_no_mean_is_one_line(
    fault: str,
    told: str,
    lively_bundle: Bundle,
    other: Bundle,
    field: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bundles, more = [lively_bundle, other], []
    if fault == "twice":
        bundles = [lively_bundle, lively_bundle]
    elif fault == "mpp":
        bundles[1] = changed(lively_bundle, tmp_path / "finer", mpp=0.25)
    elif fault == "classes":
        shown = lively_bundle.card.label_map
        turned = replace(shown, classes=shown.classes[::-1])
        bundles[1] = changed(lively_bundle, tmp_path / "turned", label_map=turned)
    elif fault == "missing":
        bundles[1] = Bundle(tmp_path / "nowhere", other.card)
    elif fault == "types":
        more = ["--tell-types"]
    else:
        bundles, more = [lively_bundle], ["--disagreement"]
    out = tmp_path / "maps"
    assert main(words(bundles, field, out, *more)) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert not out.exists()


def test_no_model_and_flips_of_some_alone_are_refused(lively_bundle: Bundle, other: Bundle) -> None:
    with pytest.raises(InputError, match="no model"):
        mean_of([])
    one = load_model(lively_bundle.path, backend="onnx", threads=1, flips=True)
    two = load_model(other.path, backend="onnx", threads=1)
    with pytest.raises(InputError, match="loaded without flips"):
        mean_of([one, two])
    three = replace(two, flips=True)
    with pytest.raises(InputError, match="is a mean already"):
        mean_of([one, mean_of([one, three])])


def test_margins_and_types_of_one_model_are_not_those_of_a_mean(
    lively_bundle: Bundle, other: Bundle
) -> None:
    pair = [load_model(one.path, backend="onnx", threads=1) for one in (lively_bundle, other)]
    mean = mean_of([replace(pair[0]), pair[1]])
    assert mean.card.margins is None
    assert mean.card.files == {}
    assert mean.card.tile_px == lively_bundle.card.tile_px
    assert mean.tiles.classes == 5
