"""Types of a whole image or slide: sums over cells add up over tiles, the head reads their means.

SLIDE/type.json     probabilities of the types, how much tumour and tissue they rest on, and what
they are worth: scores by patient beside colours alone
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from breastseg.bundles.bundle import Bundle
from breastseg.bundles.types import Types, types_of
from breastseg.errors import ModelError
from breastseg.files import write_json
from breastseg.geometry import STRIDE_PX, Box, Tile, tile_grid
from breastseg.inference.tiles import Field, TileConfig, shown_of
from breastseg.runners.child import ChildRunner
from breastseg.runners.runner import CELLS

TYPE = "type.json"
Cells: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""(1, H, W, 3) uint8 -> (C + 2, H / 32, W / 32): features, shares of tumour and of tissue."""

_POOLS = 2
_EMPTY = 1e-3
"""As `networks.type_cells.EMPTY`; a test holds them together."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """What a head reads of a field.

    Attributes:
        features: (2 C,) means over what is called tumour, then over tissue.
        tumour: cells of tumour, in sum.
        tissue: cells of tissue, in sum.
    """

    features: npt.NDArray[np.float64]
    tumour: float
    tissue: float


def pool(
    field: Field,
    cells: Cells,
    tiles: TileConfig,
    wanted: Collection[Tile] | None = None,
    analysed: Callable[[Box], npt.NDArray[np.bool_]] | None = None,
) -> Pooled:
    """Sum over the cells of a field, tile by tile.

    A cell counts in the tile whose inner box holds its middle; one that the field's edge cuts
    counts where half of it lies inside.

    Args:
        field: at the model's microns per pixel.
        cells: the model's.
        tiles: as the model is run.
        wanted: the tiles that are looked at (None: all).
        analysed: which pixels of a box of the field count, (H, W); a cell counts by its middle
            (None: all).

    Raises:
        ModelError: the network gives NaN.
    """
    sums = 0.0  # (2, C) after the first tile, which says how many features there are
    shares = np.zeros(_POOLS)
    for tile in tile_grid(field.size_px, tiles.tile_px, tiles.halo_px):
        if wanted is not None and tile not in wanted:
            continue
        values = cells(shown_of(field, tile.outer))  # (C + 2, h, w)
        rows, columns = _inner(tile)
        # In double precision: a slide has a million cells.
        values = values[:, rows, columns].astype(np.float64)
        features = values[:-_POOLS]
        part = values[-_POOLS:]
        if analysed is not None:
            part = part * _of_middles(analysed(tile.inner), part.shape[1:])
        # Weighted sums of features: (C, h, w) x (2, h, w) -> (2, C)
        sums = sums + np.einsum("chw,phw->pc", features, part)
        shares += part.sum(axis=(1, 2))
    means = np.asarray(sums / (shares[:, None] + _EMPTY), np.float64)
    if not np.isfinite(means).all():
        raise ModelError("the network gives NaN; its weights are damaged, train it again")
    return Pooled(means.ravel(), float(shares[0]), float(shares[1]))


def _of_middles(pixels: npt.NDArray[np.bool_], cells: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return which cells have a middle that counts."""
    middles = []
    for count, length in zip(cells, pixels.shape, strict=True):
        # A cell that the edge cuts has its middle outside: the last pixel stands for it.
        places = np.arange(count) * STRIDE_PX + STRIDE_PX // 2
        middles.append(np.minimum(places, length - 1))
    counts: npt.NDArray[np.bool_] = pixels[np.ix_(*middles)]
    return counts


def _inner(tile: Tile) -> tuple[slice, slice]:
    """Return rows and columns of the cells of the inner box; the field's first at least."""
    top = tile.inner.y - tile.outer.y
    left = tile.inner.x - tile.outer.x
    return (
        _span(top, tile.inner.height, first=tile.inner.y == 0),
        _span(left, tile.inner.width, first=tile.inner.x == 0),
    )


def _span(start_px: int, length_px: int, *, first: bool) -> slice:
    """Return the cells whose middles lie in a stretch of pixels."""
    start = start_px // STRIDE_PX
    count = (length_px + STRIDE_PX // 2) // STRIDE_PX
    # A field of less than half a cell has one all the same.
    return slice(start, start + max(int(first), count))


def cells_of(bundle: Bundle, threads: int = 0) -> Cells:
    """Return the cells of a bundle, computed in a process of their own.

    Raises:
        ModelError: the bundle has none, or the file cannot be read.
    """
    runner = ChildRunner(bundle, CELLS, threads=threads)

    def cells(tile: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = runner.probabilities(tile)[0]
        return values

    return cells


def heard(bundle: Bundle, *, always: bool) -> Types | None:
    """Return the head that `predict` asks: None where the model has none, or where it does no
    better than colours and is not asked for.

    Raises:
        ModelError: `always`, and the model has none.
    """
    types = types_of(bundle)
    if types is None and always:
        raise ModelError(
            f"model '{bundle.card.name}' tells no types; train one with --task type or both, or"
            " leave --tell-types out"
        )
    if types is None or not (always or types.speaks):
        return None
    return types


def type_row(types: Types, pooled: Pooled) -> dict[str, float]:
    """Return the columns of measures.csv: `type_NAME`, the probability."""
    probabilities = types.probabilities(pooled.features[None])[0]  # (T,)
    row = {}
    for name, value in zip(types.names, probabilities, strict=True):
        row[f"type_{name}"] = float(value)
    return row


def write_type(path: Path, types: Types, pooled: Pooled, mpp: float) -> None:
    """Write type.json.

    Args:
        path: the file.
        types: the head.
        pooled: what it reads.
        mpp: of the model: a cell is 32 of its pixels wide.
    """
    mm2 = (STRIDE_PX * mpp / 1000) ** 2
    row = type_row(types, pooled)
    write_json(
        path,
        {
            "probabilities": {name: row[f"type_{name}"] for name in types.names},
            "tumor_mm2": pooled.tumour * mm2,
            "tissue_mm2": pooled.tissue * mm2,
            "better_than_colours": types.speaks,
            "note": types.note,
            "scores": dict(types.scores),
            "use": "research use only, not for diagnosis",
        },
    )
