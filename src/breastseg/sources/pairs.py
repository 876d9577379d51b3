"""Matching pictures with masks by name; every picture must have one, and every mask a picture."""

from collections.abc import Iterable
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.slides import IMAGE_SUFFIXES
from breastseg.sources.region import MASK_SUFFIXES, Pair


def files_in(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the folder's files with one of the suffixes, by name; hidden files left out."""
    wanted = tuple(suffixes)
    return sorted(p for p in folder.iterdir() if p.name.lower().endswith(wanted) and not p.name.startswith(".") and p.is_file())


def match_pairs(
    images: Path, masks: Path, *, split: str = "", mask_suffix: str = "", kinds: tuple[str, ...] = MASK_SUFFIXES
) -> tuple[Pair, ...]:
    """Match two folders by file stem (a mask's stem may carry `mask_suffix`); `kinds` are the suffixes of the second's files.

    Raises:
        SourceError: a picture without mask, a mask without picture, or two files of one name.
    """
    by_stem = _unique(files_in(masks, kinds), mask_suffix)
    own = bool(mask_suffix) and images == masks  # pictures and masks in one folder
    pictures = _unique([p for p in files_in(images, IMAGE_SUFFIXES) if not (own and p.stem.endswith(mask_suffix))], "")
    for stem, image in pictures.items():
        if stem not in by_stem:
            raise SourceError(f"{image}: has no mask, wanted {masks / (stem + mask_suffix + kinds[0])}; add it or take the image away")
    for stem, mask in by_stem.items():
        if stem not in pictures:
            raise SourceError(f"{mask}: has no image, wanted {images / (stem + '.png')}; add it or take the mask away")
    return tuple(Pair(image, by_stem[stem], split) for stem, image in pictures.items())


def _unique(paths: list[Path], suffix: str) -> dict[str, Path]:
    by_stem: dict[str, Path] = {}
    for path in paths:
        stem = (path.with_suffix("") if path.suffix.lower() == ".gz" else path).stem
        if not stem.endswith(suffix):
            continue
        stem = stem.removesuffix(suffix)
        if stem in by_stem:
            raise SourceError(f"{path}: second region named '{stem}' beside {by_stem[stem].name}; rename one")
        by_stem[stem] = path
    return by_stem
