"""What a model's card says, for a person: as text for the terminal, and as a Markdown page with
images of where it fails."""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError

from breastseg.bundles.bundle import CARD, ONNX, WEIGHTS, Bundle, bundled_models, load_bundle
from breastseg.bundles.card import Card
from breastseg.data.dataset import Dataset, open_dataset
from breastseg.data.split import PARTS, load_split
from breastseg.decision.choose import in_words
from breastseg.errors import InputError, ModelError, OutputError
from breastseg.evaluation.scores import COUNTS, REGIONS, Scores
from breastseg.files import WORK_FILE, write_text
from breastseg.json_files import read_json
from breastseg.labels import BCSS_CODES, BUILT_IN, LabelMap
from breastseg.maps.pictures import save_pair
from breastseg.report.html import as_written
from breastseg.report.regions import worst_first
from breastseg.training.config import PRESETS, TrainConfig
from breastseg.wording import counted, in_short

_MARK = "<!-- made by breastseg models page -->"
_PICTURES = 3
_CONFUSIONS = 5
_BEFORE = {"bias": "none"}
"""What a model was trained with whose card is older than the field."""


@dataclass(frozen=True)
class _Failures:
    """What an evaluation's folder says of where a model fails."""

    confusions: list[dict[str, object]]
    regions: list[dict[str, object]]


def list_models() -> str:
    """Return the shipped models, one paragraph each: name, classes, um/px, size, and a line for
    each evaluation."""
    return "".join(_rendered("model_line.txt.j2", load_bundle(name)) for name in bundled_models())


def describe_model(bundle: Bundle) -> str:
    """Return a bundle's card as text for a terminal."""
    return _rendered("model_card.txt.j2", bundle)


def model_page(bundle: Bundle) -> str:
    """Return a bundle's card as a Markdown page without images."""
    return _rendered("model_page.md.j2", bundle, mark=_MARK, data=None, failures=None)


def write_model_page(
    bundle: Bundle,
    out: str | Path,
    *,
    dataset: str | Path | None = None,
    evaluation: str | Path | None = None,
) -> Path:
    """Write a model's page.

    Args:
        bundle: the model.
        out: the page, NAME.md; images go into the folder NAME beside it. A page made before is
            replaced.
        dataset: folder of the data set that trained it, for its source and its parts.
        evaluation: folder of an evaluation of this model, for where it fails, with images.

    Returns:
        the page's path.

    Raises:
        InputError: data set or evaluation are not this model's, or `out` is not a Markdown file.
        OutputError: `out` is a file that this function did not write.
    """
    out = Path(out)
    if out.suffix != ".md":
        raise InputError(
            f"{out}: wanted the name of a Markdown file, as in docs/models/{bundle.card.name}.md"
        )
    if out.exists():
        # Of any file may be asked: one that is no text must not raise.
        is_page = out.is_file() and out.read_text("utf-8", "replace").startswith(_MARK)
        if not is_page:
            raise OutputError(
                f"{out}: is not a page that this command made; choose another name or remove it"
            )
    data = None if dataset is None else _own_data(bundle, dataset)
    failures = None if evaluation is None else _failures(bundle, Path(evaluation), out)
    write_text(out, _rendered("model_page.md.j2", bundle, mark=_MARK, data=data, failures=failures))
    return out


def _rendered(template: str, bundle: Bundle, **more: Any) -> str:
    try:
        return _templates().get_template(template).render({**_facts(bundle), **more})
    except (
        UndefinedError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ) as cause:
        raise ModelError(
            f"{bundle.path / CARD}: a field has not the form that train and evaluate write"
            f" ({in_short(cause)}); mend it or export the bundle again"
        ) from None


def _templates() -> Environment:
    pages = Environment(
        loader=PackageLoader("breastseg", "report"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    pages.filters["counted"] = counted
    pages.filters["people"] = _people
    pages.filters["score"] = lambda value: (
        "–" if value is None or math.isnan(value) else f"{value:.3f}"
    )
    pages.filters["count"] = lambda value: f"{int(value):,}"
    pages.filters["cell"] = _cell
    return pages


def _people(entry: Mapping[str, Any]) -> str:
    """Return how many patients stand behind the scores of areas; those with dots alone do not."""
    most = 0
    for scores in entry["pooled"].values():
        most = max(most, scores.get("support_patients", 0))
    return counted(most or len(entry["patients"]), "patient")


def _cell(value: Any) -> str:
    """Return text that stays text in a Markdown table or paragraph: no column, link, image or tag
    comes of it."""
    text = " ".join(str(value).split())  # on one line: a line break ends a row
    text = text.replace("\\", "\\\\")  # first: the backslashes below are ours
    return text.replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")


def _facts(bundle: Bundle) -> dict[str, object]:
    """Return what both forms show; fields that a card has not are empty."""
    card = bundle.card.to_dict()
    names = _code_names(bundle.card.label_map)
    config = bundle.card.training.config or {}
    label_map = bundle.card.label_map
    sizes = {name: (bundle.path / name).stat().st_size / 1e6 for name in bundle.card.files}
    classes = []
    for label_class in label_map.classes:
        means = ", ".join(map(names.__getitem__, label_class.codes))
        classes.append({"name": label_class.name, "means": means})
    recipe = []
    for option in fields(TrainConfig):
        # An older card lacks the options that came later.
        if option.name in config:
            recipe.append((option.name, config[option.name], option.metadata["help"]))
    return {
        "card": card,
        "sizes_mb": sizes,
        "size_mb": sum(sizes.values()),
        "classes": classes,
        "not_annotated": ", ".join(map(names.__getitem__, label_map.not_annotated)),
        "parts": {part: bundle.card.training.patients_of(part) for part in PARTS},
        "scores": {_plain(key): value for key, value in card["scores"].items()},
        "parity": _lines(card["parity"]),
        "quantisation": _lines(card.get("quantisation") or {}),
        "speed": _lines(card.get("speed") or {}),
        "decision": _decision(bundle.card),
        "margins": bundle.card.margins.sentences() if bundle.card.margins else [],
        "recipe": recipe,
        "repeat": _repeat(bundle, config) if config else "",
    }


def _plain(key: str) -> str:
    """Say "test part of data X" for the card's "test of X"."""
    part, _, data = key.partition(" of ")
    return f"{part} part of data {data}" if part in PARTS and data else key


def _code_names(label_map: LabelMap) -> dict[int, str]:
    """Name each source code: in a built-in map they are BCSS's, in another only numbers are
    known."""
    known = BUILT_IN.get(label_map.name) == label_map
    codes = list(label_map.not_annotated)
    for label_class in label_map.classes:
        codes += label_class.codes
    names = {}
    for code in codes:
        names[code] = BCSS_CODES[code].replace("_", " ") if known else f"code {code}"
    return names


def _lines(value: Mapping[str, Any]) -> list[str]:
    """Return nested values as lines "a b: 1", so that fields of any shape can be shown."""
    lines = []
    for key, entry in value.items():
        words = str(key).replace("_", " ")
        if isinstance(entry, Mapping):
            lines += [f"{words}, {line}" for line in _lines(entry)]
            continue
        shown = f"{entry:.4g}" if isinstance(entry, float) else _joined(entry)
        lines.append(f"{words}: {shown}")
    return lines


def _decision(card: Card) -> list[str]:
    """Return what was added to each class before the likeliest is taken, and why."""
    if not card.decision:
        return []
    rest = dict(card.decision)
    rest.pop("bias", None)  # it stands in words in the first line
    return [f"added to the logits: {in_words(card.bias) or 'nothing'}", *_lines(rest)]


def _joined(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _repeat(bundle: Bundle, config: Mapping[str, Any]) -> str:
    """Return the commands: training with the nearest preset and what differs from it, then the
    scores."""
    options = {name: _differing(config, preset) for name, preset in PRESETS.items()}
    nearest = min(options, key=lambda name: len(options[name]))
    name = shlex.quote(bundle.card.name)
    # A card's scores are named "test of DATA".
    scored = {key.partition(" of ")[0] for key in bundle.card.scores}
    part = "val" if "val" in scored and "test" not in scored else "test"
    train = f"breastseg train data/{name} --out runs/{name} --preset {nearest}"
    evaluate = (
        f"breastseg evaluate --model runs/{name}/bundle --data data/{name} --split {part}"
        f" --out results/{name}"
    )
    return " ".join([train, *options[nearest]]) + "\n" + evaluate


def _differing(config: Mapping[str, Any], preset: TrainConfig) -> list[str]:
    """Return the options of train in which a model's configuration differs from a preset."""
    options = []
    for key, value in preset.to_dict().items():
        given = config.get(key, _BEFORE.get(key, value))
        if given == value:
            continue
        option = "--" + key.replace("_", "-")
        if isinstance(given, bool):
            options.append(option if given else f"--no-{option[2:]}")
            continue
        values = given if isinstance(given, list) else [given]
        options.append(f"{option} {shlex.join(map(str, values))}".rstrip())
    return options


def _own_data(bundle: Bundle, dataset: str | Path) -> dict[str, object]:
    """Return the data set's source and, by part, its regions, patients, hospitals and annotated
    pixels."""
    data = open_dataset(dataset)
    trained = bundle.card.training.data
    if data.fingerprint() != trained:
        raise InputError(
            f"{data.path}: data set {data.fingerprint()}, '{bundle.card.name}' was trained on"
            f" {trained}; give that one or no --data"
        )
    info = read_json(data.path / "dataset.json", InputError, "a data set's description")
    return {
        "source": info.get("source", ""),
        "notes": info.get("notes", []),
        "parts": _part_rows(data),
    }


def _part_rows(data: Dataset) -> list[dict[str, object]]:
    table = load_split(data)
    rows = []
    for part in PARTS:
        regions = table[table["split"] == part]
        pixels = data.class_pixels.loc[regions.index].sum()
        rows.append(
            {
                "part": part,
                "regions": len(regions),
                "patients": regions["patient"].nunique(),
                "hospitals": regions["site"].nunique(),
                "pixels": {str(name): int(px) for name, px in pixels.items()},
            }
        )
    return rows


def _failures(bundle: Bundle, folder: Path, out: Path) -> _Failures:
    """Read an evaluation, and write the images of its worst regions beside the page."""
    scores = Scores.read(folder)
    work = read_json(folder / WORK_FILE, InputError, "the note of an evaluation")
    weights = WEIGHTS if WEIGHTS in bundle.card.files else ONNX
    regions = []
    with as_written(folder, "evaluate"):
        # By the weights alone: the card changes when scores are noted in it.
        evaluated = work["settings"].get("model_files", {})
        if evaluated.get(weights) != bundle.card.files.get(weights):
            raise InputError(
                f"{folder}: evaluation of other weights than those of '{bundle.card.name}';"
                " evaluate this model and give that folder"
            )
        for region in worst_first(scores.regions)[:_PICTURES]:
            picture = out.with_suffix("") / f"{region}.jpg"
            save_pair(folder / REGIONS / region, bundle.card.label_map, picture)
            dice = scores.regions[region].overall.mean_dice
            regions.append(
                {
                    "id": region,
                    "mean_dice": dice,
                    "link": picture.relative_to(out.parent).as_posix(),
                }
            )
        return _Failures(_confusions(pd.read_csv(folder / COUNTS)), regions)


def _confusions(counts: pd.DataFrame) -> list[dict[str, object]]:
    """Return the largest confusions: share of the truth class's pixels that were called something
    else."""
    pooled = counts.groupby(["truth", "prediction"], as_index=False)["px"].sum()
    pooled["share"] = pooled["px"] / pooled.groupby("truth")["px"].transform("sum")
    wrong = pooled[pooled["truth"] != pooled["prediction"]]
    # Stable: confusions of one size keep the order of the table.
    wrong = wrong.sort_values("px", ascending=False, kind="stable")
    rows: list[dict[str, object]] = []
    for row in wrong.head(_CONFUSIONS).to_dict("records"):
        rows.append({str(key): value for key, value in row.items()})  # pandas' keys are hashables
    return rows
