"""'Curated with masks': folders NAME-SELECTED-IMGS and NAME-SELECTED-MASKS (or -MSKS) of PNG.

Facts of this arrangement (several data sets put together for segmentation by others):
* A film is `X___PRE.png` or `X_FULL___PRE.png`; its masks are `X_MASK___PRE.png` and
  `X_MASK_2___PRE.png`. INbreast's films are `20586908_..._MG_R_CC_ANON`, the mask `20586908`.
* Side and view are in the names; BCDR writes RCC and RO (oblique).
* The pictures were changed before (denoised, cropped): grey values are not the original's.
* There are masks without films.
"""

import re
from pathlib import Path

import numpy as np

from breastseg.errors import ImageError
from breastseg.mammography.findings import Finding, Mask, MaskShape
from breastseg.mammography.layouts.entry import Entry, Layout, LeftOut, files_below
from breastseg.mammography.picture import read_mask

NAME = "curated with masks"
_IMAGES = re.compile(r"(.+)-SELECTED-IMGS", re.IGNORECASE)
_MASKS = re.compile(r"(.+)-SELECTED-(?:MASKS|MSKS)", re.IGNORECASE)
_MASK_NAME = re.compile(r"(.*)_MASK(?:_(\d+))?", re.IGNORECASE)
_PATIENTS = (
    re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d+)_"),
    re.compile(r"(patient_\d+)_"),
    re.compile(r"\d{6,}_([0-9a-f]{12,})_"),
    re.compile(r"([A-Za-z]?\d+)_"),
)
_SIDE_VIEW = re.compile(
    r"(?:^|_)(LEFT|RIGHT|L|R)_?(MLO|CC|ML|O|DM_MLO|DM_CC)(?:_|$)", re.IGNORECASE
)
_VIEWS = {"O": "MLO", "ML": "MLO"}


def find(root: Path) -> Layout | None:
    """Recognise the arrangement by the names of its folders."""
    if not root.is_dir():
        return None
    below = [root, *sorted(path for path in root.rglob("*") if path.is_dir())]
    images = [path for path in below if _IMAGES.fullmatch(path.name)]
    masks = [path for path in below if _MASKS.fullmatch(path.name)]
    if not images or not masks:
        return None
    by_set: dict[str, dict[str, list[Path]]] = {}
    for folder in masks:
        found = _MASKS.fullmatch(folder.name)
        assert found is not None
        by_set.setdefault(found[1].upper(), {}).update(_masks_in(folder))
    entries, used = [], set()
    for folder in images:
        found = _IMAGES.fullmatch(folder.name)
        assert found is not None
        known = by_set.get(found[1].upper(), {})
        for path in files_below(folder, (".png", ".tif", ".tiff")):
            key = next((one for one in _keys(path) if one in known), "")
            used.add((found[1].upper(), key))
            entries.append(_entry(path, known.get(key, []), found[1]))
    left_out = [
        LeftOut(key, f"{key}: a mask of {name} without a film")
        for name, known in sorted(by_set.items())
        for key in sorted(known)
        if (name, key) not in used
    ]
    notes = ("pictures were changed before they were collected; size of pixels not known",)
    return Layout(NAME, tuple(sorted(entries, key=lambda one: one.name)), tuple(left_out), notes)


def _plain(path: Path) -> str:
    return path.stem.removesuffix("___PRE")


def _masks_in(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in files_below(folder, (".png", ".tif", ".tiff")):
        named = _MASK_NAME.fullmatch(_plain(path))
        found.setdefault(named[1] if named else _plain(path), []).append(path)
    return found


def _keys(path: Path) -> list[str]:
    """Return what the masks of a film may be called."""
    plain = _plain(path)
    return [plain, plain.removesuffix("_FULL"), plain.split("_")[0]]


def _entry(path: Path, masks: list[Path], source: str) -> Entry:
    plain = _plain(path)
    patient = next((found[1] for one in _PATIENTS if (found := one.search(plain))), plain)
    named = _SIDE_VIEW.search(plain.removesuffix("_FULL"))
    side = named[1][0].upper() if named else ""
    view = named[2].upper().removeprefix("DM_") if named else ""
    kind = "calcification" if "CALC" in source.upper() else "mass"
    findings = tuple(Finding(kind, shape=_shape(mask, plain), told=source) for mask in masks)
    return Entry(
        name=plain,
        path=path,
        patient=patient,
        laterality=side,
        view=_VIEWS.get(view, view),
        origin="file name",
        findings=findings,
        notes=() if masks else ("no mask of it is there: not known whether nothing is in it",),
    )


def _shape(path: Path, where: str) -> MaskShape:
    def read(size: tuple[int, int]) -> Mask:
        mask = read_mask(path, f"mask of {where}")
        if mask.shape != size:
            raise ImageError(
                f"mask of {where}: {mask.shape[1]} x {mask.shape[0]}, the film "
                f"{size[1]} x {size[0]}; the finding is kept without its place"
            )
        return np.asarray(mask)

    return MaskShape(read)
