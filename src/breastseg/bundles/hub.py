"""Bundles to and from a Hugging Face hub: the card and the files it lists, no others; nothing else
leaves the machine.

The hub's own client does the work, with its own login; `HF_ENDPOINT` points it at a mirror. The
package is an extra, breastseg[hub].
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from breastseg.bundles.bundle import (
    CARD,
    HISTORY,
    INT8,
    INT8_WEIGHTS,
    ONNX,
    WEIGHTS,
    Bundle,
    load_bundle,
)
from breastseg.bundles.card import Card
from breastseg.errors import InputError, MissingPackageError, ModelError, OutputError
from breastseg.files import written_folder
from breastseg.json_files import read_json

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES = (WEIGHTS, ONNX, HISTORY, INT8, INT8_WEIGHTS)
"""What travels beside a card. Nothing here unpickles or runs any of these."""

_ANSWER_S = 10


def pull(repo_id: str, out: str | Path, *, revision: str = "main") -> Bundle:
    """Fetch a bundle and check every file against its card.

    Args:
        repo_id: OWNER/NAME on the hub.
        out: folder of the bundle; must not exist or be empty. It appears whole and checked, or not
            at all.
        revision: branch, tag or commit; all files come from the one commit that it names at the
            start.

    Returns:
        the bundle in `out`.

    Raises:
        MissingPackageError: huggingface_hub is not installed.
        InputError: no such repository or revision, no permission, or the hub cannot be reached.
        ModelError: the repository holds no bundle, or a file is not the card's.
        OutputError: `out` holds something.
    """
    out = Path(out)
    is_empty_folder = out.is_dir() and not any(out.iterdir())
    if out.exists() and not is_empty_folder:
        raise OutputError(
            f"{out}: exists and is not an empty folder; choose another --out or remove it"
        )
    api = _api()
    with _one_line(repo_id):
        info = api.model_info(repo_id, revision=revision, timeout=_ANSWER_S)
        remote_files = {entry.rfilename for entry in info.siblings or ()}
        if CARD not in remote_files:
            raise ModelError(
                f"{repo_id}: no bundle there (no {CARD}); wanted a repository that breastseg models"
                " push filled"
            )
        with written_folder(out) as folder, _told_as(folder, repo_id):
            api.hf_hub_download(repo_id, CARD, revision=info.sha, local_dir=folder)
            card = Card.from_dict(
                read_json(folder / CARD, ModelError, "a model card"), str(folder / CARD)
            )
            _check_names(card.files, repo_id)
            for name in card.files:
                if name not in remote_files:
                    raise ModelError(
                        f"{repo_id}: {name} is missing there, the card lists it; the bundle must be"
                        " pushed again"
                    )
                api.hf_hub_download(repo_id, name, revision=info.sha, local_dir=folder)
            # The client keeps notes on its downloads there.
            shutil.rmtree(folder / ".cache", ignore_errors=True)
            load_bundle(folder)
    return Bundle(out, card)


def push(bundle: Bundle, repo_id: str, page: str, *, private: bool = False) -> str:
    """Send a bundle's card, the files it lists, and its page as README.md, in one commit.

    Args:
        bundle: a checked bundle.
        repo_id: OWNER/NAME; made when missing.
        page: Markdown that tells what the model is.
        private: make the repository private; one that is public already is left alone.

    Returns:
        the repository's address.

    Raises:
        MissingPackageError: huggingface_hub is not installed.
        InputError: not logged in, no permission, a public repository where a private one was asked
            for, or the hub cannot be reached.
        ModelError: the card lists a file that may not travel.
    """
    _check_names(bundle.card.files, str(bundle.path))
    api = _api()
    from huggingface_hub import CommitOperationAdd

    changes = [CommitOperationAdd(name, bundle.path / name) for name in (CARD, *bundle.card.files)]
    readme = (_front_matter(bundle.card) + page).encode()
    changes.append(CommitOperationAdd("README.md", readme))
    with _one_line(repo_id):
        # None leaves it to the hub, whose organisations may make all private.
        address = api.create_repo(repo_id, private=private or None, exist_ok=True)
        if private and not api.model_info(repo_id, timeout=_ANSWER_S).private:
            raise InputError(
                f"{repo_id}: is public already, --private was asked for; nothing was sent, choose"
                " another name"
            )
        # One commit: nobody pulls a card whose files are not there yet.
        message = f"breastseg model {bundle.card.name}"
        api.create_commit(repo_id, changes, commit_message=message)
    return str(address)


def _api() -> "HfApi":
    try:
        from huggingface_hub import HfApi, constants
    except ImportError:
        raise MissingPackageError(
            "the hub needs the package huggingface_hub; pip install 'breastseg[hub]'"
        ) from None
    # Else the client tells the hub which other packages are installed here.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    return HfApi(library_name="breastseg", library_version=version("breastseg"))


def _check_names(files: Iterable[str], where: str) -> None:
    """Refuse a card that lists other files than those of a bundle."""
    for name in files:
        if name not in FILES:
            raise ModelError(
                f"{where}: the card lists {name}, which is no file of a bundle; only"
                f" {', '.join(FILES)} travel"
            )


def _front_matter(card: Card) -> str:
    """Return the lines at the top of a README.md that a hub files a model under."""
    licence = "apache-2.0" if card.licence.casefold().startswith("weights apache-2.0") else "other"
    return (
        f"---\nlicense: {licence}\nlibrary_name: breastseg\npipeline_tag: image-segmentation\n"
        "tags: [pathology, histology, breast, onnx, research-use-only]\n---\n"
    )


@contextmanager
def _told_as(folder: Path, repo_id: str) -> Iterator[None]:
    """Name the repository where an error names the folder that its files lay in for a moment."""
    try:
        yield
    except ModelError as error:
        raise ModelError(str(error).replace(str(folder), repo_id)) from None


@contextmanager
def _one_line(repo_id: str) -> Iterator[None]:
    """Put into one line what the hub's client raises; its own messages are long, and may quote a
    request."""
    import httpx2
    from huggingface_hub import constants, errors

    hub = constants.ENDPOINT
    try:
        yield
    except errors.HFValidationError:
        raise InputError(f"'{repo_id}': not the name of a repository; wanted OWNER/NAME") from None
    except (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        httpx2.TransportError,
    ) as cause:
        raise InputError(
            f"{repo_id}: the hub at {hub} cannot be reached ({type(cause).__name__}); check the"
            " network, or HF_ENDPOINT for a mirror"
        ) from None
    except errors.RevisionNotFoundError:
        raise InputError(
            f"{repo_id}: no such revision there; give a branch, tag or commit of it"
        ) from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{repo_id}: not found at {hub}, or not yours to see; check the name, or log in with hf"
            " auth login"
        ) from None
    except errors.HfHubHTTPError as cause:
        status = cause.response.status_code
        todo = "try again later"
        if status in (401, 403):
            todo = "log in with hf auth login, with a token that may do this"
        raise InputError(f"{repo_id}: the hub at {hub} answered {status}; {todo}") from None
