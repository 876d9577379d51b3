"""The words of another data set, said in BCSS codes.

A word of another data set may stand for several BCSS codes: BEETLE's non-invasive epithelium is
dcis or a normal duct. A label map takes such a word for a class where all of its codes are in that
class; where the map parts them nobody knows which of them a pixel is, and it is not annotated.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from breastseg.errors import LabelError
from breastseg.labels.bcss import BCSS_CODES
from breastseg.labels.label_map import LabelClass, LabelMap, Labels


@dataclass(frozen=True)
class Word:
    """A class of another data set.

    Attributes:
        value: in its masks.
        name: of its groups and classes; case does not matter.
        codes: the BCSS codes that it may stand for, by name.
        others: names that stand for the same.
    """

    value: int
    name: str
    codes: tuple[str, ...]
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Vocabulary:
    """The words of a data set.

    Attributes:
        name: of the data set.
        words: its classes.
        empty: values of its masks that mean "not annotated".
        dropped: names of what is drawn but is no class of tissue, as a frame around a field.
    """

    name: str
    words: tuple[Word, ...]
    empty: tuple[int, ...] = (0,)
    dropped: tuple[str, ...] = ()

    def seen_in(self, label_map: LabelMap) -> "WordMap":
        """Return the label map that reads this data set's masks and names into the classes of
        another.

        Raises:
            LabelError: the other map lacks a BCSS code, or knows no word of this data set.
        """
        # Words by the label they become, in order; 0 is "not annotated".
        numbers_of_label: dict[int, list[int]] = {0: [0]}
        for number, word in enumerate(self.words, start=1):
            codes = np.array([[BCSS_CODES.index(code) for code in word.codes]], np.uint8)
            where = f"{self.name}, class '{word.name}'"
            labels = np.unique(label_map.apply(codes, where))
            # More than one label: the map parts what the word may stand for.
            label = int(labels[0]) if len(labels) == 1 else 0
            numbers_of_label.setdefault(label, []).append(number)
        if len(numbers_of_label) == 1:
            raise LabelError(
                f"{self.name}: none of its classes is one of label map '{label_map.name}'; choose"
                " another --labels"
            )
        classes = []
        for label, own in enumerate(label_map.classes, start=1):
            numbers = tuple(numbers_of_label.get(label, ()))
            classes.append(LabelClass(own.name, own.color, own.qupath, numbers))
        name = f"{self.name} in {label_map.name}"
        not_annotated = tuple(numbers_of_label[0])
        return WordMap(name, tuple(classes), not_annotated, vocabulary=self)


@dataclass(frozen=True)
class WordMap(LabelMap):
    """A label map that reads another data set: its source codes are positions of words."""

    vocabulary: Vocabulary = field(kw_only=True, compare=False)

    @property
    def parted(self) -> tuple[str, ...]:
        """Words that are not annotated, because the classes part what they may stand for."""
        words = self.vocabulary.words
        return tuple(words[number - 1].name for number in self.not_annotated if number)

    def apply(self, codes: Labels, where: str) -> Labels:
        """Turn values of this data set's masks into labels; LabelError for an unknown one."""
        unknown = np.setdiff1d(np.unique(codes), np.array(sorted(self._by_value), np.uint8))
        if len(unknown):
            words = sorted(self.vocabulary.words, key=lambda word: word.value)
            known = ", ".join(f"{word.value} {word.name}" for word in words)
            raise LabelError(
                f"{where}: value {', '.join(map(str, unknown.tolist()))} is no class of"
                f" {self.vocabulary.name} (it has {known}); is this its mask?"
            )
        # From the values of the masks to the positions of words, which are this map's codes.
        table = np.zeros(256, np.uint8)
        for value, number in self._by_value.items():
            table[value] = number
        return super().apply(table[codes], where)

    def label_of(self, name: str, where: str) -> int:
        """Return the label of a word by name; LabelError when the data set has no such word."""
        found = self._labels_by_name.get(" ".join(name.split()).casefold())
        if found is None:
            raise LabelError(
                f"{where}: class '{name}' is none of {self.vocabulary.name} (it has"
                f" {', '.join(word.name for word in self.vocabulary.words)}); rename it there"
            )
        return found

    @cached_property
    def _by_value(self) -> Mapping[int, int]:
        """Position of the word of each value; 0 for values that mean "not annotated"."""
        values = dict.fromkeys(self.vocabulary.empty, 0)
        for number, word in enumerate(self.vocabulary.words, start=1):
            values[word.value] = number
        return values

    @cached_property
    def _labels_by_name(self) -> dict[str, int]:
        """Labels by this data set's own words alone: its "other" is no other map's "other"."""
        labels = {}
        for number, word in enumerate(self.vocabulary.words, start=1):
            for name in (word.name, *word.others):
                labels[name.casefold()] = int(self._table[number])
        return labels


def all_but(*names: str) -> tuple[str, ...]:
    """Return the BCSS codes that mean tissue, without some."""
    left_out: Iterable[str] = ("outside_roi", "exclude", "undetermined", *names)
    return tuple(code for code in BCSS_CODES if code not in left_out)
