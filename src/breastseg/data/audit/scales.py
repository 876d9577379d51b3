"""Whether microns per pixel can be believed: against each other, against names, against the
release's own bounds; and what is in focus."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from breastseg.data.audit.findings import SHOWN, Finding, listed
from breastseg.data.dataset import Dataset
from breastseg.errors import InputError
from breastseg.histology.stain_check import LITTLE_TISSUE
from breastseg.sources.bcss import find as bcss
from breastseg.wording import counted

UNLIKE = 0.05
"""Relative difference of um/px within one kind of source that is reported; BCSS's values lie
within 2 % of 0.30."""
OFF = 0.02
"""Relative difference from the bounds that is reported: scans of 0.248 to 0.252 um/px count as
0.25."""
SHARP_AT_HALF = 30.0
SHARP_POWER = 2.5
"""Least variance of the Laplacian (grey of 0 to 255) of a sharp image is `SHARP_AT_HALF * (mpp /
0.5) ** SHARP_POWER`.

Windows of 112 um of the three real BCSS regions and of 90 BRCA-M2C fields have at least 53 at 0.30
um/px, 237 at 0.5 and 1060 at 1.0
(limits here: 8, 30, 170). Blurred by 1 um of standard deviation, 95 % of them have at most 5, 26
and 276, by 2 um at most 2, 4 and 32."""
FLAT = 3.0
"""Largest standard deviation of grey of an image that shows nothing."""
_WHOLE_BCSS = re.compile(r"(?P<slide>TCGA-\w\w-\w{4}-DX\d)_xmin\d+_ymin\d+_MPP-[\d.]+")


def sharp_at(mpp: float) -> float:
    """Return the least variance of the Laplacian of a sharp image; measured from 0.3 to 1
    um/px."""
    return float(SHARP_AT_HALF * (mpp / 0.5) ** SHARP_POWER)


def unlike_scales(data: Dataset, where: pd.DataFrame) -> Iterator[Finding]:
    """Yield findings for um/px that differ within one kind of source, that file names tell, and
    sizes that are not the named ones."""
    mpp = data.regions["source_mpp"].astype(float)
    kinds_of_names = [_kind(str(name), slide) for name, slide in where["slide"].items()]
    kinds = pd.Series(kinds_of_names, mpp.index)
    usual = mpp.groupby(kinds).transform("median")
    is_odd = (mpp / usual - 1).abs() > UNLIKE
    odd = [str(name) for name in mpp.index[is_odd]]
    if odd:
        yield Finding(
            "warning",
            "um/px",
            f"{counted(len(odd), 'region')} of {len(mpp):,} taken for another um/px than others of"
            f" their kind or slide ({mpp[odd].min():g} to {mpp[odd].max():g}, usual"
            f" {usual[odd].min():g}): {listed(odd)}",
            "give the right um/px in a table (breastseg prepare --table) or leave them out",
            {
                "count": len(odd),
                "least": float(mpp[odd].min()),
                "most": float(mpp[odd].max()),
                "names": odd[:SHOWN],
            },
        )
    believed = []
    for name in map(str, mpp.index):
        if "_MPP-0" in name and abs(mpp[name] / bcss.BASE_MPP - 1) < OFF:
            believed.append(name)
    if believed:
        yield Finding(
            "warning",
            "um/px",
            f"{counted(len(believed), 'BCSS region')} taken for {bcss.BASE_MPP:g} um/px, as file"
            f" names say; the copies in circulation are at {bcss.MPP:.2f}: areas would be"
            f" {1 - (bcss.BASE_MPP / bcss.MPP) ** 2:.0%} too small",
            "prepare without --mpp, or with the value that the widths and roiBounds.csv give",
            {"count": len(believed)},
        )
    yield from _named_sizes(data, where)


def _kind(name: str, slide: str) -> str:
    """Return a TCGA name's form, as in "0_xmin0_ymin0_MPP-0.0"; of another name the slide: others
    may have been scanned otherwise."""
    if "DX" not in name:
        return slide
    return re.sub(r"\d+", "0", name.rsplit("DX", 1)[-1])


def _named_sizes(data: Dataset, where: pd.DataFrame) -> Iterator[Finding]:
    """Yield a finding for tiles that are not as large as their names say."""
    # A pixel of the data set in source pixels: sizes are rounded to it.
    pixel = data.mpp / data.regions["source_mpp"]
    px = data.regions["width_px"] * pixel
    named_px = where["named_px"]  # 0 where a name tells none
    is_off = (px - named_px).abs() > np.maximum(OFF * named_px, pixel)
    wrong = [str(name) for name in px.index[(named_px > 0) & is_off]]
    if wrong:
        first = wrong[0]
        yield Finding(
            "warning",
            "size",
            f"{counted(len(wrong), 'tile')} of another size than named ({px[first]:.0f} px, not"
            f" {named_px[first]:.0f}): {listed(wrong)}",
            "they were resized: their um/px is not that of their region",
            {"count": len(wrong), "names": wrong[:SHOWN]},
        )


def against_bounds(data: Dataset, source: Path) -> Iterator[Finding]:
    """Yield a finding for whole BCSS regions whose size and um/px disagree with the release's own
    bounds.

    Args:
        data: the data set.
        source: the folder that it was prepared from, with `meta/roiBounds.csv` and
            `meta/slide_magnifications.csv`.

    Raises:
        InputError: it has no such tables.
    """
    for name in ("roiBounds.csv", "slide_magnifications.csv"):
        if not (source / "meta" / name).is_file():
            raise InputError(
                f"{source / 'meta' / name}: not found; wanted the BCSS folder with its meta tables,"
                " or no --source"
            )
    wrong = {}
    for name, mpp, width in data.regions[["source_mpp", "width_px"]].itertuples():
        whole = _WHOLE_BCSS.fullmatch(str(name))
        if whole is None:
            continue
        # The width that the source's image had, from that in the data set.
        source_px = round(width * data.mpp / mpp)
        measured = bcss.region_mpp(source, whole["slide"], source_px)
        if measured and abs(measured / mpp - 1) > OFF:
            wrong[str(name)] = round(measured, 4)
    if wrong:
        first = next(iter(wrong))
        yield Finding(
            "warning",
            "um/px",
            f"{counted(len(wrong), 'region')} at odds with roiBounds.csv: {first} was taken for"
            f" {float(data.regions['source_mpp'][first]):g} um/px, its width and bounds give"
            f" {wrong[first]:g}",
            "prepare again with the measured value; if the image is a crop or another copy,"
            " rename it",
            {"count": len(wrong), "measured": dict(list(wrong.items())[:SHOWN])},
        )


def shows_nothing(looks: pd.DataFrame) -> pd.Series:
    """Return which regions are blank: hardly any tissue, or of one colour."""
    return (looks["tissue"] < LITTLE_TISSUE) | (looks["contrast"] < FLAT)


def out_of_focus(data: Dataset, looks: pd.DataFrame) -> Iterator[Finding]:
    """Yield findings for blank and for blurred regions.

    Args:
        data: the data set.
        looks: `Looks.regions`.
    """
    blank = shows_nothing(looks)
    least = sharp_at(data.mpp)
    blurred = ~blank & (looks["sharpness"] < least)
    for check, which, how, advice in (
        (
            "blank",
            blank,
            f"blank (under {LITTLE_TISSUE:.0%} tissue, or one colour)",
            "look at them: annotation on glass is wrong",
        ),
        (
            "blurred",
            blurred,
            f"blurred (variance of the Laplacian under {least:.3g} at {data.mpp:g} um/px)",
            "look at them: out of focus, or enlarged from a coarser image",
        ),
    ):
        names = [str(name) for name in looks.index[which]]
        if names:
            numbers = looks.loc[names[:SHOWN]].round(4).to_dict("index")
            yield Finding(
                "warning",
                check,
                f"{len(names):,} of {counted(len(looks), 'region')} {how}: {listed(names)}",
                advice,
                {"count": len(names), "least_sharpness": round(least, 2), "regions": numbers},
            )
