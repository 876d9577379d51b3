"""breastseg evaluate."""

import argparse
from pathlib import Path

from breastseg.cli.model import add_model_arguments, model_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg evaluate --model runs/first/bundle --data data/bcss --split test --out "
        "results/first\n"
        "  breastseg evaluate --model runs/report/bundle --data data/bcss21 --labels region5 "
        "--out results/five\n"
        "  breastseg evaluate --model runs/report/bundle --data data/bcss21 --out results/report "
        "--as-report"
    )
    add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder of a prepared data set")
    parser.add_argument("--split", default="test", help="train, val, test or all (default test)")
    parser.add_argument("--out", required=True, help="folder of the results")
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="also AUC and calibration, from probabilities; takes longer",
    )
    parser.add_argument(
        "--compare",
        metavar="RESULTS",
        help="folder of another model's evaluation on the same regions: also the difference",
    )
    parser.add_argument(
        "--labels",
        metavar="MAP",
        help=(
            "score in the classes of this coarser label map (a name or a file), for a model and"
            " data of others"
        ),
    )
    parser.add_argument(
        "--as-report",
        action="store_true",
        help="also write chapter/: the student report's results chapter, its numbers beside ours",
    )
    parser.add_argument(
        "--record", action="store_true", help="also write the scores into the model's card"
    )


def run(options: argparse.Namespace) -> None:
    """Evaluate, write the report, and print where it is."""
    from breastseg.bundles.bundle import record_scores
    from breastseg.errors import InputError
    from breastseg.evaluation.evaluate import evaluate
    from breastseg.files import held_folder
    from breastseg.labels import load_label_map
    from breastseg.records import to_json
    from breastseg.report.html import write_report
    from breastseg.studies.student_report.chapter import tumour_class, write_chapter

    if options.record and options.labels:
        raise InputError(
            "--record with --labels: a card holds scores in the model's own classes; leave one of"
            " the two out"
        )
    model = model_of(options)
    if options.as_report:
        tumour_class(load_label_map(options.labels) if options.labels else model.card.label_map)
    scores = evaluate(
        model,
        options.data,
        options.out,
        split=options.split,
        probabilities=options.probabilities,
        compare=options.compare,
        labels=options.labels,
    )
    if options.record:
        record_scores(model.bundle, to_json(scores))
    with held_folder(Path(options.out)):
        print(write_report(options.out))
        if options.as_report:
            print(write_chapter(options.out, model.card))
