"""breastseg serve."""

import argparse
from pathlib import Path

from breastseg.cli.options import add_option, add_out, given

_CONFIG = "breastseg.serve.config:ServeConfig"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = (
        "With --host other machines are let in too, by the token that is printed; nothing is "
        "encrypted. On this machine alone a token\n"
        "is asked for where others use it: in an SSH session, a Slurm, PBS, LSF or Grid Engine "
        "job, a JupyterHub or Apptainer; where\n"
        "another person can log in or runs programs; where users come from a directory (LDAP), "
        "and where that cannot be told (not\n"
        "Linux). The second line says what was seen.\n"
        "examples:\n"
        "  breastseg serve slides/\n"
        "  breastseg serve films/\n"
        "  breastseg serve slides/ --model runs/first/bundle\n"
        "  breastseg serve slides/ --port 0 --no-open --out /data/maps\n"
        "  breastseg serve slides/ --host 0.0.0.0"
    )
    parser.add_argument("folder", help="slides, images and results, in folders or not")
    add_option(
        parser,
        "--host",
        "address to listen at; the default is this machine alone",
        of=f"{_CONFIG}.host",
        metavar="ADDRESS",
    )
    add_option(
        parser,
        "--port",
        "where to listen; 0 takes any that is free",
        of=f"{_CONFIG}.port",
        type=int,
        metavar="PORT",
    )
    add_out(parser, "folder that jobs write to (default FOLDER/breastseg)", required=False)
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="MODEL",
        help="folder of your own model, to choose too; may be repeated",
    )
    parser.add_argument(
        "--token",
        action=argparse.BooleanOptionalAction,
        help="ask everybody for a token, or nobody (default: where others use this machine)",
    )
    parser.add_argument("--no-open", action="store_true", help="do not open the browser")


def run(options: argparse.Namespace) -> None:
    """Serve, and print the address."""
    from breastseg.errors import MissingPackageError

    try:
        from breastseg.serve.config import ServeConfig
        from breastseg.serve.web.run import serve
    except ImportError as cause:
        raise MissingPackageError(
            f"serve: {cause.name or cause} is not installed; pip install 'breastseg[serve]'"
        ) from None
    out = None if options.out is None else Path(options.out)
    models = tuple(map(Path, options.model))
    address = given(options, "host", "port")
    config = ServeConfig(Path(options.folder), out=out, models=models, **address)
    serve(config, ask_token=options.token, open_browser=not options.no_open)
