"""Make a model by a recipe: prepare, split, train, and the finished bundle with its scores.

The same command goes on where it stopped.

    recipes/lite0/make DATA OUT
    python recipes/make.py RECIPE DATA OUT [--until prepare|split|train] [--split FILE]
                           [--train seed=2 epochs=3] [--source NAME=FOLDER]

RECIPE is a folder with recipe.json:

    name      of the model
    before    commands that make sources, each a list of words (none)
    sources   folders that `before` made (OUT/sources), in DATA or in the recipe's folder;
              "NAME?" may be missing
    prepare   options of `breastseg prepare`, as in {"to_mpp": 0.5, "labels": "region5"}
    split     a file of patients and parts, or a scheme of `breastseg split`
    preset    of `breastseg train`
    start     a command that writes OUT/start, from which `train` goes on unless it names another
              start (none)
    train     options that change it, as in {"epochs": 20}
    folds     options of a training that may know nobody who is held out; needed where `train`
              starts from another model, as in {"start": ""}
    seeds     seeds of trainings that differ by nothing else, as in [1, 2, 3]; their weights are
              averaged (one training)
    average   shares of other models in the weights, as in {"lite0": 0.5}: what was trained has
              the rest (none)
    after     commands that change what was trained, before it is exported (none)
    export    more options of `breastseg export`, as in {"bias": "tumor=-0.5"}
    limits    a file of sentences for the card (none)
    reference sources whose fields go with the model, for `explain` to find the nearest; their
              images travel where all of these sources are CC0 or BSD-3-Clause (none)

A value that is the name of a file in the recipe's folder means that file. In commands {recipe},
{data}, {out} and {bundle} are the folders, {NAME} those that --source gives, and a first word
"python" or "breastseg" is this Python.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

STEPS = ("prepare", "split", "train", "all")
_KNOWN = {
    *("name", "before", "sources", "prepare", "split", "preset", "start", "train", "folds"),
    *("seeds", "after", "average", "export", "limits", "reference"),
}
_NEEDED = ("name", "sources", "split", "preset")


def read_recipe(folder: Path) -> dict[str, Any]:
    """Read recipe.json; SystemExit says what is wrong with it."""
    path = folder / "recipe.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"make.py: {path}: not found; give the folder of a recipe")
    except ValueError as cause:
        sys.exit(f"make.py: {path}: not JSON ({cause})")
    if not isinstance(found, dict):
        sys.exit(f"make.py: {path}: wanted names with values, as in recipes/lite0/recipe.json")
    if "seeds" in found and "after" in found:
        sys.exit(f"make.py: {path}: 'after' changes one training, seeds are several; leave one out")
    if missing := [name for name in _NEEDED if name not in found]:
        sys.exit(f"make.py: {path}: {missing[0]} is missing")
    if unknown := sorted(found.keys() - _KNOWN):
        wanted = ", ".join(sorted(_KNOWN))
        sys.exit(f"make.py: {path}: '{unknown[0]}' is not known; wanted {wanted}")
    return found


def options(values: dict[str, Any], folder: Path) -> list[str]:
    """Return options of a command: {"dot_radius": 3} is --dot-radius 3, true is the option alone,
    false its --no-.
    """
    words = []
    for name, value in values.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [
                f"--{option}",
                *(_word(one, folder) for one in (value if isinstance(value, list) else [value])),
            ]
    return words


def _word(value: Any, folder: Path) -> str:
    is_file = isinstance(value, str) and value != "" and (folder / value).is_file()
    return str(folder / value) if is_file else str(value)


def sources(recipe: dict[str, Any], places: dict[str, Path]) -> list[str]:
    """Return the folders of a recipe's sources; SystemExit names one that is nowhere."""
    found = []
    for name in recipe["sources"]:
        wanted = name.removesuffix("?")
        tried = [places["out"] / "sources" / wanted]
        tried += [places[wanted]] if wanted in places else []
        tried += [places["data"] / wanted, places["recipe"] / wanted]
        place = next((path for path in tried if path.is_dir()), None)
        if place is not None:
            found.append(str(place))
        elif not name.endswith("?"):
            said = f"source '{wanted}' is none of {', '.join(map(str, tried))}"
            sys.exit(f"make.py: {said}; fetch it, or give --source {wanted}=FOLDER")
    return found


def filled(words: list[str], places: dict[str, Path]) -> list[str]:
    """Return a command of a recipe with its folders; SystemExit names one that is not given."""
    try:
        return [word.format(**places) for word in words]
    except KeyError as cause:
        name = cause.args[0]
        said = f"the recipe's command '{shlex.join(words)}' needs {name}"
        sys.exit(f"make.py: {said}; give --source {name}=FOLDER")


def run(words: list[str]) -> None:
    """Say a command and run it; its failure is this script's."""
    print("+", shlex.join(words), file=sys.stderr, flush=True)
    if words[0] == "breastseg":
        words = [sys.executable, "-m", *words]
    elif words[0] == "python":
        words = [sys.executable, *words[1:]]
    status = subprocess.run(words, check=False).returncode
    if status:
        sys.exit(status if status > 0 else 128 - status)


def export(words: list[str], out: Path) -> None:
    """Export a bundle into a folder, unless an earlier call did: it is there whole or not."""
    if not out.is_dir():
        run(["breastseg", "export", *words, "--out", str(out)])


def average(shares: dict[str, float], bundles: list[Path], out: Path) -> Path:
    """Average what was trained with other models, unless that is done; return the bundle."""
    averaged = out / "averaged"
    if not averaged.is_dir():
        words = [f"{name}={share}" for name, share in shares.items()]
        share = (1 - sum(shares.values())) / len(bundles)
        words += [f"{bundle}={share}" for bundle in bundles]
        script = str(Path(__file__).resolve().with_name("average.py"))
        run(["python", script, str(averaged), str(out / "data"), *words])
    return averaged


def train(recipe: dict[str, Any], given: argparse.Namespace, places: dict[str, Path]) -> list[Path]:
    """Train once, or once a seed; return the bundles."""
    changes = {**recipe.get("train", {}), **given.train}
    if "start" in recipe and "start" not in changes:
        changes["start"] = str(given.out / "start")
        if not (given.out / "start").is_dir():
            run(filled(recipe["start"], places))
    # A seed that is given is a training of its own, as of a fold.
    seeds = [] if "seed" in changes else recipe.get("seeds", [])
    runs = {given.out / f"run-{seed}": {**changes, "seed": seed} for seed in seeds}
    runs = runs or {given.out / "run": changes}
    for trained, changes in runs.items():
        words = [
            "--preset",
            recipe["preset"],
            "--name",
            recipe["name"],
            *options(changes, given.recipe),
        ]
        run(["breastseg", "train", str(given.out / "data"), "--out", str(trained), *words])
    return [trained / "bundle" for trained in runs]


def add_reference(
    recipe: dict[str, Any], places: dict[str, Path], network: Path, bundle: Path
) -> None:
    """Write a model again with fields of some of the sources that trained it."""
    some = {**recipe, "sources": recipe["reference"]}
    fields = str(places["out"] / "reference")
    # The table has rows of all sources: those of images that are left out here would be refused.
    prepared = {name: value for name, value in recipe.get("prepare", {}).items() if name != "table"}
    resampled = options(prepared, places["recipe"])
    run(["breastseg", "prepare", *sources(some, places), "--out", fields, *resampled])
    export([str(network), "--features", fields], bundle)


def make(given: argparse.Namespace) -> None:
    """Go through the steps."""
    recipe = read_recipe(given.recipe)
    data_set, bundle = given.out / "data", given.out / recipe["name"]
    places = {
        "recipe": given.recipe,
        "data": given.data,
        "out": given.out,
        "bundle": given.out / "run" / "bundle",
        **given.source,
    }
    for command in recipe.get("before", []):
        run(filled(command, places))
    run(
        [
            "breastseg",
            "prepare",
            *sources(recipe, places),
            "--out",
            str(data_set),
            *options(recipe.get("prepare", {}), given.recipe),
        ]
    )
    if given.until == "prepare":
        return
    run(
        [
            "breastseg",
            "split",
            str(data_set),
            "--scheme",
            str(given.split or _word(recipe["split"], given.recipe)),
        ]
    )
    if given.until == "split":
        return
    bundles = train(recipe, given, places)
    for command in recipe.get("after", []):
        run(filled(command, places))
    if given.until == "train":
        return
    shares = recipe.get("average", {})
    if shares or len(bundles) > 1:
        trained_bundle = average(shares, bundles, given.out)
    else:
        trained_bundle = bundles[0]
    limits = ["--limits", _word(recipe["limits"], given.recipe)] if "limits" in recipe else []
    words = [
        str(trained_bundle),
        "--int8",
        "--data",
        str(data_set),
        "--split",
        "val",
        *options(recipe.get("export", {}), given.recipe),
        *limits,
    ]
    with_reference = recipe.get("reference", [])
    network = given.out / "network" if with_reference else bundle
    export(words, network)
    if with_reference:
        add_reference(recipe, places, network, bundle)
    evaluate = [
        "breastseg",
        "evaluate",
        "--model",
        str(bundle),
        "--data",
        str(data_set),
        "--split",
        "val",
    ]
    run([*evaluate, "--out", str(given.out / "scores"), "--record"])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"'{text}', wanted NAME=VALUE")
    return name, value


def main() -> None:
    """Parse and make."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    add, pair = parser.add_argument, "NAME=VALUE"
    add("recipe", type=Path, help="folder with recipe.json")
    add("data", type=Path, help="folder that holds the sources")
    add("out", type=Path, help="gets data set, run, scores and the finished bundle")
    add("--until", choices=STEPS, default="all", help="the last step (default all)")
    add("--split", type=Path, help="a file of patients and parts in place of the recipe's")
    add("--train", type=_pair, nargs="+", default=[], metavar=pair, help="changes of the training")
    place = "where a source is"
    add("--source", type=_pair, action="append", default=[], metavar="NAME=FOLDER", help=place)
    given = parser.parse_args()
    given.train, given.source = (
        dict(given.train),
        {name: Path(folder) for name, folder in given.source},
    )
    make(given)


if __name__ == "__main__":
    main()
