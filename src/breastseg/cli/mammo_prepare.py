"""breastseg mammo prepare."""

import argparse

from breastseg.cli.options import MM, add_option, add_out, configured

_CONFIG = "breastseg.mammography.prepare:FilmsConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "Data sets are recognised by looking: mini-MIAS, CBIS-DDSM, VinDr-Mammo, INbreast, CMMD,\n"
        "DDSM, BCDR, RSNA, folders NAME-SELECTED-IMGS with NAME-SELECTED-MASKS. DICOM films of\n"
        "no data set are numbered, patients too; without --seg no name, number, date or place of\n"
        "a patient is written.\n"
        "films.csv and breasts.csv have the bright share of the breast and a proposed density.\n"
        "A muscle's line that was put in breastseg serve OUT is taken by the same command again.\n"
        "examples:\n"
        "  breastseg mammo prepare mini-mias --out films\n"
        "  breastseg mammo prepare exams --out films --to-pixel-mm 0.1 --denoise median --clahe\n"
        "  breastseg mammo prepare exams --out films --seg\n"
        "  breastseg mammo prepare film.png --out films --pixel-mm 0.05 --muscle none\n"
        "  breastseg mammo prepare mini-mias --out paper --as-paper 3.5"
    )
    parser.add_argument("input", help="folder of a data set or of films, or one film")
    add_out(parser, "folder of the results; the same command goes on in it", or_after="input")
    add_option(
        parser,
        "--muscle",
        "how the pectoral muscle is found: path (line and shortest path), srg (seeded region"
        " growing), rows (until white ends), or none to leave it in; a line that was put in"
        " breastseg serve goes over all of them",
        of=f"{_CONFIG}.muscle",
        names="breastseg.mammography.prepare:MUSCLE",
    )
    parser.add_argument(
        "--muscle-in-cc",
        action="store_true",
        help="look for muscle in views from above too, where there is none or little",
    )
    add_option(
        parser,
        "--denoise",
        "how noise is taken out",
        of=f"{_CONFIG}.denoise",
        names="breastseg.mammography.prepare:DENOISE",
    )
    parser.add_argument("--clahe", action="store_true", help="equalise contrast in places")
    add_option(
        parser,
        "--pixel-mm",
        "millimetres a pixel of the films, when they do not say or say it wrong",
        type=float,
        metavar=MM,
    )
    add_option(
        parser,
        "--to-pixel-mm",
        "millimetres a pixel of the prepared image; 0 keeps the film's own",
        of=f"{_CONFIG}.mm_per_px",
        type=float,
        metavar=MM,
    )
    add_option(
        parser,
        "--as-paper",
        "the exact steps of a published system",
        of=f"{_CONFIG}.as_paper",
        names="breastseg.mammography.prepare:PAPERS",
    )
    parser.add_argument(
        "--whole", action="store_true", help="keep what is not breast in image.png too"
    )
    parser.add_argument(
        "--keep-names",
        action="store_true",
        help="call loose DICOM films as their files are called; they may name a patient",
    )
    parser.add_argument(
        "--seg",
        action="store_true",
        help="write the masks of DICOM films as seg.dcm too (a DICOM segmentation): it holds the "
        "patient's name, number and study, as an archive needs them",
    )


def run(options: argparse.Namespace) -> None:
    """Prepare, and print where the results are."""
    from breastseg.mammography.prepare import FilmsConfig, prepare_films
    from breastseg.wording import counted

    # None is the function's word for "as the film is"; on the command line it would be "not given".
    if options.mm_per_px == 0:
        config = configured(FilmsConfig, options, mm_per_px=None)
    else:
        config = configured(FilmsConfig, options)
    rows = prepare_films(options.input, options.out, config)
    done = sum(row["outcome"] == "done" for row in rows)
    advice = "look at overlay.jpg of some before you use the masks"
    print(f"{options.out}: {counted(done, 'film')}; {advice}")
