"""breastseg models: the list, a card for a person, a page with images."""

import json
import math
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from breastseg.bundles.bundle import CARD, WEIGHTS, Bundle, bundled_models, load_bundle
from breastseg.bundles.training import Training
from breastseg.cli import main, models
from breastseg.cli.main import parser_of
from breastseg.data.dataset import Dataset
from breastseg.data.split import SplitConfig, split
from breastseg.errors import InputError, ModelError, OutputError
from breastseg.evaluation.evaluate import evaluate
from breastseg.files import write_json
from breastseg.inference.model import load_model
from breastseg.labels import LabelClass, LabelMap
from breastseg.report.model_page import describe_model, list_models, model_page, write_model_page
from breastseg.training.config import preset
from conftest import quiet

LINK = re.compile(r"!\[[^]]*\]\(([^)]+)\)")


def with_card(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, card=replace(bundle.card, **changes))


def dot_scores() -> dict[str, Any]:
    classes = {
        "tumor": {"accuracy": 0.875, "support_dots": 1200},
        "stroma": {"accuracy": math.nan, "support_dots": 0},
    }
    return {
        "overall": {"balanced_accuracy": 0.8125, "accuracy": 0.84375, "support_dots": 1200},
        "classes": classes,
    }


@pytest.fixture(scope="module")
def demo() -> Bundle:
    return load_bundle("lite0")


@pytest.fixture
def evaluation(lively_bundle: Bundle, painted_data: Dataset, tmp_path: Path) -> Path:
    """An evaluation on four painted regions."""
    split(
        painted_data, SplitConfig("leave-one-out", by="hospital", patient="TCGA-A1-B001", val=0.0)
    )
    evaluate(
        load_model(lively_bundle.path, backend="onnx"),
        painted_data.path,
        tmp_path / "results",
        split="all",
        reporter=quiet,
    )
    return tmp_path / "results"


def test_the_list_names_every_shipped_model_with_its_scores(
    capsys: pytest.CaptureFixture[str], demo: Bundle
) -> None:
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said == list_models()
    for name in bundled_models():
        assert re.search(
            rf"^{name}  [\d.]+ um/px, [\d.]+ MB, classes tumor, stroma", said, re.MULTILINE
        )
    scores = next(iter(demo.card.scores.values()))
    assert (
        f"mean Dice {scores['overall']['mean_dice']:.3f} of 3 classes, areas of 1 patient\n" in said
    )


def test_the_card_is_shown_whole(capsys: pytest.CaptureFixture[str], demo: Bundle) -> None:
    assert main(["models", "show", "lite0"]) == 0
    said = capsys.readouterr().out
    assert "inflammatory   lymphocytic infiltrate, plasma cells, other immune infiltrate\n" in said
    assert "not annotated  outside roi, exclude, undetermined\n" in said
    assert demo.card.licence in said
    assert all(f"* {limit}\n" in said for limit in demo.card.limits)
    for scores in next(iter(demo.card.scores.values()))["pooled"].values():
        assert (f"{scores['dice']:.3f}" if scores["support_px"] else "–") in said
        assert f"{scores['support_px']:,}\n" in said
    assert "nan" not in said.lower().replace("resonance", "")


def test_a_bare_card_can_be_shown(tiny_bundle: Bundle) -> None:
    said = describe_model(
        with_card(tiny_bundle, training=Training(), limits=(), licence="", parity={})
    )
    assert "SCORES\nnone in its card\n" in said
    assert "LIMITS\nnone told\n" in said
    assert "ONNX AGAINST PYTORCH" not in said


def test_dots_have_their_own_table(tiny_bundle: Bundle) -> None:
    bundle = with_card(
        tiny_bundle, scores={"test of dots": {"patients": ["P"], "dots": dot_scores()}}
    )
    page = model_page(bundle)
    assert (
        "| tumor | 0.875 | 1,200 |\n"
        "| stroma | – | 0 |\n"
        "| **all** | 0.844 | 1,200 |\n"
        "| **balanced over classes** | 0.812 | |\n" in page
    )
    assert re.search(
        r"tumor +0\.875 +1,200\nstroma +– +0\nbalanced +0\.812 +1,200\n", describe_model(bundle)
    )


def test_codes_of_a_persons_own_map_are_numbers(tiny_bundle: Bundle) -> None:
    own = LabelMap("mine", (LabelClass("gland", (1, 2, 3), "Gland", (1, 4)),), (0, 9))
    page = model_page(with_card(tiny_bundle, label_map=own))
    assert "| gland | code 1, code 4 |" in page
    assert "never trained on nor scored: code 0, code 9." in page


def test_the_page_has_every_section(demo: Bundle) -> None:
    page = model_page(demo)
    wanted = [
        "Classes",
        "Data and licences",
        "How it was trained",
        "Scores",
        "What it has not seen, and where it fails",
        "Checks",
        "Repeat it",
    ]
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == wanted
    assert "Research use only" in page.splitlines()[3]
    assert "| other | glandular secretions, blood, metaplasia NOS, fat," in page
    assert f"| model.onnx | 0.1 | `{demo.card.files['model.onnx']}` |" in page
    assert "| crops_per_epoch | 1280 |" in page
    assert "| **balanced over classes** |" in page
    assert not LINK.findall(page)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("fast", {}),
        ("fast", {"loss": "ce+dice+focal", "freeze_encoder": True, "decoder_channels": (64, 32)}),
        ("report", {"epochs": 3, "freeze_encoder": False}),
    ],
)
def test_the_command_of_the_page_repeats_the_configuration(
    name: str, changes: dict[str, Any], tiny_bundle: Bundle
) -> None:
    import argparse

    from breastseg.cli import train

    config = preset(name, **changes)
    page = model_page(with_card(tiny_bundle, training=Training(config=config.to_dict())))
    line = next(line for line in page.splitlines() if line.startswith("breastseg train "))
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    options = vars(parser.parse_args(shlex.split(line)[2:]))
    given = {
        key.removeprefix("config_"): value
        for key, value in options.items()
        if key.startswith("config_") and value is not None
    }
    given = {
        key: tuple(value) if isinstance(value, list) else value for key, value in given.items()
    }
    assert preset(options["preset"], **given) == config
    assert options["preset"] == name


def test_text_of_a_card_stays_text(tiny_bundle: Bundle) -> None:
    page = model_page(
        with_card(
            tiny_bundle, limits=("a | b <script> ![x](http://somewhere/x.png)\n# not a heading",)
        )
    )
    assert "* a \\| b &lt;script> !\\[x](http://somewhere/x.png) # not a heading\n" in page


def test_the_page_shows_where_it_fails(
    lively_bundle: Bundle, evaluation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "docs" / "lively.md"
    assert (
        main(
            [
                "models",
                "page",
                str(lively_bundle.path),
                "--out",
                str(out),
                "--results",
                str(evaluation),
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == f"{out}\n"
    links = LINK.findall(out.read_text())
    scores = json.loads((evaluation / "scores.json").read_text())["regions"]
    worst = sorted(scores, key=lambda region: (scores[region]["overall"]["mean_dice"], region))[:3]
    assert links == [f"lively/{region}.jpg" for region in worst]
    for link in links:
        path = out.parent / link
        with Image.open(path) as picture:
            assert picture.format == "JPEG"
            assert picture.width <= 2 * 480 + 8
        assert path.stat().st_size < 200_000
    assert len(links) == 3 < len(scores)


def test_a_picture_is_truth_beside_map(
    lively_bundle: Bundle, evaluation: Path, tmp_path: Path
) -> None:
    out = write_model_page(lively_bundle, tmp_path / "lively.md", evaluation=evaluation)
    link = LINK.findall(out.read_text())[0]
    region = evaluation / "regions" / Path(link).stem
    with Image.open(out.parent / link) as picture:
        sheet = np.asarray(picture.convert("RGB"), np.float32)
    for name, left in (("truth.png", 0), ("prediction.png", sheet.shape[1] // 2 + 4)):
        with Image.open(region / "image.jpg") as picture, Image.open(region / name) as layer:
            below, above = (
                np.asarray(one, np.float32)
                for one in (picture.convert("RGB"), layer.convert("RGBA"))
            )
        alpha = 0.42 * above[..., 3:] / 255
        wanted = below * (1 - alpha) + above[..., :3] * alpha
        part = sheet[: wanted.shape[0], left : left + wanted.shape[1]]
        assert np.abs(part - wanted).mean() < 12  # JPEG of noise


def test_confusions_are_those_of_the_counts(
    lively_bundle: Bundle, evaluation: Path, tmp_path: Path
) -> None:
    import pandas as pd

    counts = pd.read_csv(evaluation / "counts.csv").groupby(["truth", "prediction"])["px"].sum()
    (truth, prediction), px = max(
        ((pair, n) for pair, n in counts.items() if pair[0] != pair[1]), key=lambda entry: entry[1]
    )
    page = write_model_page(
        lively_bundle, tmp_path / "lively.md", evaluation=evaluation
    ).read_text()
    assert f"| {truth} | {prediction} | {px:,} | {100 * px / counts[truth].sum():.1f} % |" in page


def test_an_evaluation_of_another_model_is_refused(
    demo: Bundle, lively_bundle: Bundle, evaluation: Path, tmp_path: Path
) -> None:
    out = tmp_path / "page.md"
    with pytest.raises(InputError, match="evaluation of other weights than those of 'lite0'"):
        write_model_page(demo, out, evaluation=evaluation)
    assert not out.exists()
    with pytest.raises(InputError, match=r"scores\.json: not found"):
        write_model_page(lively_bundle, out, evaluation=tmp_path)


def test_the_data_set_that_trained_it_tells_its_parts(
    tiny_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    split(painted_data, SplitConfig("leave-one-out", patient="TCGA-A1-B001", val=0.0))
    bundle = with_card(tiny_bundle, training=Training(data=painted_data.fingerprint()))
    page = write_model_page(bundle, tmp_path / "tiny.md", dataset=painted_data.path).read_text()
    source = json.loads((painted_data.path / "dataset.json").read_text())["source"]
    assert f"\n{source}.\n" in page
    pixels = painted_data.class_pixels.loc[
        [r for r in painted_data.regions.index if "B001" not in r]
    ].sum()
    assert (
        f"| train | 5 | 5 | 3 | {' | '.join(f'{int(px):,}' for px in pixels)} |\n| val | 0 | 0"
        " | 0 |" in page
    )


def test_another_data_set_is_refused(
    tiny_bundle: Bundle, painted_data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(
        InputError,
        match=r"data set [0-9a-f]{16}, 'tiny' .* None; .*--data",
    ):
        write_model_page(tiny_bundle, tmp_path / "tiny.md", dataset=painted_data.path)


def test_a_page_is_replaced_but_no_other_file(tiny_bundle: Bundle, tmp_path: Path) -> None:
    out = write_model_page(tiny_bundle, tmp_path / "tiny.md")
    write_model_page(with_card(tiny_bundle, name="renamed"), out)
    assert "# renamed\n" in out.read_text()
    out.write_text("# My own notes\n")
    with pytest.raises(OutputError, match="is not a page that this command made"):
        write_model_page(tiny_bundle, out)
    assert out.read_text() == "# My own notes\n"
    with pytest.raises(InputError, match=r"Markdown .*docs/models/tiny\.md"):
        write_model_page(tiny_bundle, tmp_path / "tiny.html")


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": {"test of x": 3}},
        {"scores": {"x": {"pooled": {"tumor": {}}}}},
        {"training": {"patients": 3}},
    ],
)
def test_a_card_of_another_form_is_told_in_one_line(
    changes: dict[str, Any], tiny_bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ModelError, match=r"card\.json: a field has not the form") as caught:
        model_page(with_card(tiny_bundle, **changes))
    assert "\n" not in str(caught.value)
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_json(folder / CARD, {**tiny_bundle.card.to_dict(), **changes, "files": {}})
    assert main(["models", "show", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_quantisation_and_parity_of_any_form_are_shown(tiny_bundle: Bundle) -> None:
    parity = {"onnx": {"max_probability_difference": 1.5e-6}, "crops": 4}
    said = describe_model(with_card(tiny_bundle, parity=parity))
    assert "ONNX AGAINST PYTORCH\nonnx, max probability difference: 1.5e-06\ncrops: 4\n" in said


@pytest.mark.parametrize("action", ["", "show", "page", "pull", "push", "monai"])
def test_every_help_has_an_example(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["models", *([action] if action else []), "--help"])
    assert end.value.code == 0
    assert re.search(
        rf"examples?:\n  breastseg models{' ' + action if action else ''}", capsys.readouterr().out
    )


def test_an_unknown_model_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "nobody"]) == 2
    assert capsys.readouterr().err.startswith("breastseg: model 'nobody': no bundle there")
    assert WEIGHTS in load_bundle("lite0").card.files


def test_without_an_action_the_shipped_models_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    models.run(parser_of("models").parse_args(["models"]))
    shown = capsys.readouterr().out
    assert shown == list_models()
    assert all(name in shown for name in bundled_models())
