"""An image in bands of rows, so that planes of floats stay small, whatever its size."""

SOFT_UM = 40.0
"""Width over which stain and colour are averaged."""
SLOPE_UM = 400.0
"""Width within which stain rises with density, or does not."""
SHARE_UM = 600.0
"""Width within which a third of what is rough has to be coloured."""
_BAND_PX = 512
"""Rows of a band. A mask of 10 Mpx has about 3,000 rows, and its planes of floats 40 MB each."""


def bands(height: int, mpp: float) -> list[tuple[slice, slice]]:
    """Cut rows into bands, so that planes of floats stay small: rows to look at, and of these the
    rows to keep."""
    # A window looks half its width each way; windows of windows add up, the slope's is one twice.
    # 4 rows more, because widths are rounded to odd numbers of pixels.
    reach = round((SOFT_UM + 2 * SLOPE_UM + SHARE_UM) / 2 / mpp) + 4
    bands_of_rows = []
    for top in range(0, height, _BAND_PX):
        end = min(height, top + _BAND_PX)
        first = max(0, top - reach)
        last = min(height, end + reach)
        rows = slice(first, last)
        inner = slice(top - first, end - first)  # counted from the band's first row
        bands_of_rows.append((rows, inner))
    return bands_of_rows
