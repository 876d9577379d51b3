"""Changes to a file: of its bytes, and of what its format says. The same random numbers make the
same changes."""

import csv
import gzip
import io
import json
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

NUMBERS = (
    0,
    1,
    2,
    3,
    -1,
    7,
    127,
    128,
    255,
    256,
    1000,
    32767,
    65535,
    65536,
    10**6,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
)
"""Numbers at which programs break."""
WORDS = (
    "",
    " ",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e400",
    "1e-400",
    "0",
    "-1",
    "0.5",
    "1_000",
    "0x10",
    "9" * 5000,
    "1" + "0" * 400,
    "true",
    "null",
    "None",
    "../../x",
    "/etc/passwd",
    "a" * 100_000,
    "\x00",
    "\ufeff",
    "\udc80",
    "é",
    "切片",
    "=1+1",
    '"',
    "'",
    ",",
    ";",
    "\n",
    "\t",
    "x,y",
    "<b>&amp;",
)
"""Text at which programs break."""
_RAW = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e308",
    "-0.0",
    "9" * 5000,
    "-" + "9" * 5000,
    "1" + "0" * 400,
    "1.5",
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[]]",
    '{"": null}',
    '""',
    "[null]",
    "[1, 2]",
    "[1, 2, 3, 4, 5]",
    '"1"',
    '"\\ud800"',
    '"\\u0000"',
    "[[[[0, 0], [0, 1], [1, 1], [0, 0]]]]",
    "[" * 900 + "]" * 900,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 5000 + "1" + "}" * 5000,
    "[" * 100_000,
)
"""JSON that may stand where another value stood."""
_ALIASES = "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
_YAML = (
    "a: &a [x, x, x, x, x, x, x, x, x]\n" + _ALIASES,
    "&a [*a]\n",
    "name: &a {classes: *a}\n",
    "!!python/object/apply:os.system [true]\n",
    "--- 1\n--- 2\n",
    "[" * 5000,
    "? " * 3000,
    "- " * 3000,
    "<<: [1, 2]\n",
    "<<: *none\n",
    "\ttab: 1\n",
    "name: 2001-01-01\n",
    "name: 9999-99-99\n",
    "codes: [.inf, .nan, 1e3, 0x10, 1_0, 0o7, 1:30]\n",
    "%YAML 9.9\n---\n",
    "name: !!float x\n",
    "name: !!binary x\n",
    "? [a]\n: b\n",
    "name: |\n",
    "classes: !!set {a}\n",
    "name: 'x\n",
    "\x07",
    "\u2028",
)
_ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-32", "cp037")


def change(path: Path, rng: Random) -> None:
    """Change a file in place, one to three times, as its format would have it or byte by byte."""
    data = path.read_bytes()
    changes = next(
        (own for ending, own in _BY_ENDING.items() if path.name.lower().endswith(ending)), ()
    )
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        one = rng.choice(changes) if changes and rng.random() < 0.65 else rng.choice(_ANY)
        data = one(data, rng)[: 2**24]
    path.write_bytes(data)


def number(rng: Random) -> int:
    """Return a number at which programs break, or one beside it."""
    return rng.choice(NUMBERS) + rng.choice((0, 0, 0, -1, 1))


def _flipped(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _early(data: bytes, rng: Random) -> bytes:
    """Change a byte of the head, where formats say what follows."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 4))):
        if changed:
            changed[rng.randrange(min(len(changed), 512))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
    return bytes(changed)


def _cut(data: bytes, rng: Random) -> bytes:
    return data[
        : rng.choice(
            (
                0,
                1,
                4,
                rng.randrange(len(data) + 1),
                rng.randrange(len(data) + 1),
                max(0, len(data) - 1),
            )
        )
    ]


def _headless(data: bytes, rng: Random) -> bytes:
    return data[rng.randrange(min(len(data), 64) + 1) :]


def _inserted(data: bytes, rng: Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    more = rng.choice(
        (bytes(rng.choice((1, 4, 1000))), rng.randbytes(rng.choice((1, 16, 300))), b"\xff" * 16)
    )
    return data[:place] + more + data[place:]


def _block(data: bytes, rng: Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 4, 64, 1024, 8192)))


def _doubled(data: bytes, rng: Random) -> bytes:
    start, end = _block(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 16)) + data[end:]


def _lost(data: bytes, rng: Random) -> bytes:
    start, end = _block(data, rng)
    return data[:start] + data[end:]


def _blanked(data: bytes, rng: Random) -> bytes:
    start, end = _block(data, rng)
    return data[:start] + rng.choice((b"\0", b"\xff", b" ")) * (end - start) + data[end:]


def _moved(data: bytes, rng: Random) -> bytes:
    """Put a part of the file elsewhere over another: two halves of two files, as copies that were
    mixed."""
    (start, end), place = _block(data, rng), rng.randrange(len(data) + 1)
    return (data[:place] + data[start:end] + data[place + end - start :])[: len(data)]


def _numbered(data: bytes, rng: Random) -> bytes:
    size, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
    value = (number(rng) % 2 ** (8 * size)).to_bytes(size, order)
    place = rng.randrange(max(1, len(data) - size + 1))
    return data[:place] + value + data[place + size :]


_ANY = (
    _flipped,
    _flipped,
    _early,
    _cut,
    _headless,
    _inserted,
    _doubled,
    _lost,
    _blanked,
    _moved,
    _numbered,
    _numbered,
)

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}


def _tags(data: bytes) -> Iterator[tuple[int, int, str, bool]]:
    """Yield where entries and chained offsets of a TIFF lie: (place, -1 or count, order, big)."""
    if len(data) < 16 or data[:2] not in (b"II", b"MM"):
        return
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, step = ("Q", 20) if big else ("I", 12)
    waiting, seen = [struct.unpack_from(order + word, data, 8 if big else 4)[0]], set()
    while waiting and len(seen) < 40:
        place = waiting.pop()
        head = 8 if big else 2
        if place in seen or not 0 < place <= len(data) - head:
            continue
        seen.add(place)
        count = struct.unpack_from(order + ("Q" if big else "H"), data, place)[0]
        for entry in range(place + head, place + head + step * min(count, 200), step):
            if entry + step > len(data):
                return
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            many = struct.unpack_from(order + word, data, entry + 4)[0]
            yield entry, many, order, big
            if tag == 330 and kind in (4, 13, 16, 18):
                size, inside = _SIZES[kind], entry + step - (8 if big else 4)
                at = (
                    inside
                    if many * size <= (8 if big else 4)
                    else struct.unpack_from(order + word, data, inside)[0]
                )
                for k in range(min(many, 8)):
                    if at + (k + 1) * size <= len(data):
                        waiting.append(
                            struct.unpack_from(order + {4: "I", 8: "Q"}[size], data, at + k * size)[
                                0
                            ]
                        )
        chained = place + head + step * count
        if chained + struct.calcsize(word) <= len(data):
            yield chained, -1, order, big
            waiting.append(struct.unpack_from(order + word, data, chained)[0])


def _tagged(data: bytes, rng: Random) -> bytes:
    """Change an entry of a TIFF's directories: its tag, type, count, value or one of its values, or
    where the next directory is."""
    found = list(_tags(data))
    if not found:
        return _numbered(data, rng)
    place, count, order, big = rng.choice(found)
    changed = bytearray(data)
    word = "Q" if big else "I"
    limit = 2 ** (64 if big else 32)
    if count < 0:
        struct.pack_into(
            order + word,
            changed,
            place,
            rng.choice((0, 8, place, len(data), found[0][0] - 2, number(rng) % limit)) % limit,
        )
        return bytes(changed)
    kind = struct.unpack_from(order + "H", data, place + 2)[0]
    size, value = _SIZES.get(kind, 1), place + (12 if big else 8)
    what = rng.randrange(8)
    if what == 0:
        struct.pack_into(
            order + "H",
            changed,
            place,
            rng.choice(
                (
                    254,
                    256,
                    257,
                    258,
                    259,
                    262,
                    273,
                    277,
                    278,
                    279,
                    322,
                    323,
                    324,
                    325,
                    330,
                    347,
                    530,
                )
            ),
        )
    elif what == 1:
        struct.pack_into(
            order + "H", changed, place + 2, rng.choice((0, 1, 2, 3, 4, 5, 12, 13, 16, 99))
        )
    elif what == 2:
        struct.pack_into(
            order + word,
            changed,
            place + 4,
            rng.choice((0, 1, count + 1, max(0, count - 1), number(rng) % limit)),
        )
    elif count * size > (8 if big else 4):
        at = struct.unpack_from(order + word, data, value)[0] + rng.randrange(max(1, count)) * size
        if at + size <= len(data):
            changed[at : at + size] = (number(rng) % 2 ** (8 * size)).to_bytes(
                size, "little" if order == "<" else "big"
            )
    else:
        changed[value : value + size] = (number(rng) % 2 ** (8 * size)).to_bytes(
            size, "little" if order == "<" else "big"
        )
    return bytes(changed)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, inner in (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    ):
        yield from _places(inner, (*path, key))


def _valued(data: bytes, rng: Random) -> bytes:
    """Replace, remove, double or move a value of JSON."""
    try:
        return _revalued(data, rng)
    except RecursionError:  # nested as deeply as Python writes, and now a little deeper
        return _flipped(data, rng)


def _revalued(data: bytes, rng: Random) -> bytes:
    try:
        value = json.loads(data)
        places = list(_places(value))
    except ValueError:
        return _flipped(data, rng)
    by_depth: dict[int, list[tuple[Any, ...]]] = {}
    for place in places:
        by_depth.setdefault(len(place), []).append(place)
    *way, last = [None, *rng.choice(by_depth[rng.choice(sorted(by_depth))])]
    holder: Any = {None: value}
    value = holder
    for key in way:
        holder = holder[key]
    what, raw = rng.randrange(10), rng.choice(_RAW)
    if what < 5:
        holder[last] = "@raw@"
    elif what == 5:
        del holder[last]
    elif what == 6:
        here = holder[last]
        holder[last] = rng.choice(
            (number(rng), rng.choice(WORDS), number(rng) * 1.5, [here], {"a": here}, str(here)[:99])
        )
    elif what == 7 and isinstance(holder[last], list):
        holder[last] = holder[last] * rng.choice((2, 50))
    elif what == 8 and isinstance(holder[last], dict):
        holder[last] = {
            f"{key}x" if rng.random() < 0.3 else key: inner for key, inner in holder[last].items()
        }
    else:
        other = rng.choice(places)
        inner: Any = value[None]
        for key in other:
            try:
                inner = inner[key]
            except (KeyError, IndexError, TypeError):
                break
        holder[last] = json.loads(json.dumps(inner))
    text = json.dumps(
        value.get(None), indent=rng.choice((None, 2)), ensure_ascii=rng.random() < 0.5
    ).replace('"@raw@"', raw)
    return text.encode("utf-8", "surrogatepass")


def _doubled_key(data: bytes, rng: Random) -> bytes:
    """Write a key twice with another value."""
    found = list(re.finditer(rb'"[^"\\]{1,40}"\s*:', data))
    if not found:
        return data
    at = rng.choice(found)
    return data[: at.start()] + at.group() + rng.choice(_RAW).encode() + b"," + data[at.start() :]


def _written(data: bytes, rng: Random) -> bytes:
    """Write text as another program would: another encoding, tabs, something before or behind
    it."""
    text = data.decode("utf-8", "replace")
    what = rng.randrange(7)
    if what < 3:
        return text.encode(rng.choice(_ENCODINGS), "replace")
    if what == 3:
        return re.sub(
            r"^ +", lambda found: "\t" * (len(found.group()) // 2), text, flags=re.MULTILINE
        ).encode()
    if what == 4:
        return (text + rng.choice((text, "x", ",", "}", "\0"))).encode()
    if what == 5:
        return text.replace("\n", rng.choice(("\r\n", "\r", "\n\n", "\u2028", ""))).encode()
    return rng.choice(
        (
            b"",
            b" ",
            b"null",
            b"[]",
            b"{}",
            b"1",
            b'"a"',
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"NaN",
            b"\x00" * 100,
        )
    )


def _rows(data: bytes, rng: Random) -> bytes:
    """Change a table: a cell, a row, a column, the separator."""
    try:
        rows = [
            row
            for row in csv.reader(io.StringIO(data.decode("utf-8", "replace"), newline=""))
            if row
        ]
    except csv.Error:
        return _flipped(data, rng)
    if not rows:
        return _written(data, rng)
    row, what = rng.choice(rows[:1] + rows), rng.randrange(11)
    cell = rng.randrange(len(row))
    if what < 4:
        row[cell] = rng.choice(WORDS)
    elif what == 4:
        row.insert(cell, rng.choice(WORDS))
    elif what == 5:
        del row[cell]
    elif what == 6:
        for one in rows:
            del one[cell : cell + 1]
    elif what == 7:
        rows.append(list(row) + [""] * rng.choice((0, 0, 3)))
    elif what == 8:
        rows.remove(row)
    elif what == 9:
        rows[0][cell % len(rows[0])] = rng.choice(
            (rows[0][0], rows[0][-1], rows[0][0].upper() + " ", "Unnamed: 0")
        )
    else:
        rows.insert(rng.randrange(len(rows)), [""] * rng.choice((1, len(row))))
    text = io.StringIO()
    separator = rng.choice((",", ",", ",", ",", ";", "\t", "|"))
    csv.writer(text, delimiter=separator, lineterminator=rng.choice(("\n", "\r\n"))).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _yaml(data: bytes, rng: Random) -> bytes:
    """Put a line of YAML that few expect before, behind or in the place of one, or another value
    behind a colon."""
    lines = data.splitlines(keepends=True) or [b""]
    at, more = rng.randrange(len(lines) + 1), rng.choice(_YAML).encode()
    what = rng.randrange(5)
    if what == 0:
        return more
    if what == 1:
        return b"".join([*lines[:at], more, *lines[at:]])
    if what == 2:
        return b"".join([*lines[:at], more, *lines[at + 1 :]])
    values = (
        "no",
        "yes",
        "on",
        "null",
        "~",
        "1e3",
        "0x10",
        ".inf",
        "-.inf",
        ".nan",
        "2001-01-01",
        "[]",
        "{}",
        "*a",
        "!!int x",
        "9" * 5000,
        "1:30",
        "'",
        "|",
    )
    return re.sub(
        rb"(: )[^\n]+",
        lambda found: (
            found.group(1) + rng.choice(values).encode() if rng.random() < 0.3 else found.group()
        ),
        data,
    )


def _array(data: bytes, rng: Random) -> bytes:
    """Change the head of a .npy."""
    head = data[:128]
    shapes = (
        b"()",
        b"(0,)",
        b"(1,)",
        b"(99999999999,)",
        b"(-1, 3)",
        b"(4, 4)",
        b"(3, 3, 3, 3)",
        b"(2, 9223372036854775807)",
        b"(1.5,)",
        b"x",
    )
    kinds = (
        b"'<f8'",
        b"'|O'",
        b"'<i8'",
        b"'|S9'",
        b"'<M8[s]'",
        b"[('a', '<i4')]",
        b"'|V0'",
        b"1",
        b"'|b1'",
        b"'>u2'",
    )
    what = rng.randrange(3)
    if what == 0:
        head = re.sub(rb"\([^)]*\)", lambda found: rng.choice(shapes), head)
    elif what == 1:
        head = re.sub(rb"(?<='descr': )'[^']*'", lambda found: rng.choice(kinds), head)
    else:
        head = head.replace(b"False", rng.choice((b"True ", b"None ", b"Fals}")))
    return head[:128].ljust(128, b" ") + data[128:]


def _headed(data: bytes, rng: Random) -> bytes:
    """Change the head of a safetensors file: its length or its JSON."""
    size = int.from_bytes(data[:8], "little")
    if rng.random() < 0.3:
        return (number(rng) % 2**64).to_bytes(8, "little") + data[8:]
    head = _valued(data[8 : 8 + size], rng)
    return len(head).to_bytes(8, "little") + head + data[8 + size :]


def _marked(data: bytes, rng: Random) -> bytes:
    """Change an attribute or an element of XML."""
    found = list(re.finditer(rb'"[^"<>]*"', data))
    if not found or rng.random() < 0.1:
        bomb = (
            b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
            + b"".join(b'<!ENTITY %c "%s">' % (k, b"&%c;" % (k - 1) * 10) for k in range(98, 107))
            + b"]>"
        )
        return (
            bomb + data.replace(b'"', b'"&j;', 1)
            if rng.random() < 0.5
            else re.sub(rb"<[^>]*>", b"", data, count=1)
        )
    at = rng.choice(found)
    value = rng.choice(
        (
            str(number(rng)),
            str(-number(rng)),
            rng.choice(WORDS[:17]),
            ",".join([str(number(rng))] * 4),
            at.group()[1:-1].decode("latin-1") + "0",
        )
    )
    return data[: at.start() + 1] + value.encode("utf-8", "replace") + data[at.end() - 1 :]


def _element(data: bytes, rng: Random) -> bytes:
    """Change length or value of a DICOM element (explicit VR, little endian)."""
    places, at = [], 132
    while at + 8 <= len(data) and len(places) < 400:
        long = data[at + 4 : at + 6] in (
            b"OB",
            b"OW",
            b"OF",
            b"SQ",
            b"UT",
            b"UN",
            b"UC",
            b"UR",
            b"OD",
            b"OL",
        )
        if not data[at + 4 : at + 6].isalpha():
            break
        size = int.from_bytes(data[at + 8 : at + 12] if long else data[at + 6 : at + 8], "little")
        places.append((at, 12 if long else 8, size))
        at += (12 if long else 8) + (
            0 if size == 2**32 - 1 or (long and data[at + 4 : at + 6] == b"SQ") else size
        )
    if not places:
        return _numbered(data, rng)
    start, head, size = rng.choice(places)
    changed = bytearray(data)
    what = rng.randrange(4)
    if what == 0:
        width = 4 if head == 12 else 2
        changed[start + head - width : start + head] = (number(rng) % 2 ** (8 * width)).to_bytes(
            width, "little"
        )
    elif what == 1 and 0 < size < 10_000:
        wide = min(size, 8)
        changed[start + head : start + head + wide] = (number(rng) % 2 ** (8 * wide)).to_bytes(
            wide, "little"
        )
    elif what == 2 and 0 < size < 10_000:
        changed[start + head : start + head + size] = (
            rng.choice((b"0", b"9", b"-", b"\\", b"\0")) * size
        )
    else:
        changed[start : start + 4] = rng.randbytes(4)
    return bytes(changed)


def _packed(one: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """Return a change of what is in a .gz."""

    def inside(data: bytes, rng: Random) -> bytes:
        try:
            return gzip.compress(one(gzip.decompress(data), rng), 1, mtime=0)
        except (OSError, EOFError, ValueError):
            return _flipped(data, rng)
        except Exception:  # noqa: BLE001  zlib.error has no parent of its own
            # A broken packet is changed as bytes.
            return _flipped(data, rng)

    return inside


_JSON = (_valued, _valued, _valued, _doubled_key, _written)
_BY_ENDING: dict[str, tuple[Callable[[bytes, Random], bytes], ...]] = {
    ".json.gz": tuple(map(_packed, _JSON)),
    ".geojson.gz": tuple(map(_packed, _JSON)),
    ".json": _JSON,
    ".geojson": _JSON,
    ".zattrs": _JSON,
    ".zgroup": _JSON,
    ".zarray": _JSON,
    ".csv": (_rows, _rows, _written),
    ".txt": (_rows, _written),
    ".yaml": (_yaml, _yaml, _written),
    ".yml": (_yaml, _yaml, _written),
    ".npy": (_array, _early),
    ".tif": (_tagged,),
    ".tiff": (_tagged,),
    ".svs": (_tagged,),
    ".scn": (_tagged, _marked),
    ".dcm": (_element,),
    ".xml": (_marked,),
    ".safetensors": (_headed,),
}
