"""Cut the slides of this folder from CMU-1-Small-Region: `make.py CMU-1-Small-Region.svs`.

Tiles are copied as the scanner wrote them, not decoded and encoded again.
"""

import sys
from pathlib import Path

from tifffile import TiffFile, TiffWriter

COLUMN, ROW, COLUMNS, ROWS = 4, 6, 2, 2

with TiffFile(sys.argv[1]) as tiff:
    page = tiff.pages.first
    side, across = page.tilewidth, -(-page.imagewidth // page.tilewidth)
    places = [(ROW + y) * across + COLUMN + x for y in range(ROWS) for x in range(COLUMNS)]
    tiles = []
    for place in places:
        tiff.filehandle.seek(page.dataoffsets[place])
        tiles.append(tiff.filehandle.read(page.databytecounts[place]))
    with TiffWriter(Path(__file__).with_name("cmu1.svs")) as writer:
        writer.write(
            iter(tiles),
            shape=(ROWS * side, COLUMNS * side, 3),
            dtype="uint8",
            tile=(side, side),
            description=page.description,
            photometric="rgb",
            compression="jpeg",
            compressionargs={"outcolorspace": "rgb"},
            jpegtables=page.jpegtables,
            metadata=None,
            software=False,
        )
