"""verify(): a copy of BCSS held against the release: what is there of what, what is missing, what
is wrong or odd."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import numpy as np
from tqdm import tqdm

from breastseg.errors import ImageError, SourceError
from breastseg.images import IMAGE_SUFFIXES, read_codes
from breastseg.images.readers.flat import image_size
from breastseg.labels import BCSS_CODES
from breastseg.sources.bcss.find import BASE_MPP, IMAGE_FOLDERS
from breastseg.sources.bcss.names import OFFICIAL_TEST_SITES
from breastseg.sources.bcss.release import TABLES, ReleaseRegion, release_regions
from breastseg.sources.pairs import files_in
from breastseg.sources.region import MASK_SUFFIXES
from breastseg.transfer.png import check_png

_SAME_SHAPE = 0.01
"""Share by which a height may be off what the width and the bounds give; it is 0.001 at most in 13
regions at hand."""

_ROUNDED_PX = 2

_SAME_MPP = 0.03
"""Of 13 regions at hand that were scanned at 40x all are within 0.015 of their median."""

_ROWS = 256


@dataclass(frozen=True)
class Checked:
    """What was read of one region.

    Attributes:
        name: as its files are called.
        region: the region of the release; None when it is none of the 151.
        size_px: (width, height) of the image; None when it could not be read.
        codes: label codes in the mask.
        wrong: what cannot be trusted.
        odd: what a person should know.
    """

    name: str
    region: ReleaseRegion | None
    size_px: tuple[int, int] | None
    codes: frozenset[int]
    wrong: tuple[str, ...]
    odd: tuple[str, ...] = ()

    @property
    def mpp(self) -> float | None:
        """Return microns per pixel by the release's bounds and the objective in its slide table."""
        if self.region is None or self.size_px is None:
            return None
        width_um = self.region.size_px[0] * BASE_MPP * 40.0 / self.region.magnification
        return width_um / self.size_px[0]


@dataclass(frozen=True)
class Verification:
    """A copy held against the release.

    Attributes:
        folder: where images and masks are.
        checked: each region that is there.
        missing: regions of the release that are not there, by slide.
        wrong: what is wrong with the copy as a whole.
        counts: name -> (there, in the release).
    """

    folder: Path
    checked: tuple[Checked, ...]
    missing: tuple[str, ...]
    wrong: tuple[str, ...]
    counts: Mapping[str, tuple[int, int]]

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Return what is wrong: (where, what)."""
        faults = [("the copy", fault) for fault in self.wrong]
        for region in self.checked:
            for fault in region.wrong:
                faults.append((region.name, fault))
        return faults

    @property
    def oddities(self) -> list[tuple[str, str]]:
        """Return what a person should know: (where, what)."""
        oddities = []
        for region in self.checked:
            for oddity in region.odd:
                oddities.append((region.name, oddity))
        return oddities

    @property
    def codes(self) -> list[int]:
        """Return the label codes that occur."""
        codes: set[int] = set()
        for region in self.checked:
            codes |= region.codes
        return sorted(codes)

    @property
    def mpps(self) -> list[float]:
        """Return the regions' microns per pixel by the release's bounds, sorted."""
        return sorted(region.mpp for region in self.checked if region.mpp is not None)

    @property
    def verdict(self) -> str:
        """Return "wrong", "partial" (what is there is right, regions are missing) or "whole"."""
        if self.faults:
            return "wrong"
        return "partial" if self.missing else "whole"


def verify(folder: str | Path) -> Verification:
    """Look at every file of a copy of BCSS: images or rgbs_colorNormalized, with masks, in the
    folder or in one in it.

    Raises:
        SourceError: no such folder, or none with these.
    """
    root, images, masks = _find(Path(folder))
    pictures = _by_stem(files_in(images, IMAGE_SUFFIXES))
    labels = _by_stem(files_in(masks, MASK_SUFFIXES))
    by_place = {region.place_name: region for region in release_regions()}
    names = sorted({*pictures, *labels})
    one_by_one = []
    for name in tqdm(names, desc="verify", unit="region", disable=None):
        # A file is called by its place and, behind the last "_", its MPP.
        region = by_place.get(name.rpartition("_")[0])
        one_by_one.append(_check(name, region, pictures.get(name), labels.get(name)))
    checked = _with_mpp(one_by_one)
    present = [entry.region for entry in checked if entry.region]
    slides = Counter(region.slide for region in present)
    repeated = []
    for slide, count in sorted(slides.items()):
        if count > 1:
            repeated.append(f"region {slide} is there {count} times; keep one copy of it")
    # The release has one region a slide, so that slides name regions.
    missing = tuple(region.slide for region in release_regions() if region.slide not in slides)
    return Verification(root, checked, missing, (*repeated, *_tables(root)), _counts(present))


def _find(folder: Path) -> tuple[Path, Path, Path]:
    """Return the folder of a copy, its folder of images and that of its masks."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder, wanted a copy of BCSS")
    roots = [folder]
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.name.startswith("."):
            roots.append(path)
    for root in roots:
        for name in IMAGE_FOLDERS:
            if (root / name).is_dir() and (root / "masks").is_dir():
                return root, root / name, root / "masks"
    raise SourceError(
        f"{folder}: no copy of BCSS, wanted {' or '.join(IMAGE_FOLDERS)} with masks in it;"
        " breastseg download bcss fetches one"
    )


def _by_stem(paths: Iterable[Path]) -> dict[str, Path]:
    return {path.stem: path for path in paths}


def _check(
    name: str, region: ReleaseRegion | None, picture: Path | None, mask: Path | None
) -> Checked:
    """Look at one region's files; what is known from all regions together comes later."""
    wrong = [] if region else ["is none of the 151 regions by its name"]
    size, flaw = _picture(picture)
    codes, mask_size, mask_flaw = _mask(mask)
    wrong += filter(None, (flaw, mask_flaw))
    if size and mask_size and size != mask_size:
        wrong.append(f"image is {size[0]} x {size[1]} px, mask {mask_size[0]} x {mask_size[1]}")
    strange = sorted(code for code in codes if code >= len(BCSS_CODES))
    if strange:
        wrong.append(
            f"mask has code {', '.join(map(str, strange[:5]))}, wanted 0 to {len(BCSS_CODES) - 1}"
        )
    if mask and not mask_flaw and codes <= {0}:
        wrong.append("nothing in the mask is annotated")
    if region and size:
        # The height that the image should have by its width and the shape in the release.
        height = size[0] * region.size_px[1] / region.size_px[0]
        if abs(size[1] - height) > max(_SAME_SHAPE * height, _ROUNDED_PX):
            wrong.append(
                f"image is {size[0]} x {size[1]} px, not the shape of {region.size_px[0]} x"
                f" {region.size_px[1]} in roiBounds.csv"
            )
    return Checked(name, region, size, codes, tuple(wrong))


def _picture(path: Path | None) -> tuple[tuple[int, int] | None, str]:
    """Return an image's size, and what is wrong with the file."""
    if path is None:
        return None, "has no image"
    try:
        # Of a PNG all is read, for a copy that was cut off has a right head.
        if path.suffix.lower() == ".png":
            return check_png(path), ""
        return image_size(path), ""
    except ImageError as cause:
        return None, f"image {_reason(path, cause)}"


def _mask(path: Path | None) -> tuple[frozenset[int], tuple[int, int] | None, str]:
    """Return a mask's codes and size, and what is wrong with the file."""
    if path is None:
        return frozenset(), None, "has no mask"
    try:
        mask = read_codes(path)
    except ImageError as cause:
        return frozenset(), None, f"mask {_reason(path, cause)}"
    occurs = np.zeros(256, bool)
    # Some rows at a time: NumPy makes an index array of them that is eight times as large.
    for top in range(0, len(mask), _ROWS):
        occurs[mask[top : top + _ROWS]] = True
    codes = frozenset(np.flatnonzero(occurs).tolist())
    height, width = mask.shape
    return codes, (width, height), ""


def _reason(path: Path, cause: ImageError) -> str:
    """Return an error without the file's name, which stands before it here."""
    return str(cause).removeprefix(f"{path}: ").removeprefix("mask ")


def _with_mpp(checked: Sequence[Checked]) -> tuple[Checked, ...]:
    """Return the regions, marked where one is at another resolution than the rest of the copy."""
    values = []
    at_base = 0
    for region in checked:
        if region.mpp is not None:
            values.append(region.mpp)
            at_base += _at_base(region)
    if not values:
        return tuple(checked)
    usual = median(values)
    mostly_base = at_base * 2 > len(values)
    return tuple(_placed(region, usual, mostly_base) for region in checked)


def _at_base(checked: Checked) -> bool:
    """Return whether an image has the pixels of the scan, which were never resampled."""
    return checked.region is not None and checked.size_px == checked.region.size_px


def _placed(checked: Checked, usual: float, mostly_base: bool) -> Checked:
    """Add what a region's resolution says beside that of the others.

    A cut in base pixels among resampled ones, or the other way round, is of another copy.
    Another value alone is odd, not wrong: the objective in the slide table is not always that of
    the scan.
    """
    mpp = checked.mpp
    region = checked.region
    if mpp is None or region is None:
        return checked
    both = (
        f"{mpp:.4f} um/px by roiBounds.csv and {region.magnification:g}x, the copy's median is"
        f" {usual:.4f}"
    )
    if _at_base(checked) != mostly_base:
        return replace(checked, wrong=(*checked.wrong, f"of another copy: {both}"))
    # In base pixels slides differ by their scanners: there it says nothing.
    if abs(mpp / usual - 1) > _SAME_MPP and not mostly_base:
        return replace(checked, odd=(*checked.odd, both))
    return checked


def _tables(root: Path) -> list[str]:
    """Return which of the copy's own tables are not the release's; without them the release's are
    used."""
    faults = []
    for table in sorted(TABLES.glob("*.csv")):
        own = root / "meta" / table.name
        # A part of the release's table is right too.
        if own.is_file() and not _lines(own) <= _lines(table):
            faults.append(
                f"meta/{table.name} says other than the release's; put the release's there"
            )
    return faults


def _lines(path: Path) -> set[bytes]:
    # Split at blanks, whatever line ends a copy has.
    return set(path.read_bytes().split())


def _counts(present: Sequence[ReleaseRegion]) -> dict[str, tuple[int, int]]:
    """Return, by name, how many there are here and in the release."""
    own = _count(present)
    release = _count(release_regions())
    return {name: (own[name], release[name]) for name in release}


def _count(regions: Sequence[ReleaseRegion]) -> dict[str, int]:
    patients = set()
    hospitals = set()
    test = 0
    for region in regions:
        patients.add(region.patient)
        hospitals.add(region.site)
        test += region.site in OFFICIAL_TEST_SITES
    return {
        "regions": len(regions),
        "patients": len(patients),
        "hospitals": len(hospitals),
        "train": len(regions) - test,
        "test": test,
    }
