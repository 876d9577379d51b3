"""Slides in the forms that scanners and tools write, each holding pixels that a test gives; nothing
in them is lossy."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr
from tifffile import TiffFile, TiffWriter

Picture = npt.NDArray[np.uint8]

APERIO = "Aperio Image Library v11.2.1 \r\n{width}x{height} (64x64) test"
TILES = {"tile": (64, 64), "photometric": "rgb", "compression": "lzw", "metadata": None}
SCN = """<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="urn:uuid:0">
<collection name="c" uuid="urn:uuid:1" sizeX="1000000" sizeY="800000"><barcode>MA==</barcode>
{images}</collection></scn>"""
SCN_IMAGE = """<image name="{name}" \
uuid="urn:uuid:{name}"><creationDate>2012-01-01T00:00:00.00Z</creationDate>
<device model="Leica SCN400" version="1"/><pixels sizeX="{width}" \
sizeY="{height}">{dimensions}</pixels>
<view sizeX="{nm[0]}" sizeY="{nm[1]}" offsetX="{nm[2]}" offsetY="{nm[3]}" spacingZ="0"/>
<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings>
\
<illuminationSettings><numericalAperture>0.4</numericalAperture>\
<illuminationSource>brightfield</illuminationSource></illuminationSettings>
</scanSettings></image>"""


def halved(pixels: Picture) -> Picture:
    """Return the means of 2 x 2 pixels; an odd last row or column is left out, as scanners do."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    blocks = pixels[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).astype(float)
    return np.floor(blocks.mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def levels_of(pixels: Picture, count: int = 3) -> list[Picture]:
    """Return a pyramid, the finest level first."""
    levels = [pixels]
    for _ in range(count - 1):
        levels.append(halved(levels[-1]))
    return levels


def write_svs(
    path: Path, levels: Sequence[Picture], said: str = "|AppMag = 40|MPP = 0.2500"
) -> Path:
    """Write an Aperio-like SVS: levels with the thumbnail as the second image."""
    height, width = levels[0].shape[:2]
    name = APERIO.format(width=width, height=height)
    with TiffWriter(path) as writer:
        writer.write(levels[0], **TILES, description=name + said)
        writer.write(
            np.ascontiguousarray(levels[0][:32, :32]),
            photometric="rgb",
            description=name + " -> 32x32",
            metadata=None,
        )
        for level in levels[1:]:
            writer.write(level, **TILES, description=f"{name} -> {level.shape[1]}x{level.shape[0]}")
    return path


def write_tiled(
    path: Path,
    levels: Sequence[Picture],
    per_cm: tuple[float, float] | None = (40_000, 40_000),
    **options: object,
) -> Path:
    """Write a generic tiled pyramid, as libvips and Bio-Formats do."""
    resolution = {} if per_cm is None else {"resolution": per_cm, "resolutionunit": 3}
    with TiffWriter(path, bigtiff=True) as writer:
        for number, level in enumerate(levels):
            writer.write(level, **{**TILES, **options}, **resolution, subfiletype=int(number > 0))
    return path


def write_ome(path: Path, levels: Sequence[Picture], **metadata: object) -> Path:
    """Write an OME-TIFF whose coarser levels are SubIFDs."""
    said = {
        "PhysicalSizeX": 250,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 250,
        "PhysicalSizeYUnit": "nm",
        **metadata,
    }
    options = {**TILES, "metadata": None}
    with TiffWriter(path, ome=True) as writer:
        writer.write(
            levels[0], **{**options, "metadata": {"axes": "YXS", **said}}, subifds=len(levels) - 1
        )
        for level in levels[1:]:
            writer.write(level, **options, subfiletype=1)
    return path


def write_scn(path: Path, levels: Sequence[Picture], at: tuple[int, int] = (400, 200)) -> Path:
    """Write a Leica-like SCN at 0.5 um/px: a scanned island at `at` on an empty canvas of 2000 x
    1600 px."""
    height, width = levels[0].shape[:2]
    names = [
        "".join(
            f'<dimension sizeX="{level.shape[1]}" sizeY="{level.shape[0]}" r="{k}" ifd="{k + 1}"/>'
            for k, level in enumerate(levels)
        )
    ]
    names.insert(0, '<dimension sizeX="64" sizeY="64" r="0" ifd="0"/>')
    overview = SCN_IMAGE.format(
        name="overview", width=64, height=64, dimensions=names[0], nm=(1_000_000, 800_000, 0, 0)
    )
    nm = (500 * width, 500 * height, 500 * at[0], 500 * at[1])
    main = SCN_IMAGE.format(name="main", width=width, height=height, dimensions=names[1], nm=nm)
    with TiffWriter(path, bigtiff=True) as writer:
        writer.write(
            np.full((64, 64, 3), 200, np.uint8),
            **TILES,
            description=SCN.format(images=overview + main),
        )
        for number, level in enumerate(levels):
            writer.write(level, **TILES, subfiletype=int(number > 0))
    return path


def write_zarr(
    path: Path,
    levels: Sequence[Picture],
    *,
    axes: str = "cyx",
    unit: str | None = "micrometer",
    version: str = "0.4",
) -> Path:
    """Write an OME-Zarr 0.4 (Zarr 2) or 0.5 (Zarr 3) at 0.25 um/px."""
    group = zarr.open_group(path, mode="w", zarr_format=2 if version == "0.4" else 3)
    kinds = {"c": "channel", "t": "time"}
    named = [
        {"name": name, "type": kinds.get(name, "space")}
        | ({"unit": unit} if name in "xy" and unit else {})
        for name in axes
    ]
    sets = []
    for number, level in enumerate(levels):
        stored = level.transpose(["yxc".index(name) for name in axes if name in "yxc"])
        stored = stored.reshape(
            [dict(zip("yxc", level.shape, strict=True)).get(name, 1) for name in axes]
        )
        chunks = tuple({"y": 64, "x": 64}.get(name, 1) for name in axes)
        group.create_array(str(number), shape=stored.shape, chunks=chunks, dtype="uint8")[...] = (
            stored
        )
        scale = [
            0.25 * level_factor if name in "xy" else 1.0
            for name in axes
            for level_factor in [2**number]
        ]
        sets.append(
            {"path": str(number), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        )
    image = {"axes": named, "datasets": sets}
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": "0.4", **image}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    return path


def move_tile(path: Path, page: int, tile: int, *, past_end: bool) -> Path:
    """Spoil a tile: let it lie behind the end of the file, as in a copy cut short, or let it have
    no bytes."""
    with TiffFile(path, mode="r+") as tiff:
        tag = tiff.pages[page].tags["TileOffsets" if past_end else "TileByteCounts"]
        tag.overwrite(
            [
                10**8 if past_end and k == tile else 0 if k == tile else value
                for k, value in enumerate(tag.value)
            ]
        )
    return path


WRITERS: dict[str, Callable[[Path, Sequence[Picture]], Path]] = {
    "a.svs": write_svs,
    "a.tif": write_tiled,
    "a.ome.tif": write_ome,
    "a.scn": write_scn,
    "a.zarr": write_zarr,
}
