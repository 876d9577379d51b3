"""breastseg models."""

import argparse
import sys

from breastseg.cli.options import add_data, add_option, add_out, given


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    parser.epilog = (
        "examples:\n"
        "  breastseg models\n"
        "  breastseg models show lite0\n"
        "  breastseg models page runs/first/bundle --out docs/models/first.md --data data/bcss "
        "--results results/first\n"
        "  breastseg models pull OWNER/NAME --revision main --out my-model\n"
        "  breastseg models push runs/first/bundle OWNER/NAME --private\n"
        "  breastseg models monai runs/first/bundle --out first-monai"
    )
    actions = parser.add_subparsers(
        dest="action", metavar="ACTION", help="what to do; without one, shipped models are listed"
    )
    _action(actions, "show", "print a model's card", "breastseg models show runs/first/bundle")
    page = _action(
        actions,
        "page",
        "write a model's page in Markdown",
        "breastseg models page runs/first/bundle --out docs/models/first.md --data data/bcss"
        " --results results/first",
    )
    page.add_argument(
        "--out",
        required=True,
        metavar="FILE",
        help="the page, NAME.md; images go into the folder NAME beside it",
    )
    add_data(page, "folder of the data set that trained it: the page tells its source and parts")
    add_option(
        page,
        "--results",
        "folder of an evaluation of it: the page shows where it fails",
        metavar="FOLDER",
    )
    pull = _action(
        actions,
        "pull",
        "fetch a model from a hub and check it",
        "breastseg models pull OWNER/NAME --out my-model",
        model=False,
    )
    pull.add_argument(
        "repository",
        metavar="OWNER/NAME",
        help="repository on the hub; HF_ENDPOINT points at another hub",
    )
    add_option(
        pull,
        "--revision",
        "branch, tag or commit",
        of="breastseg.bundles.hub:pull.revision",
        metavar="NAME",
    )
    add_out(pull, "folder of the bundle")
    push = _action(
        actions,
        "push",
        "send a model to a hub",
        "breastseg models push runs/first/bundle OWNER/NAME --private",
    )
    push.add_argument(
        "repository", metavar="OWNER/NAME", help="repository on the hub, made when missing"
    )
    push.add_argument("--private", action="store_true", help="make the repository private")
    monai = _action(
        actions,
        "monai",
        "write a model as a MONAI bundle",
        "breastseg models monai runs/first/bundle --out first-monai",
    )
    add_out(monai, "folder of the MONAI bundle; must not exist")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    example: str,
    *,
    model: bool = True,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(
        name,
        help=summary,
        description=summary,
        epilog=f"example:\n  {example}",
    )
    if model:
        parser.add_argument("model", help="name of a shipped model or folder of a bundle")
    return parser


def run(options: argparse.Namespace) -> None:
    """List the shipped models, or do one thing with one model, and print where the result is."""
    from breastseg.bundles.bundle import load_bundle
    from breastseg.report.model_page import (
        describe_model,
        list_models,
        model_page,
        write_model_page,
    )

    if options.action is None:
        sys.stdout.write(list_models())
        return
    if options.action == "pull":
        from breastseg.bundles.hub import pull

        bundle = pull(options.repository, options.out, **given(options, "revision"))
        print(f"{bundle.path}: model '{bundle.card.name}', every file as its card says")
        return
    bundle = load_bundle(options.model)
    if options.action == "show":
        sys.stdout.write(describe_model(bundle))
    elif options.action == "page":
        page = write_model_page(
            bundle, options.out, dataset=options.data, evaluation=options.results
        )
        print(page)
    elif options.action == "push":
        from breastseg.bundles.hub import push

        print(push(bundle, options.repository, model_page(bundle), private=options.private))
    else:
        from breastseg.bundles.monai import write_monai_bundle

        print(write_monai_bundle(bundle, options.out, model_page(bundle)))
