"""breastseg mammo prepare."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Data sets are recognised by looking: mini-MIAS, CBIS-DDSM, VinDr-Mammo, INbreast, CMMD,\n"
        "folders NAME-SELECTED-IMGS with NAME-SELECTED-MASKS. DICOM films of no data set are\n"
        "numbered, patients too; no name, number, date or place of a patient is written.\n"
        "A muscle's line that was put in breastseg serve OUT is taken by the same command again.\n"
        "examples:\n"
        "  breastseg mammo prepare mini-mias films\n"
        "  breastseg mammo prepare exams films --mm 0.1 --denoise median --clahe\n"
        "  breastseg mammo prepare film.png films --pixel-mm 0.05 --muscle none\n"
        "  breastseg mammo prepare mini-mias paper --as-paper 3.5"
    )
    parser.add_argument("input", help="folder of a data set or of films, or one film")
    parser.add_argument("out", help="folder of the results; the same command goes on in it")
    parser.add_argument(
        "--muscle",
        default="path",
        metavar="WAY",
        help="how the pectoral muscle is found: path (line and shortest path, default), srg "
        "(seeded region growing), rows (until white ends), or none to leave it in; a line that was "
        "put in breastseg serve goes over all of them",
    )
    parser.add_argument(
        "--muscle-in-cc",
        action="store_true",
        help="look for muscle in views from above too, where there is none or little",
    )
    parser.add_argument(
        "--denoise", default="none", metavar="WAY", help="wiener, median or none (default)"
    )
    parser.add_argument("--clahe", action="store_true", help="equalise contrast in places")
    parser.add_argument(
        "--mm",
        type=float,
        default=0.2,
        metavar="MM",
        help="millimetres a pixel of the prepared picture (default 0.2); 0 keeps the film's own",
    )
    parser.add_argument(
        "--pixel-mm",
        type=float,
        metavar="MM",
        help="millimetres a pixel of the films, when they do not say or say it wrong",
    )
    parser.add_argument(
        "--as-paper",
        default="",
        metavar="ROW",
        help="the exact steps of a system: 3.4, 3.5, 3.6 or 3.8",
    )
    parser.add_argument(
        "--whole", action="store_true", help="keep what is not breast in image.png too"
    )
    parser.add_argument(
        "--keep-names",
        action="store_true",
        help="call loose DICOM films as their files are called; they may name a patient",
    )


def run(options: argparse.Namespace) -> None:
    """Prepare, and print where the results are."""
    from breastseg.mammography.prepare import FilmsConfig, prepare_films
    from breastseg.wording import counted

    config = FilmsConfig(
        muscle=options.muscle,
        muscle_in_cc=options.muscle_in_cc,
        denoise=options.denoise,
        clahe=options.clahe,
        mm_per_px=options.mm or None,
        as_paper=options.as_paper,
        whole=options.whole,
        pixel_mm=options.pixel_mm,
        keep_names=options.keep_names,
    )
    rows = prepare_films(options.input, options.out, config)
    done = sum(row["outcome"] == "done" for row in rows)
    advice = "look at overlay.jpg of some before you use the masks"
    print(f"{options.out}: {counted(done, 'film')}; {advice}")
