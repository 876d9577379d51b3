"""What is known of a field as a whole: from names to labels, to and from columns of regions.csv."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from breastseg.errors import DatasetError, LabelError, SourceError
from breastseg.labels import LabelMap, Labels
from breastseg.sources.region import Field
from breastseg.tables import Row, Table, shown

Facts = npt.NDArray[np.int8]
"""(K,) of each class: -1 nowhere in the field, 1 somewhere in it, 0 not known."""

FIELDS = "fields"
"""Kind of annotation of a region of which facts are known, and of most or all pixels nothing."""
WITHOUT, WITH = "without", "with"
"""The columns of regions.csv; a data set without such regions has neither."""
TYPE = "type"
"""The column of what a region's image was diagnosed as, where a type map was given."""
JOINED = ";"


@dataclass(frozen=True)
class Known:
    """What is known of a field, by label.

    Attributes:
        all: label of every pixel; 0 where that is not known.
        without: labels that are nowhere in it.
        somewhere: labels that are somewhere in it.
    """

    all: int
    without: tuple[int, ...]
    somewhere: tuple[int, ...]

    def columns(self, label_map: LabelMap) -> dict[str, str]:
        """Return the cells of regions.csv; none where every pixel is known."""
        if self.all:
            return {}
        names = label_map.names
        return {
            WITHOUT: JOINED.join(names[label - 1] for label in self.without),
            WITH: JOINED.join(names[label - 1] for label in self.somewhere),
        }

    def check_drawn(self, labels: Labels, label_map: LabelMap, field: Field, drawn: str) -> None:
        """Refuse areas of a class that is nowhere in the field by its row.

        Args:
            labels: (H, W) uint8 labels of the field.
            label_map: names them.
            field: its row.
            drawn: the file of the areas, for the error.

        Raises:
            SourceError: there is one.
        """
        for label in self.without:
            if (labels == label).any():
                name = label_map.names[label - 1]
                what = f"no {name} is in the field, and {drawn} has an area of it"
                raise SourceError(f"{field.where}: {what}; mend one of them")


def known_of(field: Field, label_map: LabelMap) -> Known:
    """Find the labels of the names in a row.

    A class is absent only when the whole of it is: that no fat is there says nothing of the rest
    of a class that holds fat among others. A part that is somewhere, or everywhere, is the class.

    Raises:
        LabelError: a name that is no class of the map, or of absent classes a part of one.
        SourceError: what the row says contradicts itself.
    """
    everywhere = _label(field.all, label_map, field) if field.all else 0
    somewhere = tuple(dict.fromkeys(_label(name, label_map, field) for name in field.somewhere))
    without = tuple(dict.fromkeys(_whole_label(name, label_map, field) for name in field.without))
    names = ("", *label_map.names)  # by label; 0 has none
    all_of_it = f"{field.where}: all of the field is {names[everywhere]}"
    for label in without:
        if label in somewhere:
            what = f"{names[label]} is nowhere in the field and somewhere in it"
            raise SourceError(f"{field.where}: {what}; remove it from one of the two columns")
        if label == everywhere:
            raise SourceError(f"{all_of_it}, and it is without it; mend one of the two columns")
    for label in somewhere:
        if everywhere and label != everywhere:
            what = f"{names[label]} is somewhere in it"
            raise SourceError(f"{all_of_it}, and {what}; mend one of the two columns")
    if len(without) == len(label_map.names):
        what = f"the field is without every class of label map '{label_map.name}'"
        raise SourceError(f"{field.where}: {what}; leave out the class that it has")
    return Known(everywhere, without, somewhere)


def _label(name: str, label_map: LabelMap, field: Field) -> int:
    """Return the label of a class, or of a part of one."""
    label = label_map.label_of(name, field.where)
    if label == 0:
        what = f"'{shown(name)}' means not annotated in label map '{label_map.name}'"
        raise LabelError(f"{field.where}: {what}; name a class")
    return label


def _whole_label(name: str, label_map: LabelMap, field: Field) -> int:
    """Return the label of a class that is named by its own name, not by that of a part."""
    label = _label(name, label_map, field)
    whole = label_map.classes[label - 1]
    own_names = {whole.name.casefold(), whole.qupath.casefold()}
    # With one source code a class has no parts, whatever it is called in a row.
    if len(whole.codes) > 1 and name.casefold() not in own_names:
        raise LabelError(
            f"{field.where}: '{shown(name)}' is a part of class '{whole.name}' in label map "
            f"'{label_map.name}': without it, the rest may be there; name the class, or choose "
            "--labels that keep it apart",
        )
    return label


def check_names(label_map: LabelMap) -> None:
    """Refuse class names that cannot be joined in one cell.

    Raises:
        LabelError: one of them cannot.
    """
    for name in label_map.names:
        if JOINED in name:
            what = f"class '{shown(name)}' has a '{JOINED}', which joins the classes of a field"
            raise LabelError(f"label map '{label_map.name}': {what}; rename it")


def hash_of(field: Field, drawn_sha256: str) -> str:
    """Return the SHA-256 of what is known of a field, and of its areas ("" where it has none)."""
    facts = [field.all, list(field.without), list(field.somewhere), drawn_sha256]
    # Without a type the hash is that of before there were types.
    if field.type:
        facts.append(field.type)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def facts_of(without: str, somewhere: str, names: Sequence[str]) -> Facts:
    """Return the facts that two cells of regions.csv tell."""
    facts = np.zeros(len(names), np.int8)
    for cell, value in ((without, -1), (somewhere, 1)):
        for name in _names_in(cell):
            facts[names.index(name)] = value
    return facts


def _names_in(cell: str) -> list[str]:
    """Return the names in a cell of regions.csv."""
    return [name for name in cell.split(JOINED) if name]


def check_row(table: Table, row: Row, names: Sequence[str]) -> None:
    """Refuse a row of regions.csv whose facts are none.

    Raises:
        DatasetError: a field without any, an unknown class,
            one that is absent and present, or a field in which every class is absent.
    """
    absent = _names_in(row[WITHOUT])
    present = _names_in(row[WITH])
    where = table.where(row)
    if row["annotation"] == FIELDS and not (absent or present or row[TYPE]):
        raise DatasetError(f"{where}: a field of which nothing is known; prepare it again")
    for name in (*absent, *present):
        if name not in names:
            what = f"'{shown(name)}' of a field is no class in dataset.json"
            raise DatasetError(f"{where}: {what}; prepare it again")
    if set(absent) & set(present) or set(absent) == set(names):
        what = "a field is without a class that it has, or without all"
        raise DatasetError(f"{where}: {what}; prepare it again")


def check_pixels(table: Table, regions: pd.DataFrame) -> None:
    """Refuse a region that has pixels of a class which its row denies.

    Raises:
        DatasetError: naming the row.
    """
    if WITHOUT not in regions.columns:
        return
    for row, (_, region) in zip(table.rows, regions.iterrows(), strict=True):
        for name in _names_in(region[WITHOUT]):
            pixels = int(region[f"px_{name}"])
            if pixels:
                what = f"'{name}', of which the region has {pixels:,} annotated pixels"
                advice = "take it out of the column, or out of the annotation"
                raise DatasetError(f"{table.where(row)}: column 'without' names {what}; {advice}")


def presence_of(regions: pd.DataFrame, region: str, names: tuple[str, ...]) -> Mapping[int, bool]:
    """Return, by label, the classes that are known to be in a region (True), or not (False)."""
    presence: dict[int, bool] = {}
    for column, has in ((WITHOUT, False), (WITH, True)):
        if column in regions.columns:
            for name in _names_in(str(regions.at[region, column])):
                presence[names.index(name) + 1] = has
    return presence
