"""Frozen dataclasses to JSON and back: what a file holds is said once, by the fields of a class.

A field with the default None is left out of the file where it is None; one without a default is
always there, null where it may be None. A name that Python keeps for itself has a "_" behind it,
which the file has not. A field of type `object` is any JSON, and kept as it is.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import cache, partial
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from breastseg.json_files import shown

Record = TypeVar("Record")
_Reader = Callable[[object, str], Any]

_PLAIN: Mapping[object, tuple[tuple[type, ...], str]] = {
    float: ((int, float), "a number"),
    int: ((int,), "a whole number"),
    str: ((str,), "text"),
    bool: ((bool,), "true or false"),
}
"""Types of single values: what JSON may hold for each, and what a message calls it."""


@dataclass(frozen=True)
class Entry:
    """One field of a file.

    Attributes:
        key: its name there.
        type: of its value.
        optional: whether the file may lack it.
        field: of the class.
    """

    key: str
    type: Any
    optional: bool
    field: Field[Any]


@cache
def entries(record: Any) -> tuple[Entry, ...]:
    """Return what the file of a record holds, in the order in which it is written."""
    hints = get_type_hints(record)
    found = []
    for field in fields(record):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        key = field.name.removesuffix("_")
        found.append(Entry(key, hints[field.name], has_default, field))
    return tuple(found)


def to_json(value: object) -> Any:
    """Return a record, or what is in one, as JSON values; the order is that of the fields."""
    # A class that writes itself, as Card and LabelMap do, has the last word.
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value) and not isinstance(value, type):
        found = {}
        for entry in entries(type(value)):
            own = getattr(value, entry.field.name)
            if own is not None or not entry.optional:
                found[entry.key] = to_json(own)
        return found
    if isinstance(value, Mapping):
        return {key: to_json(own) for key, own in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(own) for own in value]
    return value


def from_json(record: type[Record], value: object, what: str, *, closed: bool = False) -> Record:
    """Read a record.

    Args:
        record: its class.
        value: what JSON held.
        what: it is, for messages: the fields are named behind it.
        closed: refuse keys that the record does not know; else they are left.

    Raises:
        ValueError: a field is missing or of another kind: its place, what came, what was wanted.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {shown(value)}, wanted names with values")
    kind: Any = record
    if closed:
        known = {entry.key for entry in entries(kind)}
        for key in value:
            if key not in known:
                raise ValueError(f"{shown(key)} is no field of {what}")
    arguments = {}
    for entry in entries(kind):
        place = _at(what, entry.key)
        if entry.key in value:
            read = _reader(entry.type)
            arguments[entry.field.name] = read(value[entry.key], place)
        elif not entry.optional:
            raise ValueError(f"{place} is missing")
    return record(**arguments)


def _at(what: str, key: object) -> str:
    return f"{what}.{key}" if what else str(key)


@cache
def _reader(kind: Any) -> _Reader:
    """Return what reads a value of a type."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (object, Any):
        return lambda value, what: value
    if origin in (Union, types.UnionType):
        return partial(_one_of, inner)
    if origin is Literal:
        return partial(_literal, inner)
    if origin is tuple:
        if inner[-1] is Ellipsis:  # tuple[int, ...]: any number of one kind
            return partial(_sequence, inner[:1], None)
        return partial(_sequence, inner, len(inner))
    if origin is list:
        return lambda value, what: list(_sequence(inner, None, value, what))
    if origin in (dict, Mapping):
        return partial(_mapping, _reader(inner[1]))
    if hasattr(kind, "from_dict"):
        return lambda value, what: kind.from_dict(value, what)
    if isinstance(kind, type) and is_dataclass(kind):
        return partial(from_json, kind)
    return partial(_plain, kind)


def _one_of(kinds: tuple[Any, ...], value: object, what: str) -> Any:
    if value is None and types.NoneType in kinds:
        return None
    *others, last = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others:
        try:
            return _reader(kind)(value, what)
        except ValueError:
            continue
    # Outside of the loop, so that the error of the last kind is the one that a person reads.
    return _reader(last)(value, what)


def _literal(words: tuple[Any, ...], value: object, what: str) -> Any:
    if value not in words:
        raise ValueError(f"{what} is {shown(value)}, wanted {' or '.join(map(str, words))}")
    return value


def _sequence(kinds: tuple[Any, ...], length: int | None, value: object, what: str) -> Any:
    """Read a list, of one kind or of `length` values with a kind each."""
    if not isinstance(value, (list, tuple)) or length not in (None, len(value)):
        wanted = "a list" if length is None else f"a list of {length}"
        raise ValueError(f"{what} is {shown(value)}, wanted {wanted}")
    kind_of_each = kinds * len(value) if length is None else kinds
    found = []
    for number, (kind, own) in enumerate(zip(kind_of_each, value, strict=True)):
        read = _reader(kind)
        found.append(read(own, f"{what}[{number}]"))
    return tuple(found)


def _mapping(read: _Reader, value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {shown(value)}, wanted names with values")
    return {key: read(own, _at(what, key)) for key, own in value.items()}


def _plain(kind: Any, value: object, what: str) -> Any:
    """Read text, a truth value or a number; a whole number stays one where any number will do."""
    accepted, wanted = _PLAIN.get(kind) or ((kind,), kind.__name__)
    # For Python true and false are whole numbers; in a file they are not.
    is_stray_bool = isinstance(value, bool) and kind is not bool
    if is_stray_bool or not isinstance(value, accepted):
        raise ValueError(f"{what} is {shown(value)}, wanted {wanted}")
    return value
