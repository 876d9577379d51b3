"""Which objects of a bucket are slides, by their keys alone, and what no reader takes."""

from collections.abc import Iterator
from pathlib import PurePath

from breastseg.cloud.address import Address
from breastseg.cloud.fetch import Objects
from breastseg.files import WORK_FILE
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, UNREAD_SUFFIXES
from breastseg.maps.record import RUN

_SUFFIXES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)
_OF_SEVERAL = (".mrxs", ".vms", ".vmu", ".dcm", ".zarr")
"""Slides whose pixels lie in other files beside them."""


def flaw_of(address: Address) -> str:
    """Return why an object cannot be a slide, by its name; "" when it can."""
    name = address.name.lower()
    if name.endswith(_OF_SEVERAL):
        return "a slide of several files, and one object is fetched; copy all of it to a disk"
    cause = unread(name)
    if cause:
        return cause
    if not name.endswith(_SUFFIXES):
        return f"no image or slide by its name; wanted {', '.join(_SUFFIXES)}"
    return ""


def unread(name: str) -> str:
    """Return why an image or slide of this name is not mapped; "" when it may be, or is none."""
    kind = UNREAD_SUFFIXES.get(PurePath(name).suffix.lower())
    if not kind:
        return ""
    return f"{kind} is not read; convert it to TIFF or PNG"


def listed(prefix: Address, objects: Objects) -> Iterator[tuple[Address, tuple[str, ...], str]]:
    """Yield the images and slides under a prefix, by key.

    Hidden ones, what has another name and what breastseg wrote are passed over, as in a folder.

    Yields:
        address, folders between the prefix and it, and why it is left out ("" when it is not).
    """
    key = prefix.key
    # A bucket knows no folders: without the / the prefix "a" would list "ab/c" too.
    if key and not key.endswith("/"):
        key += "/"
    top = prefix.at(key)
    addresses = []
    own_folders = set()
    for found in objects.list(top):
        folders = _inside(found.address, top)
        addresses.append((found.address, folders))
        if folders and found.address.name in (RUN, WORK_FILE):
            own_folders.add(folders)
    for address, folders in addresses:
        is_hidden = any(part.startswith(".") for part in (*folders, address.name))
        is_ours = any(folders[:depth] in own_folders for depth in range(1, len(folders) + 1))
        name = address.name.lower()
        is_picture = name.endswith((*_SUFFIXES, *_OF_SEVERAL, *UNREAD_SUFFIXES))
        if is_hidden or is_ours or not is_picture:
            continue
        yield address, folders, flaw_of(address)


def _inside(address: Address, top: Address) -> tuple[str, ...]:
    """Return the folders between a prefix and an object under it."""
    return tuple(address.key.removeprefix(top.key).split("/")[:-1])
