"""breastseg evaluate."""

import argparse
from pathlib import Path

from breastseg.cli.model import add_model_arguments, model_of
from breastseg.cli.options import add_data, add_option, add_out, add_split, given

_EVALUATE = "breastseg.evaluation.evaluate:evaluate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg evaluate --model runs/first/bundle --data data/bcss --split test --out "
        "results/first\n"
        "  breastseg evaluate --model runs/report/bundle --data data/bcss21 --labels region5 "
        "--out results/five\n"
        "  breastseg evaluate --model runs/report/bundle --data data/bcss21 --out results/report "
        "--as-report\n"
        "  breastseg evaluate --data data/bcss --out results/types --patients clinical.csv --by "
        "histology --by age"
    )
    add_model_arguments(parser)
    add_data(parser, "folder of a prepared data set", required=True)
    add_split(parser, "part that is scored", of=f"{_EVALUATE}.split")
    add_out(parser, "folder of the results")
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="also AUC and calibration, from probabilities; takes longer",
    )
    add_option(
        parser,
        "--compare",
        "folder of another model's evaluation on the same regions: also the difference",
        of=f"{_EVALUATE}.compare",
        metavar="FOLDER",
    )
    add_option(
        parser,
        "--labels",
        "score in the classes of this coarser label map (a name or a file), for a model and data of"
        " others",
        of=f"{_EVALUATE}.labels",
        metavar="MAP",
    )
    add_option(
        parser,
        "--patients",
        "table (CSV) with a row for each scored patient, column patient, for --by",
        of=f"{_EVALUATE}.patients",
        metavar="TABLE",
    )
    parser.add_argument(
        "--by",
        action="append",
        metavar="COLUMN",
        help=(
            "also scores by this column of --patients; may be given again (hospital, scanner where"
            " slides name it, and strength of stain are always there)"
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
        # Refuses a map without a tumour class now, and not after an hour of evaluating.
        tumour_class(load_label_map(options.labels) if options.labels else model.card.label_map)
    scores = evaluate(
        model,
        options.data,
        options.out,
        **given(options, "split", "probabilities", "compare", "labels", "patients", "by"),
    )
    # Before the pages: a fault in one of them must not keep the scores out of the card.
    if options.record:
        record_scores(model.bundle, to_json(scores))
    with held_folder(Path(options.out)):
        print(write_report(options.out))
        if options.as_report:
            print(write_chapter(options.out, model.card))
