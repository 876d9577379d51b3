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

_NUMBERS: Mapping[object, tuple[tuple[type, ...], str]] = {
    float: ((int, float), "a number"),
    int: ((int,), "a whole number"),
}


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
    return tuple(
        Entry(
            field.name.removesuffix("_"),
            hints[field.name],
            field.default is not MISSING or field.default_factory is not MISSING,
            field,
        )
        for field in fields(record)
    )


def to_json(value: object) -> Any:
    """Return a record, or what is in one, as JSON values; the order is that of the fields."""
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
    known = {entry.key for entry in entries(kind)}
    unknown = [key for key in value if key not in known]
    if closed and unknown:
        raise ValueError(f"{shown(unknown[0])} is no field of {what}")
    found = {}
    for entry in entries(kind):
        if entry.key in value:
            found[entry.field.name] = _reader(entry.type)(value[entry.key], _at(what, entry.key))
        elif not entry.optional:
            raise ValueError(f"{_at(what, entry.key)} is missing")
    return record(**found)


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
        many = inner[-1] is Ellipsis
        return partial(_sequence, inner[:1] if many else inner, None if many else len(inner))
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
    others = [kind for kind in kinds if kind is not types.NoneType]
    for kind in others[:-1]:
        try:
            return _reader(kind)(value, what)
        except ValueError:
            continue
    return _reader(others[-1])(value, what)


def _literal(words: tuple[Any, ...], value: object, what: str) -> Any:
    if value not in words:
        raise ValueError(f"{what} is {shown(value)}, wanted {' or '.join(map(str, words))}")
    return value


def _sequence(kinds: tuple[Any, ...], length: int | None, value: object, what: str) -> Any:
    """Read a list, of one kind or of `length` values with a kind each."""
    if not isinstance(value, (list, tuple)) or length not in (None, len(value)):
        wanted = "a list" if length is None else f"a list of {length}"
        raise ValueError(f"{what} is {shown(value)}, wanted {wanted}")
    readers = [_reader(kind) for kind in kinds] * (len(value) if length is None else 1)
    return tuple(
        read(own, f"{what}[{number}]")
        for number, (read, own) in enumerate(zip(readers, value, strict=True))
    )


def _mapping(read: _Reader, value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is {shown(value)}, wanted names with values")
    return {key: read(own, _at(what, key)) for key, own in value.items()}


def _plain(kind: Any, value: object, what: str) -> Any:
    """Read text, a truth value or a number; a whole number stays one where any number will do."""
    accepted, wanted = _NUMBERS.get(kind, ((kind,), {str: "text", bool: "true or false"}.get(kind)))
    fit = isinstance(value, accepted) and (kind is bool or not isinstance(value, bool))
    if not fit:
        raise ValueError(f"{what} is {shown(value)}, wanted {wanted or kind.__name__}")
    return value
