"""PNG files written by hand: every kind of colour, depth and filter, pixels in chunks of any
length, other chunks anywhere."""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [(8, 0), (8, 2), (8, 3), (8, 4), (8, 6), (1, 0), (2, 0), (4, 0), (1, 3), (2, 3), (4, 3)]
"""(bits a sample, kind of colour) of all that is not refused."""
Rows = npt.NDArray[np.uint8]


def chunk(name: bytes, data: bytes = b"") -> bytes:
    """Return a chunk with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def head(width: int, height: int, depth: int, kind: int, *, interlaced: bool = False) -> bytes:
    """Return a signature and the first chunk."""
    return SIGNATURE + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    )


def row_bytes(width: int, depth: int, kind: int) -> int:
    """Return the bytes of a row."""
    return -(-width * depth * SAMPLES[kind] // 8)


def filtered(rows: Rows, filters: Sequence[int], pixel_bytes: int) -> bytes:
    """Return rows as they are compressed: each with a filter of 0 to 4, and its number before
    it."""
    out, above = [], np.zeros(rows.shape[1], np.int16)
    for row, number in zip(rows.astype(np.int16), filters, strict=True):
        left, corner = np.zeros_like(row), np.zeros_like(row)
        left[pixel_bytes:], corner[pixel_bytes:] = row[:-pixel_bytes], above[:-pixel_bytes]
        near = left + above - corner
        far = [np.abs(near - one) for one in (left, above, corner)]
        paeth = np.where(
            (far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner)
        )
        guess = (0 * row, left, above, (left + above) // 2, paeth)[number]
        out.append(bytes([number]) + ((row - guess) % 256).astype(np.uint8).tobytes())
        above = row
    return b"".join(out)


def in_chunks(data: bytes, rng: np.random.Generator, most: int) -> bytes:
    """Return compressed pixels in chunks of 0 to `most` bytes."""
    found, at = [], 0
    while at < len(data) or not found:
        length = int(rng.integers(0, most + 1))
        found.append(chunk(b"IDAT", data[at : at + length]))
        at += length
    return b"".join(found)


def tissue_like(rows: int, length: int, rng: np.random.Generator) -> Rows:
    """Return rows of bytes that change slowly, so that filters matter."""
    steps = rng.integers(-3, 4, (rows, length))
    return (np.cumsum(np.cumsum(steps, axis=1) // 3, axis=0) % 256).astype(np.uint8)


def any_png(
    rng: np.random.Generator, depth: int, kind: int, size: tuple[int, int], *, behind: bytes = b""
) -> bytes:
    """Return a PNG of some depth and kind of colour with a filter drawn for each row, and a palette
    and transparent colours drawn too."""
    width, height = size
    rows = tissue_like(height, row_bytes(width, depth, kind), rng)
    between = b""
    if kind == 3:
        between += chunk(b"PLTE", rng.bytes(3 * int(rng.integers(1, 2**depth + 1))))
    if kind in {0, 2, 3} and rng.random() < 0.5:
        between += chunk(b"tRNS", _transparent(rng, depth, kind, rows))
    filters = rng.integers(0, 5, height)
    data = filtered(rows, [int(one) for one in filters], max(1, depth * SAMPLES[kind] // 8))
    pixels = in_chunks(
        zlib.compress(data, int(rng.integers(0, 10))), rng, int(rng.choice([50, 3000, 10**6]))
    )
    return head(width, height, depth, kind) + between + pixels + behind + chunk(b"IEND")


def _transparent(rng: np.random.Generator, depth: int, kind: int, rows: Rows) -> bytes:
    if kind == 3:
        return bytes(rng.choice([0, 255, 100], int(rng.integers(1, 2**depth + 1))).astype(np.uint8))
    return b"".join(
        struct.pack(">H", int(sample) % 2**depth)
        for sample in rows[len(rows) // 2, : SAMPLES[kind]]
    )
