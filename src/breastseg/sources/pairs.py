"""Matching pictures with masks or with what is drawn on them, by name."""

from collections.abc import Iterable
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.slides import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.sources.region import MASK_SUFFIXES, Pair


def files_in(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the folder's files with one of the suffixes, by name; hidden files left out."""
    wanted = tuple(suffixes)
    return sorted(p for p in folder.iterdir() if p.name.lower().endswith(wanted) and not p.name.startswith(".") and p.is_file())


def match_pairs(
    images: Path, masks: Path, *, split: str = "", mask_suffix: str = "", kinds: tuple[str, ...] = MASK_SUFFIXES
) -> tuple[Pair, ...]:
    """Match two folders by file stem (a mask's stem may carry `mask_suffix`); `kinds` are the suffixes of the second's files.

    Every picture must have a mask, and every mask a picture.

    Raises:
        SourceError: a picture without mask, a mask without picture, or two files of one name.
    """
    by_stem = _unique(files_in(masks, kinds), mask_suffix)
    own = bool(mask_suffix) and images == masks  # pictures and masks in one folder
    pictures = _unique([p for p in files_in(images, IMAGE_SUFFIXES) if not (own and p.stem.endswith(mask_suffix))], "")
    for stem, image in pictures.items():
        if stem not in by_stem:
            raise SourceError(f"{image}: has no mask, wanted {masks / (stem + mask_suffix + kinds[0])}; add it or take the image away")
    _check_pictures(by_stem, pictures, images)
    return tuple(Pair(image, by_stem[stem], split) for stem, image in pictures.items())


def match_drawn(folder: Path, suffix: str, kinds: tuple[str, ...]) -> tuple[tuple[Pair, ...], int]:
    """Match pictures and slides of a folder with the areas or dots beside them, whose stem may carry `suffix`.

    A slide that is a folder itself is known by its whole name.

    Returns:
        the pairs, and how many pictures and slides have nothing drawn.

    Raises:
        SourceError: areas or dots without picture, or two files of one name.
    """
    drawn = _unique(files_in(folder, kinds), suffix)
    pictures = files_in(folder, (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES))
    by_name = _unique([picture for picture in pictures if picture.stem in drawn], "")
    left_out = len(pictures) - len(by_name)
    for slide in (folder / name for name in drawn if (folder / name).is_dir() and is_slide_folder(folder / name)):
        if slide.name in by_name:
            raise SourceError(f"{slide}: second region named '{slide.name}' beside {by_name[slide.name].name}; rename one")
        by_name[slide.name] = slide
    _check_pictures(drawn, by_name, folder)
    return tuple(Pair(by_name[name], drawn[name]) for name in sorted(by_name)), left_out


def _check_pictures(masks: dict[str, Path], pictures: dict[str, Path], folder: Path) -> None:
    for stem, mask in masks.items():
        if stem not in pictures:
            raise SourceError(f"{mask}: has no image, wanted {folder / (stem + '.png')}; add it or take the mask away")


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
