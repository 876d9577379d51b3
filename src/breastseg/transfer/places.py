"""Place: a mirror of a data set, with what a person should know before it is contacted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.request import OpenerDirector

from breastseg.errors import InputError
from breastseg.transfer.remote import Remote


@dataclass(frozen=True)
class Place:
    """A mirror of a data set.

    Attributes:
        name: on the command line.
        page: address that a person can open.
        holds: what comes from there, at which resolution.
        hosts: hosts that its files may come from.
        list_files: asks the mirror, or knows, what it has.
        by_hand: how a person fetches it where a login or a browser is needed; such a mirror is
            never contacted.
        licence: of what comes from there.
    """

    name: str
    page: str
    holds: str
    hosts: tuple[str, ...] = ()
    list_files: Callable[[OpenerDirector], list[Remote]] | None = None
    by_hand: str = ""
    licence: str = ""


def find_place(places: Mapping[str, Place], name: str) -> Place:
    """Return a mirror by name; InputError lists them."""
    if name not in places:
        raise InputError(f"--mirror {name}: not known; wanted {', '.join(places)}")
    return places[name]
