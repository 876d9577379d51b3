"""Can a tumour's type be told of a field? By patient, by image, and by its colours alone.

    python benchmarks/tumour_types.py BREAKHIS OUT [--shuffles 100]

BREAKHIS: images as BreaKHis names them, at any depth; from a git directory of
`Pnyaa/Histopathological-Image-Classification`:
`git -C GIT_DIR archive 5363047 data-challenge/Train | tar x -C BREAKHIS`. OUT gets `types.json` and
`types.md`, and the features, which are not computed again.

Every row is the same logistic regression (`breastseg.metrics.logistic`, types, cases of a type and
fields of a case weigh alike) on other features of a field at 0.5 um/px:

encoder, ImageNet   last stage of EfficientNet-Lite0, mean over the field
encoder, lite0      the same of the shipped model lite0, which saw no BreaKHis
lite0, tumour too   and its mean weighed by the probability of tumour
encoder, breast1    of the shipped model breast1, WHICH LEARNED from 14 of the 22 cases that they
                    are benign or malignant: a leak, shown to be seen
colours             square roots of shares of 512 colours
colours of slide    mean of those over the fields of the slide: nothing of the field itself

"by case": every case is named by a regression that saw all other cases. "by image": ten folds of
fields drawn within types, so that other fields of the same slide are learned from. Intervals are
over cases. "of shuffled": the 95th percentile of balanced accuracy by case when cases are given
each other's types, the fits done again: what chance reaches.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from breastseg.files import write_json, write_text, written
from breastseg.histology.colours import colours_of
from breastseg.images import Pixels, open_slide
from breastseg.labels.types import load_type_map
from breastseg.metrics.logistic import Floats, Ints, balanced, fit
from breastseg.metrics.types import type_scores
from breastseg.reporter import TERMINAL
from breastseg.sources import Region, open_source

MPP = 0.5
STRIDE = 32
FOLDS = 10
SEED = 42
QUESTIONS = {"malignancy": "benign or malignant", "carcinoma": "which of four carcinomas"}
ROWS = (
    "encoder, ImageNet",
    "encoder, lite0",
    "lite0, tumour too",
    "encoder, breast1",
    "colours",
    "colours of slide",
)


@dataclass(frozen=True, eq=False)
class Question:
    """Fields that have a type, by number; (N,) type, case and slide of each."""

    at: Ints
    truth: Ints
    cases: npt.NDArray[np.str_]
    slides: npt.NDArray[np.str_]
    names: tuple[str, ...]


def picture_of(region: Region) -> Pixels:
    """Return a field at `MPP`, without what exceeds multiples of `STRIDE`."""
    slide = open_slide(region.image, mpp=region.mpp)
    pixels = slide.read(mpp=MPP)
    slide.close()
    height, width = (side // STRIDE * STRIDE for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


def encoders() -> dict[str, Callable[[Pixels], list[npt.NDArray[np.float32]]]]:
    """Return by name what gives a field's means: over all of it, and over what is called tumour."""
    from breastseg.bundles.bundle import load_bundle
    from breastseg.networks.build import NetworkConfig, build
    from breastseg.networks.weights import load_bundle_weights, load_encoder_weights

    found = {}
    for name in ("lite0", "breast1"):
        bundle = load_bundle(name)
        network = build(NetworkConfig.from_dict(bundle.card.network))
        load_bundle_weights(network, bundle)
        found[name] = _means(network.eval(), bundle.card.label_map.names.index("tumor"))
    network = build(NetworkConfig.from_dict(load_bundle("lite0").card.network))
    load_encoder_weights(network, "tu-tf_efficientnet_lite0", "package")
    found["ImageNet"] = _means(network.eval(), None)
    return found


def _means(network: Any, tumour: int | None) -> Callable[[Pixels], list[npt.NDArray[np.float32]]]:
    import torch

    def means(pixels: Pixels) -> list[npt.NDArray[np.float32]]:
        with torch.inference_mode():
            picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
            stages = list(network.body.encoder((picture - network.mean) / network.std))
            deep = stages[-1][0]
            told = [deep.mean(dim=(1, 2)).numpy()]
            if tumour is not None:
                logits = network.body.segmentation_head(network.body.decoder(stages))
                shares = torch.softmax(logits, dim=1)[:, tumour : tumour + 1]
                shares = torch.nn.functional.adaptive_avg_pool2d(shares, deep.shape[1:])[0]
                told.append(((deep * shares).sum((1, 2)) / (shares.sum() + 1e-6)).numpy())
            return told

    return means


def features_of(regions: list[Region], out: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return (N, D) by row of the table; kept in OUT."""
    kept = out / "features.npz"
    ids = np.array([region.id for region in regions])
    if kept.is_file():
        with np.load(kept) as arrays:
            if np.array_equal(arrays["ids"], ids):
                return {name: arrays[name] for name in arrays.files if name != "ids"}
    asked, found = encoders(), {name: [] for name in ROWS}
    for region in TERMINAL.each(regions, title="features", unit="field"):
        pixels = picture_of(region)
        lite0 = asked["lite0"](pixels)
        found["encoder, ImageNet"].append(asked["ImageNet"](pixels)[0])
        found["encoder, lite0"].append(lite0[0])
        found["lite0, tumour too"].append(np.concatenate(lite0))
        found["encoder, breast1"].append(asked["breast1"](pixels)[0])
        found["colours"].append(colours_of(pixels))
    arrays = {name: np.array(rows, np.float32) for name, rows in found.items() if rows}
    slides = np.array([slide_of(region) for region in regions])
    means = [arrays["colours"][slides == slide].mean(axis=0) for slide in slides]
    arrays["colours of slide"] = np.array(means, np.float32)
    with written(kept) as beside, beside.open("wb") as file:
        np.savez(file, ids=ids, **arrays)
    return arrays


def slide_of(region: Region) -> str:
    """Return the slide in a BreaKHis name: what stands before magnification and number."""
    return region.id.rsplit("-", 2)[0]


def question_of(regions: list[Region], name: str) -> Question:
    """Return who is asked, and the truth."""
    types = load_type_map(name)
    told = [types.type_of(r.field.type if r.field else "", str(r.image)) for r in regions]
    at = np.flatnonzero(np.array(told) != "")
    truth = np.array([types.names.index(told[i]) for i in at], np.intp)
    cases = np.array([regions[i].patient for i in at])
    return Question(at, truth, cases, np.array([slide_of(regions[i]) for i in at]), types.names)


def by_case(features: npt.NDArray[np.float32], asked: Question, penalty: float) -> Floats:
    """Return (N, T) of regressions that saw all cases but the field's own."""
    return _held_out(features, asked, asked.cases, penalty)


def by_image(features: npt.NDArray[np.float32], asked: Question, penalty: float) -> Floats:
    """Return (N, T) of regressions that saw nine tenths of the fields."""
    return _held_out(features, asked, _folds(asked.truth), penalty)


def _folds(truth: Ints) -> Ints:
    """Return (N,) fold, drawn within types."""
    rng, folds = np.random.default_rng(SEED), np.empty(len(truth), np.intp)
    for kind in np.unique(truth):
        rows = np.flatnonzero(truth == kind)
        folds[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return folds


def _held_out(
    features: npt.NDArray[np.float32], asked: Question, groups: npt.NDArray[Any], penalty: float
) -> Floats:
    rows, kinds = features[asked.at].astype(np.float64), len(asked.names)
    found = np.empty((len(rows), kinds))
    for group in np.unique(groups):
        held = groups == group
        weights = balanced(asked.truth[~held], asked.cases[~held])
        learned = fit(rows[~held], asked.truth[~held], weights, kinds, penalty=penalty)
        found[held] = learned.probabilities(rows[held])
    return found


def shuffled(
    features: npt.NDArray[np.float32], asked: Question, penalty: float, times: int
) -> list[float]:
    """Return balanced accuracies by case when cases have each other's types."""
    people, first = np.unique(asked.cases, return_index=True)
    of_case = asked.truth[first]
    at = np.searchsorted(people, asked.cases)
    rng, found = np.random.default_rng(SEED), []
    for _ in TERMINAL.each(range(times), title="shuffles", unit="shuffle"):
        truth = rng.permutation(of_case)[at]
        other = Question(asked.at, truth, asked.cases, asked.slides, asked.names)
        scores = type_scores(
            by_case(features, other, penalty), truth, asked.cases.tolist(), asked.names, draws=0
        )
        found.append(scores["balanced_accuracy"])
    return found


def slides_named(features: npt.NDArray[np.float32], asked: Question, penalty: float) -> float:
    """Return the share of fields whose slide is named right, by image: one that says what is
    recognised."""
    names, truth = np.unique(asked.slides, return_inverse=True)
    told = _held_out(
        features,
        Question(asked.at, truth, asked.cases, asked.slides, tuple(names)),
        _folds(truth),
        penalty,
    )
    return float((told.argmax(axis=1) == truth).mean())


def row_of(
    features: npt.NDArray[np.float32],
    asked: Question,
    penalty: float,
    times: int,
    *,
    all_slides: bool,
) -> dict[str, Any]:
    """Return everything that is told of one kind of features."""
    whose = asked.cases.tolist()
    cases = type_scores(by_case(features, asked, penalty), asked.truth, whose, asked.names)
    image = type_scores(
        by_image(features, asked, penalty), asked.truth, whose, asked.names, draws=0
    )
    chance = shuffled(features, asked, penalty, times)
    reached = [one >= cases["balanced_accuracy"] for one in chance]
    return {
        "by_case": cases,
        "by_image": image,
        "slides_named_by_image": slides_named(features, asked, penalty) if all_slides else None,
        "shuffled": {
            "times": times,
            "percentile_95": float(np.percentile(chance, 95)) if chance else None,
            "median": float(np.median(chance)) if chance else None,
            "p": (1 + sum(reached)) / (1 + times) if chance else None,
        },
    }


def markdown(found: dict[str, Any]) -> str:
    """Return a table for each question."""
    lines = []
    for name, told in found["questions"].items():
        cases = ", ".join(f"{kind} {n}" for kind, n in told["cases"].items())
        lines += [
            f"**{QUESTIONS[name]}**: {told['pictures']} fields of {told['patients']} cases"
            f" ({cases})",
            "",
            "| features | by image: balanced accuracy of fields | by case: of fields | by case: of"
            " cases | AUC of cases | of shuffled, 95 % | p | slide named right by image |",
            f"|{' --- |' * 8}",
        ]
        for row, scores in told["rows"].items():
            lines.append(f"| {' | '.join(_cells(row, scores))} |")
        lines.append("")
    return "\n".join(lines)


def _cells(row: str, scores: dict[str, Any]) -> list[str]:
    cases, image, chance = scores["by_case"], scores["by_image"], scores["shuffled"]
    ends = {key: _ends(cases["intervals"][key]) for key in ("balanced_accuracy", "auc")}
    return [
        row,
        f"{image['balanced_accuracy_pictures']:.3f}",
        f"{cases['balanced_accuracy_pictures']:.3f}",
        f"{cases['balanced_accuracy']:.3f}{ends['balanced_accuracy']}",
        f"{cases['auc']:.3f}{ends['auc']}",
        "" if chance["percentile_95"] is None else f"{chance['percentile_95']:.3f}",
        "" if chance["p"] is None else f"{chance['p']:.2f}",
        "" if scores["slides_named_by_image"] is None else f"{scores['slides_named_by_image']:.3f}",
    ]


def _ends(interval: list[float] | None) -> str:
    return "" if interval is None else f" ({interval[0]:.3f} to {interval[1]:.3f})"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("breakhis", type=Path, help="holds the images of BreaKHis")
    parser.add_argument("out", type=Path, help="gets types.json, types.md and the features")
    parser.add_argument("--shuffles", type=int, default=100, help="of types among cases")
    parser.add_argument(
        "--shuffled", nargs="*", default=ROWS, help="rows of which types are shuffled"
    )
    parser.add_argument("--penalty", type=float, default=1e-3, help="of the regressions")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    regions = list(open_source(options.breakhis).regions)
    start = time.process_time()
    features = features_of(regions, options.out)
    found: dict[str, Any] = {
        "features_cpu_s": time.process_time() - start,
        "penalty": options.penalty,
        "questions": {},
    }
    for name in QUESTIONS:
        asked = question_of(regions, name)
        rows = {}
        for row in ROWS:
            times = options.shuffles if row in options.shuffled else 0
            rows[row] = row_of(
                features[row], asked, options.penalty, times, all_slides=name == "malignancy"
            )
        told = next(iter(rows.values()))["by_case"]
        found["questions"][name] = {
            **{key: told[key] for key in ("pictures", "patients", "cases")},
            "rows": rows,
        }
    found["cpu_s"] = time.process_time() - start
    write_json(options.out / "types.json", found)
    write_text(options.out / "types.md", markdown(found))
    print(markdown(found))
    print(json.dumps({key: found[key] for key in ("cpu_s", "features_cpu_s", "penalty")}))


if __name__ == "__main__":
    main()
