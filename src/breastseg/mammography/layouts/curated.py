"""'Curated with masks': folders NAME-SELECTED-IMGS and NAME-SELECTED-MASKS (or -MSKS) of PNG.

Facts of this arrangement (several data sets put together for segmentation by others):
* A film is `X___PRE.png` or `X_FULL___PRE.png`; its masks are `X_MASK___PRE.png` and
  `X_MASK_2___PRE.png`. INbreast's films are `20586908_..._MG_R_CC_ANON`, the mask `20586908`.
* Side and view are in the names; BCDR writes RCC and RO (oblique).
* The images were changed before (denoised, cropped): grey values are not the original's.
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
    images: list[tuple[str, Path]] = []  # name of the set, its folder of films
    masks: dict[str, dict[str, list[Path]]] = {}  # set in capitals -> name of a mask -> files
    for folder in [root, *sorted(root.rglob("*"))]:
        if not folder.is_dir():
            continue
        if match := _IMAGES.fullmatch(folder.name):
            images.append((match[1], folder))
        elif match := _MASKS.fullmatch(folder.name):
            masks.setdefault(match[1].upper(), {}).update(_masks_in(folder))
    if not images or not masks:
        return None
    entries = []
    used = set()
    for source, folder in images:
        of_set = masks.get(source.upper(), {})
        for path in files_below(folder, (".png", ".tif", ".tiff")):
            key = ""
            for name in _keys(path):
                if name in of_set:
                    key = name
                    break
            used.add((source.upper(), key))
            entries.append(_entry(path, of_set.get(key, []), source))
    left_out = []
    for source, of_set in sorted(masks.items()):
        for key in sorted(of_set):
            if (source, key) not in used:
                left_out.append(LeftOut(key, f"{key}: a mask of {source} without a film"))
    entries.sort(key=lambda entry: entry.name)
    notes = ("images were changed before they were collected; size of pixels not known",)
    return Layout(NAME, tuple(entries), tuple(left_out), notes)


def _plain(path: Path) -> str:
    return path.stem.removesuffix("___PRE")


def _masks_in(folder: Path) -> dict[str, list[Path]]:
    """Return the masks of a folder, by the name that they share with their film."""
    masks: dict[str, list[Path]] = {}
    for path in files_below(folder, (".png", ".tif", ".tiff")):
        name = _plain(path)
        match = _MASK_NAME.fullmatch(name)
        masks.setdefault(match[1] if match else name, []).append(path)
    return masks


def _keys(path: Path) -> list[str]:
    """Return what the masks of a film may be called."""
    plain = _plain(path)
    return [plain, plain.removesuffix("_FULL"), plain.split("_")[0]]


def _entry(path: Path, masks: list[Path], source: str) -> Entry:
    plain = _plain(path)
    side, view = "", ""
    match = _SIDE_VIEW.search(plain.removesuffix("_FULL"))
    if match:
        side = match[1][0].upper()
        view = match[2].upper().removeprefix("DM_")
    kind = "calcification" if "CALC" in source.upper() else "mass"
    findings = []
    for mask in masks:
        findings.append(Finding(kind, shape=_shape(mask, plain), told=source))
    return Entry(
        name=plain,
        path=path,
        patient=_patient_of(plain),
        laterality=side,
        view=_VIEWS.get(view, view),
        origin="file name",
        findings=tuple(findings),
        notes=() if masks else ("no mask of it is there: not known whether nothing is in it",),
    )


def _patient_of(name: str) -> str:
    """Return the patient in a film's name; a film that names nobody is of a patient of its own."""
    for pattern in _PATIENTS:  # the more particular first
        match = pattern.search(name)
        if match:
            return match[1]
    return name


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
