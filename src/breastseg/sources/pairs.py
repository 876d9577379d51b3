"""Matching images with masks or with what is drawn on them, by name.

What belongs to `x.svs` is called `x` or `x.svs`, and what belongs to `x.ome.tif` is called `x`,
`x.ome` or `x.ome.tif`: with the ending of a mask or of drawn areas. The case of endings does not
matter. Where two files would fit, neither is taken.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from breastseg.errors import SourceError
from breastseg.images import IMAGE_SUFFIXES, SLIDE_SUFFIXES, is_slide_folder
from breastseg.sources.region import MASK_SUFFIXES, Pair

GEOJSON_SUFFIXES = (".geojson", ".geojson.gz")
XML_SUFFIXES = (".xml",)

_PICTURES = (*IMAGE_SUFFIXES, *SLIDE_SUFFIXES)
_INNER = ".ome"
_ZARR = ".zarr"


def files_in(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the folder's files with one of the suffixes, by name; hidden files left out."""
    wanted = tuple(suffixes)
    files = []
    for path in folder.iterdir():
        is_hidden = path.name.startswith(".")
        # The system is asked last: a folder may hold 30,000 tiles.
        if path.name.lower().endswith(wanted) and not is_hidden and path.is_file():
            files.append(path)
    return sorted(files)


def names_of(picture: Path) -> tuple[str, ...]:
    """Return the names under which an image's mask or areas are looked for, its own whole name
    last."""
    whole = _plain(picture.name)
    name = whole
    for ending in (*_PICTURES, _ZARR):
        if whole.endswith(ending):
            name = whole.removesuffix(ending)
            break
    names = (name.removesuffix(_INNER), name, whole)
    # A dictionary keeps the order and leaves out what is there twice.
    return tuple(dict.fromkeys(filter(None, names)))


def areas_of(picture: Path) -> list[Path]:
    """Return the GeoJSON files beside an image or slide that belong to it."""
    names = names_of(picture)
    own = []
    for path in files_in(picture.parent, GEOJSON_SUFFIXES):
        if _name(path, "", GEOJSON_SUFFIXES) in names:
            own.append(path)
    return own


def others_of(areas: Path, picture: Path) -> list[Path]:
    """Return the images and slides beside this one to which a GeoJSON file would belong too."""
    name = _name(areas, "", GEOJSON_SUFFIXES)
    others = []
    for path in files_in(picture.parent, _PICTURES):
        if path != picture and name in names_of(path):
            others.append(path)
    return others


def match_pairs(
    images: Path,
    masks: Path,
    *,
    split: str = "",
    mask_suffix: str = "",
    kinds: tuple[str, ...] = MASK_SUFFIXES,
) -> tuple[Pair, ...]:
    """Match two folders by file name (a mask's may carry `mask_suffix`); `kinds` are the suffixes
    of the second's files.

    Every image must have a mask, and every mask an image. Slides beside images with masks are
    of other work where none of them has a mask; where one has, all must.

    Raises:
        SourceError: an image without mask, a mask without image, or two files that fit one.
    """
    pictures = files_in(images, _PICTURES)
    if mask_suffix and images == masks:
        # Masks are images too, and lie in the same folder.
        pictures = [path for path in pictures if not _carries(path, mask_suffix, _PICTURES)]
    others = [path for path in files_in(masks, kinds) if _carries(path, mask_suffix, kinds)]
    flat: list[Path] = []
    slides: list[Path] = []
    for picture in pictures:
        is_slide = picture.name.lower().endswith(SLIDE_SUFFIXES)
        (slides if is_slide else flat).append(picture)
    if flat:
        slides_with_mask, _ = _matched(slides, others, mask_suffix, kinds)
        if not slides_with_mask:
            pictures = flat
    by_name: dict[str, Path] = {}
    for picture in pictures:
        name = names_of(picture)[0]
        if name in by_name:
            raise SourceError(
                f"{picture}: second region named '{name}' beside {by_name[name].name}; rename one"
            )
        by_name[name] = picture
    matched, alone = _matched(pictures, others, mask_suffix, kinds)
    for picture in pictures:
        if picture not in matched:
            wanted = masks / (picture.stem + mask_suffix + kinds[0])
            looked_for = " and ".join(name + mask_suffix for name in names_of(picture))
            raise SourceError(
                f"{picture}: has no mask, wanted {wanted}; add it or take the image away (looked"
                f" for {looked_for} with {', '.join(kinds)})"
            )
    _check_none_alone(alone, images, mask_suffix, kinds, _PICTURES)
    return tuple(Pair(picture, matched[picture], split) for picture in pictures)


def match_drawn(folder: Path, suffix: str, kinds: tuple[str, ...]) -> tuple[tuple[Pair, ...], int]:
    """Match images and slides of a folder with the areas or dots beside them, whose name may
    carry `suffix`.

    Returns:
        the pairs, and how many images and slides have nothing drawn.

    Raises:
        SourceError: areas or dots without image, or two files that fit one.
    """
    drawn = [path for path in files_in(folder, kinds) if _carries(path, suffix, kinds)]
    pictures = files_in(folder, _PICTURES)
    names = {_name(path, suffix, kinds) for path in drawn}
    slide_folders = []
    for path in sorted(folder.iterdir()):
        # Names first: to look into a folder takes longest.
        is_named = not names.isdisjoint(names_of(path))
        if is_named and path.is_dir() and is_slide_folder(path):
            slide_folders.append(path)
    matched, alone = _matched([*pictures, *slide_folders], drawn, suffix, kinds)
    _check_none_alone(alone, folder, suffix, kinds, _PICTURES)
    ordered = sorted(matched, key=lambda picture: names_of(picture)[0])
    pairs = tuple(Pair(picture, matched[picture]) for picture in ordered)
    return pairs, len(set(pictures) - matched.keys())


def is_called(path: Path, suffix: str, kinds: Sequence[str]) -> bool:
    """Return whether a file has one of the endings, with `suffix` before it."""
    return path.name.lower().endswith(tuple(kinds)) and _carries(path, suffix, kinds)


def _matched(
    pictures: list[Path], others: list[Path], suffix: str, kinds: Sequence[str]
) -> tuple[dict[Path, Path], list[Path]]:
    """Return each image's mask or areas, for those that have one, and the masks or areas that
    have no image."""
    pictures_of: dict[str, list[Path]] = {}
    for picture in pictures:
        for name in names_of(picture):
            pictures_of.setdefault(name, []).append(picture)
    matched: dict[Path, Path] = {}
    alone: list[Path] = []
    for other in others:
        name = _name(other, suffix, kinds)
        candidates = pictures_of.get(name, [])
        if name not in pictures_of and kinds == MASK_SUFFIXES:
            # A mask may itself be an OME-TIFF: x.ome.tif beside x.png.
            candidates = pictures_of.get(name.removesuffix(_INNER), [])
        if not candidates:
            alone.append(other)
            continue
        picture, *rest = candidates
        if rest:
            raise SourceError(
                f"{rest[0]}: second region named '{name}' beside {picture.name}; rename one"
            )
        if picture in matched:
            raise SourceError(
                f"{other}: belongs to {picture.name}, as {matched[picture].name} does; keep one of"
                " them"
            )
        matched[picture] = other
    return matched, alone


def _check_none_alone(
    alone: list[Path], folder: Path, suffix: str, kinds: Sequence[str], wanted: Sequence[str]
) -> None:
    """Refuse masks or areas without image; the first is named."""
    for other in alone:
        name = _name(other, suffix, kinds)
        file_name = name if name.endswith(tuple(wanted)) else name + wanted[0]
        raise SourceError(
            f"{other}: has no image, wanted {folder / file_name}; add it or take the mask away"
            f" (looked for {name} with {', '.join(wanted)})"
        )


def _plain(name: str) -> str:
    """Return a name with its known endings in small letters."""
    for ending in (*_PICTURES, _ZARR, _INNER):
        if name.lower().endswith(ending):
            # Again, for there may be two: .ome.tif.
            return _plain(name[: -len(ending)]) + ending
    return name


def _bare(path: Path, kinds: Sequence[str]) -> str:
    """Return a file's name without its ending, the longest that fits."""
    ending = max((end for end in kinds if path.name.lower().endswith(end)), key=len)
    return path.name[: -len(ending)]


def _carries(path: Path, suffix: str, kinds: Sequence[str]) -> bool:
    """Return whether a file's name has the suffix before its ending."""
    if not suffix:
        return True
    return _bare(path, kinds).lower().removesuffix(_INNER).endswith(suffix.lower())


def _name(path: Path, suffix: str, kinds: Sequence[str]) -> str:
    """Return the image's name that a mask or file of areas carries in its own."""
    name = _bare(path, kinds)
    if suffix:
        # x_mask.ome.tif belongs to x, too.
        if name.lower().endswith(suffix.lower() + _INNER):
            name = name[: -len(_INNER)]
        name = name[: -len(suffix)]
    return _plain(name)
