"""breastseg evaluate."""

import argparse

from breastseg.cli.model import add_model_arguments, model_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example:\n  breastseg evaluate --model runs/first/bundle --data data/bcss --split test --out results/first"
    add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder of a prepared data set")
    parser.add_argument("--split", default="test", help="train, val, test or all (default test)")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument("--probabilities", action="store_true", help="also AUC and calibration, from probabilities; takes longer")
    parser.add_argument(
        "--compare", metavar="RESULTS", help="folder of another model's evaluation on the same regions: also the difference"
    )
    parser.add_argument("--record", action="store_true", help="also write the scores into the model's card")


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the report, and print where it is."""
    from breastseg.evaluation.evaluate import evaluate
    from breastseg.models.bundle import record_scores
    from breastseg.report.html import write_report

    model = model_of(options)
    scores = evaluate(model, options.data, options.out, split=options.split, probabilities=options.probabilities, compare=options.compare)
    if options.record:
        record_scores(model.bundle, scores)
    print(write_report(options.out))
