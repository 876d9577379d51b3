"""Copying a TIFF without what `plan_tiff` drops: every byte keeps its place, and only bytes that
are known to be needed are copied.

All else becomes zeros: label and macro images, removed tags, and whatever hid between them. Places
in the file stay right, so that no pixel and no table of tiles is written anew.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from breastseg.errors import ImageError
from breastseg.images.directories import SUB_DIRECTORIES
from breastseg.privacy.findings import pieces
from breastseg.privacy.tiff_form import Directory, Entry, TiffFileForm
from breastseg.privacy.tiff_plan import Plan, pixel_places
from breastseg.privacy.tiff_tags import DESCRIPTION, stays

Ranges = npt.NDArray[np.uint64]
"""(N, 2): first byte, and the byte behind the last."""


def check_apart(tiff: TiffFileForm, plan: Plan) -> None:
    """See to it that no byte that goes lies inside one that stays.

    Raises:
        ImageError: a label or macro image, or a removed value, shares bytes with what is needed.
    """
    kept = _merged(_kept_ranges(tiff, plan))
    gone = _merged(_gone_ranges(tiff, plan))
    # The kept stretch that begins last before the end of a lost one; they meet if it ends after
    # the start of that one.
    before = np.searchsorted(kept[:, 0], gone[:, 1], side="left")  # (gone,): one more than it
    has_one = before > 0
    ends = kept[before[has_one] - 1, 1]
    if (ends > gone[has_one, 0]).any():
        raise ImageError(
            f"{tiff.path}: what has to go (a label, a macro image or a tag) cannot be parted from"
            " the pixels, they share bytes; export the slide again"
        )


def write_copy(tiff: TiffFileForm, plan: Plan, out: Path) -> None:
    """Write the copy; the same path may not be read and written."""
    kept = _merged(_kept_ranges(tiff, plan))
    with out.open("wb") as file:
        for start, end in kept.tolist():
            file.seek(start)
            for piece in pieces(tiff.file, start, end - start):
                file.write(piece)
        for number, directory in enumerate(plan.kept):
            following = plan.kept[number + 1].place if number + 1 < len(plan.kept) else 0
            _write_directory(tiff, plan, directory, following, file)
            for inner in directory.inner:
                _write_directory(tiff, plan, inner, _inner_next(directory, inner), file)
        longest = max(_table_end(tiff, directory) for directory in plan.all_kept())
        if file.seek(0, 2) < longest:  # zeros behind a table that became shorter
            file.truncate(longest)


def _inner_next(directory: Directory, inner: Directory) -> int:
    """Return the next directory of a SubIFD where that is one of the same image, else 0."""
    places = [level.place for level in directory.inner]
    return inner.following if inner.following in places else 0


def _kept_ranges(tiff: TiffFileForm, plan: Plan) -> Ranges:
    """Return the bytes that are copied as they are: the head, values of tags that stay, pixels."""
    # BigTIFF has its version and a place of 8 bytes; NDPI the high half of that place.
    head_bytes = 8
    if tiff.form.big:
        head_bytes = 16
    elif tiff.form.ndpi:
        head_bytes = 12
    ranges = [(0, head_bytes)]
    for directory in plan.all_kept():
        ranges += _pixel_stretches(tiff, directory)
        for entry in directory.entries.values():
            if entry.place is not None and stays(entry, plan.flavour):
                ranges.append((entry.place, entry.place + entry.length))
    return _array(ranges)


def _pixel_stretches(tiff: TiffFileForm, directory: Directory) -> list[tuple[int, int]]:
    """Return the stretches of an image's pixels, as (first byte, byte behind the last)."""
    return [(start, start + length) for start, length in pixel_places(tiff, directory) if length]


def _gone_ranges(tiff: TiffFileForm, plan: Plan) -> Ranges:
    """Return the bytes that must not be in the copy: pixels of dropped images, removed values."""
    dropped = []
    for directory in plan.dropped:
        dropped += [directory, *directory.inner]
    ranges: list[tuple[int, int]] = []
    for directory in dropped:
        ranges += _pixel_stretches(tiff, directory)
    for directory in (*plan.all_kept(), *dropped):
        for entry in directory.entries.values():
            if entry.place is not None and not stays(entry, plan.flavour):
                ranges.append((entry.place, entry.place + entry.length))
    return _array(ranges)


def _array(ranges: Iterable[tuple[int, int]]) -> Ranges:
    return np.array(list(ranges), np.uint64).reshape(-1, 2)


def _merged(ranges: Ranges) -> Ranges:
    """Return the ranges sorted, those that touch or overlap as one."""
    if not len(ranges):
        return ranges
    order = ranges[np.argsort(ranges[:, 0], kind="stable")]  # (N, 2)
    # The furthest end so far: a long range may hold several that begin after it.
    ends = np.maximum.accumulate(order[:, 1])  # (N,)
    fresh = np.concatenate([[True], order[1:, 0] > ends[:-1]])  # (N,): begins a new stretch
    starts = order[fresh, 0]
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(order) - 1]])  # of each stretch
    return np.stack([starts, ends[last]], axis=1)


def _table_end(tiff: TiffFileForm, directory: Directory) -> int:
    """Return the byte behind a directory as it was."""
    form = tiff.form
    count = len(directory.entries)
    length = form.count_bytes + count * form.entry_bytes + form.next_bytes
    if form.ndpi:
        length += 4 * count  # the high halves of all values
    return directory.place + length


def _write_directory(
    tiff: TiffFileForm, plan: Plan, directory: Directory, following: int, file: BinaryIO
) -> None:
    """Write a directory with the tags that stay at its old place, zeros behind it."""
    form = tiff.form
    lines, high = [], []
    # TIFF wants the entries of a directory in the order of their codes.
    for entry in sorted(directory.entries.values(), key=lambda entry: entry.code):
        written = _entry(tiff, plan, directory, entry, file)
        if written is not None:
            lines.append(written)
            high.append(entry.high)
    table = form.data(len(lines), form.count_bytes) + b"".join(lines)
    table += form.data(following, form.next_bytes)
    if form.ndpi:
        table += b"".join(high)
    file.seek(directory.place)
    file.write(table.ljust(_table_end(tiff, directory) - directory.place, b"\0"))


def _entry(
    tiff: TiffFileForm, plan: Plan, directory: Directory, entry: Entry, file: BinaryIO
) -> bytes | None:
    """Return an entry as it is written; None for one that goes. A new text is written too."""
    form = tiff.form
    head = form.data(entry.code, 2) + form.data(entry.kind, 2)
    if entry.code == DESCRIPTION and directory.place in plan.texts:
        text = plan.texts[directory.place].encode("utf-8") + b"\0"
        if entry.place is None or len(text) > entry.length:
            raise ImageError(f"{tiff.path}: no room for the cleaned description; export it again")
        file.seek(entry.place)
        file.write(text.ljust(entry.length, b"\0"))
        if len(text) <= form.value_bytes:  # short values stand in the entry
            file.seek(entry.place)
            file.write(b"\0" * entry.length)
            return head + form.data(len(text), form.value_bytes) + text.ljust(form.value_bytes)
        return head + form.data(len(text), form.value_bytes) + entry.field
    if not stays(entry, plan.flavour):
        return None
    if entry.code == SUB_DIRECTORIES and not directory.inner:
        return None
    # What stands in an entry behind a short value is nobody's: it becomes zeros.
    used = entry.length if entry.place is None else form.value_bytes
    count = form.data(entry.count, form.value_bytes)
    return head + count + entry.field[:used].ljust(form.value_bytes, b"\0")
