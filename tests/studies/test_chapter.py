"""The results chapter in the student report's form: its numbers are those of scores.json, and
nothing is made to look comparable."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from PIL import Image

from breastseg.bundles.bundle import Bundle, load_bundle
from breastseg.bundles.training import Training
from breastseg.cli import main
from breastseg.data.dataset import Dataset
from breastseg.data.prepare import PrepareConfig, prepare
from breastseg.errors import InputError
from breastseg.files import write_json
from breastseg.labels import BUILT_IN, LabelClass, LabelMap
from breastseg.studies.student_report.chapter import tumour_class, write_chapter
from conftest import CROPS, DATA, quiet


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The three real crops."""
    return prepare(
        DATA / "bcss",
        tmp_path_factory.mktemp("chapter") / "data",
        PrepareConfig(to_mpp=0.5, workers=1),
        reporter=quiet,
    )


@pytest.fixture(scope="module")
def unseen(lively_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """The lively model, trained by somebody who is not in the crops."""
    folder = tmp_path_factory.mktemp("models") / "unseen"
    folder.mkdir()
    for name in lively_bundle.card.files:
        (folder / name).write_bytes((lively_bundle.path / name).read_bytes())
    card = replace(
        lively_bundle.card,
        name="ours <1>",
        training=Training(
            patients={"train": ("TCGA-A1-A0SK",)}, encoder_weights="lite0: random weights"
        ),
    )
    write_json(folder / "card.json", card.to_dict())
    return load_bundle(folder)


def evaluate(bundle: Bundle, data: Path, out: Path, *more: str) -> int:
    given = [
        "evaluate",
        "--model",
        str(bundle.path),
        "--data",
        str(data),
        "--out",
        str(out),
        "--threads",
        "1",
        "--split",
        "all",
        *more,
    ]
    return main(given)


@pytest.fixture(scope="module")
def result(unseen: Bundle, data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "all"
    assert evaluate(unseen, data.path, out, "--as-report") == 0
    return out


def scores_of(folder: Path) -> Any:
    return json.loads((folder / "scores.json").read_text(encoding="utf-8"))


class Page(HTMLParser):
    """Collects addresses and the text of table rows, and checks that what is opened is closed in
    order."""

    EMPTY = frozenset({"meta", "img", "br", "wbr", "circle", "path", "polyline"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [
            v or "" for k, v in attrs if k in {"src", "href", "action", "data", "poster"}
        ]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.EMPTY

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data
        if "tr" in self.open and self.rows[-1]:
            self.rows[-1][-1] += data


def page_of(folder: Path) -> Page:
    return Page((folder / "chapter" / "chapter.html").read_text(encoding="utf-8"))


def test_files(result: Path) -> None:
    assert {path.name for path in (result / "chapter").iterdir()} == {
        "chapter.html",
        "table.csv",
        "table.md",
        "figure.png",
    }
    assert (result / "report.html").is_file()


def test_the_table_quotes_theirs_and_measures_ours(result: Path) -> None:
    table, scores = pd.read_csv(result / "chapter" / "table.csv"), scores_of(result)
    assert list(table.columns) == ["whose", "accuracy", "precision", "recall", "f1", "protocol"]
    base, report, ours = table.to_dict("records")
    keys = ("accuracy", "precision", "recall", "f1")
    assert [base[key] for key in keys] == [92, 94, 89, 91]
    assert [report[key] for key in keys] == [95.4, 94.5, 91.8, 92.05]
    tumour = scores["pooled"]["tumor"]
    wanted = [
        100 * value
        for value in (
            scores["overall"]["accuracy"],
            tumour["precision"],
            tumour["recall"],
            tumour["f1"],
        )
    ]
    assert [ours[key] for key in keys] == pytest.approx(wanted)
    assert ours["whose"] == "Ours: ours <1> (measured)"


def test_the_report_s_f1_is_not_that_of_its_own_precision_and_recall(result: Path) -> None:
    """So it is quoted as printed, with a word about it; the base paper's is."""
    table = pd.read_csv(result / "chapter" / "table.csv")
    base, report = (
        2 * row["precision"] * row["recall"] / (row["precision"] + row["recall"])
        for _, row in table.iloc[:2].iterrows()
    )
    assert round(report, 1) == 93.1
    assert "F1 is as printed: its precision and recall would give 93.1" in table["protocol"][1]
    assert abs(base - table["f1"][0]) < 0.5


def test_each_row_says_how_it_was_measured_and_nothing_is_called_comparable(result: Path) -> None:
    scores, table = scores_of(result), pd.read_csv(result / "chapter" / "table.csv")
    assert (
        "split at random by tile, so that every patient is in training and in validation"
        in table["protocol"][1]
    )
    assert "counted as a class" in table["protocol"][1]
    ours = table["protocol"][2]
    for words in (
        "3 regions of 3 patients",
        "split 'all'",
        scores["data"],
        "0.5 um/px",
        "none of the 3 patients scored here trained the model or validated it",
        "label map region5, label 0 never a class",
        f"{scores['overall']['support_px']:,} annotated pixels",
        scores["intervals"]["note"],
        "lite0: random weights",
    ):
        assert words in ours
    said = (
        "These rows cannot be compared: the report's were measured on tiles of patients it had"
        " trained on, with label 0 counted as a class;"
    )
    markdown = (result / "chapter" / "table.md").read_text(encoding="utf-8")
    assert said in page_of(result).text
    assert said in markdown
    for protocol in table["protocol"]:
        assert protocol in markdown
        assert protocol in page_of(result).text


def test_the_page_shows_scores_by_class_with_intervals(result: Path) -> None:
    scores, page = scores_of(result), page_of(result)
    low, high = scores["intervals"]["overall"]["accuracy"]
    assert (
        f"{scores['overall']['accuracy']:.3f}overall accuracy{low:.3f} to {high:.3f}" in page.text
    )
    for score in ("precision", "recall", "f1"):
        assert (
            f"{scores['pooled']['tumor'][score]:.3f}{'F1' if score == 'f1' else score} of tumor"
            in page.text
        )
    rows = {row[0]: row for row in page.rows if len(row) == 8}
    for name, row in scores["pooled"].items():
        if row["support_px"]:
            assert rows[name][1].startswith(f"{row['dice']:.3f}")
            assert rows[name][2].startswith(f"{row['iou']:.3f}")
        else:
            assert rows[name][1:3] == ["–", "–"]
        assert rows[name][5] == f"{row['support_px']:,}"


def test_the_confusion_matrix_is_that_of_the_counts(result: Path) -> None:
    counts = pd.read_csv(result / "counts.csv").groupby(["truth", "prediction"])["px"].sum()
    names = [
        name for name in BUILT_IN["region5"].names if name in counts.index.get_level_values("truth")
    ]
    rows = {row[0]: row[1:] for row in page_of(result).rows if row[0] in names and "%" in row[1]}
    assert list(rows) == names
    for name in names:
        for column, cell in zip(BUILT_IN["region5"].names, rows[name], strict=True):
            px = int(counts.get((name, column), 0))
            assert cell == f"{100 * px / counts[name].sum():.1f} %{px:,}"


def test_curves_and_losses_are_the_models_history(result: Path) -> None:
    page = page_of(result)
    assert (
        "Loss 1.5000 to 1.5000 in training, 1.4000 to 1.4000 in validation (the report's: 1.4850 to"
        " 0.7498 in training" in page.text
    )
    text = (result / "chapter" / "chapter.html").read_text(encoding="utf-8")
    assert text.count("<polyline") == 6  # loss, accuracy and Dice, in training and in validation


def test_the_figure_has_the_first_images_beside_their_masks(result: Path) -> None:
    with Image.open(result / "chapter" / "figure.png") as figure:
        assert figure.height > len(CROPS) * 320
        assert figure.width > 2 * 320
    page = page_of(result)
    assert "8.5 The first 3 images and their masks" in page.text
    (picture,) = [
        address for address in page.addresses if address.startswith("data:image/jpeg;base64,")
    ]
    assert len(picture) > 10_000


def test_the_page_needs_nothing_else(result: Path) -> None:
    text = (result / "chapter" / "chapter.html").read_text(encoding="utf-8")
    for outside in (
        "http://",
        "https://",
        "file:",
        "url(",
        "@import",
        "<link",
        "<script",
        "<iframe",
    ):
        assert outside not in text.lower(), outside
    assert "ours <1>" not in text  # a name is shown, never run
    assert "ours &lt;1&gt;" in text
    assert not re.search(r">\s*nan\b", text.lower())


def test_same_work_same_bytes(result: Path, unseen: Bundle, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in (result / "chapter").iterdir()}
    write_chapter(result, unseen.card)
    assert {path.name: path.read_bytes() for path in (result / "chapter").iterdir()} == before


@pytest.mark.parametrize(
    ("change", "said", "protocol"),
    [
        (
            {"seen": {"trained": 1, "validated": 0, "note": "FIT: 1"}},
            "ours are of patients who trained the model, too",
            "FIT: 1",
        ),
        (
            {"seen": {"trained": 0, "validated": 1, "note": "chosen"}},
            "ours are of patients who did not train the model",
            "chosen",
        ),
        (
            {"seen": {"trained": None, "validated": None, "note": "not named"}},
            "who trained the model is not known",
            "not named",
        ),
        (
            {"split": "val", "leaky": "LEAKY: all"},
            "ours has the same leak of patients, on purpose, but leaves label 0 out",
            "LEAKY: all",
        ),
    ],
)
def test_what_ours_is_worth_is_said(
    result: Path, unseen: Bundle, tmp_path: Path, change: dict[str, Any], said: str, protocol: str
) -> None:
    scores = scores_of(result)
    try:
        write_json(result / "scores.json", {**scores, **change})
        page = Page(write_chapter(result, unseen.card).read_text(encoding="utf-8"))
    finally:
        write_json(result / "scores.json", scores)
    assert said in page.text
    assert protocol in page.text
    write_chapter(result, unseen.card)


def test_no_tumour_no_chapter(
    unseen: Bundle, data: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        yaml.safe_dump(
            {
                "name": "own",
                "classes": [{"name": "tissue", "color": [1, 2, 3], "codes": list(range(1, 22))}],
            }
        )
    )
    assert evaluate(unseen, data.path, tmp_path / "out", "--as-report", "--labels", str(own)) == 2
    assert (
        "label map 'own' has no class tumor (tissue); --as-report wants one"
        in capsys.readouterr().err
    )
    assert not (tmp_path / "out").exists()


def test_which_class_is_tumour() -> None:
    names = {name: tumour_class(found) for name, found in BUILT_IN.items()}
    assert names.pop("beetle") == "invasive_epithelium"
    assert set(names.values()) == {"tumor"}
    assert (
        tumour_class(
            LabelMap(
                "own",
                (
                    LabelClass("a", (0, 0, 0), "A", (1,)),
                    LabelClass("cancer", (0, 0, 0), "Tumor", (2,)),
                ),
            )
        )
        == "cancer"
    )


def test_dots_alone_have_no_chapter(
    unseen: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = prepare(
        DATA / "brca_m2c", tmp_path / "data", PrepareConfig(to_mpp=0.5, workers=1), reporter=quiet
    )
    assert evaluate(unseen, found.path, tmp_path / "out", "--as-report") == 2
    assert (
        "nothing but dots is annotated there, the chapter is of areas; leave --as-report out"
        in capsys.readouterr().err
    )
    assert (tmp_path / "out" / "report.html").is_file()  # what was computed is not lost


def test_no_evaluation_no_chapter(unseen: Bundle, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"scores\.json: not found"):
        write_chapter(tmp_path, unseen.card)
