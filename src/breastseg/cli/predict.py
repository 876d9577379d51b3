"""breastseg predict."""

import argparse
from contextlib import ExitStack, closing

from breastseg.cli.model import add_model_arguments, model_of
from breastseg.cli.options import add_mpp, add_option, add_out, configured

_CONFIG = "breastseg.inference.config:PredictConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "examples:\n  breastseg predict region.png --mpp 0.25 --out maps\n"
        "  breastseg predict slide.svs --out maps --box 2000,2000,1500,1500um --uncertainty\n"
        "  breastseg predict slides/ --out maps --resume\n"
        "  breastseg predict slide.svs --out mean --model breast1 --model lite0\n"
        "  breastseg predict slides.csv --out maps --parquet\n"
        "  breastseg predict slides/ --out maps --shard 3/8 --json\n"
        "  breastseg predict slides/ --out maps --cluster auto\n"
        "  breastseg predict s3://bucket/slides/ --out s3://bucket/maps\n"
        "  breastseg predict fields/ --mpp 0.5 --model runs/first/bundle --out maps --figure 10"
    )
    parser.add_argument(
        "input",
        nargs="+",
        help=(
            "images, slides, folders of them, or a CSV of slides (columns path, mpp, box,"
            " patient); or addresses: s3://, gs://, az:// (extra cloud), https://"
        ),
    )
    add_model_arguments(parser, several=True)
    add_out(parser, "folder of the results, one folder an input in it; or a prefix of a bucket")
    add_mpp(parser)
    add_option(
        parser,
        "--box",
        "map this region alone: level-0 pixels, or microns with um at the end",
        metavar="X,Y,W,H",
    )
    add_option(
        parser,
        "--tissue-mask",
        "on: look at tissue alone, glass gets no label; off: look at glass too; auto: on for"
        " slides, and for flat images with glass wider than lumens and fat cells are",
        of=f"{_CONFIG}.tissue_mask",
        names="breastseg.inference.map:TISSUE_MASKS",
    )
    parser.add_argument(
        "--blend",
        action="store_true",
        help="where tiles overlap, take the mean of their probabilities",
    )
    _add_outputs(parser)
    _add_ways(parser)


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    """Declare what is written."""
    parser.add_argument(
        "--probabilities",
        action="store_true",
        help="write probabilities.ome.tif, one channel a class",
    )
    parser.add_argument(
        "--uncertainty",
        action="store_true",
        help="write uncertainty.ome.tif, the entropy at low resolution",
    )
    parser.add_argument(
        "--disagreement",
        action="store_true",
        help=(
            "with --flips: write disagreement.ome.tif, how far a tile's mirror images are apart; of"
            " several models it is always written"
        ),
    )
    parser.add_argument(
        "--tell-types",
        dest="types",
        action="store_true",
        help="write type.json also where the model's card says that it is no better than colours",
    )
    parser.add_argument(
        "--explore",
        action="store_true",
        help=(
            "measure lumens in tumour, shapes of nests and sizes of nuclei too, columns explore_*:"
            " parts of what is graded, and no grade"
        ),
    )
    add_option(
        parser,
        "--min-area",
        "smallest region and hole in regions.geojson, smaller ones go to what surrounds them",
        of=f"{_CONFIG}.min_area_um2",
        type=float,
        metavar="UM2",
    )
    parser.add_argument(
        "--gzip",
        dest="compress_regions",
        action="store_true",
        help="write regions.geojson.gz in place of regions.geojson",
    )
    parser.add_argument(
        "--ome-zarr",
        action="store_true",
        help="write map.ome.zarr too: the slide, small, and its labels (extra zarr)",
    )
    parser.add_argument(
        "--parquet", action="store_true", help="write measures.parquet too (extra parquet)"
    )
    add_option(
        parser,
        "--figure",
        "draw the first N inputs beside their masks",
        of=f"{_CONFIG}.figure",
        type=int,
        metavar="N",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """Declare how many inputs are worked through."""
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on in a folder though inputs have been added or removed since",
    )
    add_option(
        parser,
        "--shard",
        "do part I of N alone, by the names of the slides; N machines share one folder, and"
        " breastseg gather makes its tables",
        metavar="I/N",
    )
    add_option(
        parser,
        "--cluster",
        "map the slides on the machines of a Ray cluster that runs, one task a slide: auto, or"
        " HOST:PORT of its head (extra cluster)",
        metavar="ADDRESS",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one line of JSON for each slide as it ends, all else on stderr",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what it will take, in time, disk and memory, and stop",
    )


def run(options: argparse.Namespace) -> None:
    """Predict, and print where the results are."""
    from breastseg.errors import InputError
    from breastseg.geometry import parse_box
    from breastseg.inference.config import PredictConfig
    from breastseg.inference.predict import foretell, predict
    from breastseg.inference.shards import Shard
    from breastseg.reporter import TERMINAL, Reporter
    from breastseg.wording import say_aside

    box = None if options.box is None else parse_box(options.box)
    config = configured(PredictConfig, options, box=box)
    shard = None if options.shard is None else Shard.parse(options.shard)
    if options.cluster is not None and (shard is not None or options.dry_run):
        other = "--shard" if shard is not None else "--dry-run"
        raise InputError(f"--cluster with {other}: one or the other; leave one of them out")
    if options.dry_run and options.json:
        raise InputError("--json with --dry-run: no slide is mapped; leave one of them out")
    if options.dry_run:
        foretell(options.input, model_of(options), options.out, config, shard=shard)
        return
    with ExitStack() as engines:
        mapper = None
        if options.cluster is not None:  # before a model is loaded: nobody may be there
            from breastseg.cluster.ray_engine import RayEngine
            from breastseg.cluster.spread import Spread

            mapper = Spread(engines.enter_context(closing(RayEngine(options.cluster))))
        # With --json, stdout is for a program: everything else goes to stderr.
        predict(
            options.input,
            model_of(options),
            options.out,
            config,
            resume=options.resume,
            shard=shard,
            reporter=Reporter(say_aside, _print_json) if options.json else TERMINAL,
            mapper=mapper,
        )


def _print_json(event: object) -> None:
    from breastseg.inference.ledger import Outcome

    if isinstance(event, Outcome):
        # At once: a pipe would hold lines back until 8 kB are together.
        print(event.json_line(), flush=True)
