"""The models that jobs can use: those that ship, and a person's own."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from breastseg.bundles.bundle import Bundle, bundled_models, load_bundle
from breastseg.errors import InputError


def offered_models(own: Iterable[Path]) -> dict[str, Bundle]:
    """Check every model against its card; return them by name, those that ship first.

    Args:
        own: folders of bundles beside those that ship.

    Raises:
        ModelError: no bundle there, or one that is altered or not whole.
        InputError: two of one name.
    """
    models: dict[str, Bundle] = {}
    for place in (*bundled_models().values(), *own):
        bundle = load_bundle(place)
        name = bundle.card.name
        if name in models:
            raise InputError(
                f"model '{place}': is named '{name}', as is the one in {models[name].path}; leave"
                " one out, or train it under another --name"
            )
        # Jobs are processes that may have another current folder.
        models[name] = replace(bundle, path=bundle.path.resolve())
    return models
