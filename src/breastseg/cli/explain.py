"""breastseg explain."""

import argparse

from breastseg.cli.options import add_mpp, add_option, add_out


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg explain slide.svs --at 12000,8400 --out why\n"
        "  breastseg explain field.png --mpp 0.25 --at 900,700 --model runs/first/bundle --nearest"
        " --out why"
    )
    parser.add_argument("image", help="an image or slide")
    parser.add_argument(
        "--at",
        required=True,
        metavar="X,Y",
        help="the place, in level-0 pixels from the upper left corner",
    )
    add_mpp(parser)
    add_option(
        parser,
        "--model",
        "a shipped model's name or the folder of a bundle",
        of="breastseg.inference.model:load_model.name_or_path",
        dest="model",
        metavar="MODEL",
    )
    parser.add_argument(
        "--nearest",
        action="store_true",
        help="insist on the nearest training fields: a model without them is an error",
    )
    parser.add_argument(
        "--gradients",
        action="store_true",
        help=(
            "draw integrated gradients too, beside those of the same network with random weights"
            " (extra train)"
        ),
    )
    add_out(parser, "folder of explain.html and explain.json")


def run(options: argparse.Namespace) -> None:
    """Explain, print the short table and where the page is."""
    from breastseg.cli.options import given
    from breastseg.explain.place import explain
    from breastseg.geometry import parse_place
    from breastseg.inference.model import load_model
    from breastseg.report.explanation import explanation_folder, write_explanation
    from breastseg.wording import say

    at = parse_place(options.at)
    # Without --model the function's own default: the command line does not write it again.
    model = load_model(*given(options, "model").values())
    with explanation_folder(
        options.out, options.image, model, at, options.mpp, gradients=options.gradients
    ):
        explanation = explain(
            options.image,
            model,
            at,
            mpp=options.mpp,
            needs_nearest=options.nearest,
            gradients=options.gradients,
        )
        page = write_explanation(explanation, options.out)
    for line in explanation.lines():
        say(line)
    say(f"{page}")
