"""What is done to a film between reading and writing: our steps, or those of a paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from breastseg.mammography import contrast
from breastseg.mammography.film import Film, Grey
from breastseg.mammography.masks import BACKGROUND, BREAST, MUSCLE, FilmMasks, masks_of
from breastseg.mammography.muscle_line import LINE, MuscleLine, with_line
from breastseg.mammography.papers import as_paper

if TYPE_CHECKING:
    from breastseg.mammography.prepare import FilmsConfig

_SIDE_VIEWS = ("ML", "LM", "LMO", "SIO", "ISO")


@dataclass(frozen=True)
class Processed:
    """A film after its steps.

    Attributes:
        film: as it came, mirrored where a paper mirrors it; its history tells the steps.
        pixels: (H, W) that are written.
        masks: of the film; a paper's own idea of the breast is in their labels.
        regions: (H, W) uint16 of bright regions, where a paper makes some.
        mirrored: whether left and right were exchanged.
        notes: what a person should know.
        cut: (H, W) the pixels that are not in `pixels` because they are muscle; None for none.
        muscle_by: how the muscle was found: a method, "line" for a person's, or "as 3.5".
    """

    film: Film
    pixels: Grey
    masks: FilmMasks
    regions: npt.NDArray[np.uint16] | None
    mirrored: bool
    notes: tuple[str, ...]
    cut: Grey | None
    muscle_by: str


def process(film: Film, config: FilmsConfig, line: MuscleLine | None = None) -> Processed:
    """Find the masks of a film and process its pixels.

    Args:
        film: at the size of pixels that is wanted.
        config: which steps.
        line: the muscle as a person put it, on an image of this size.

    Raises:
        ImageError: no breast is found on it.
    """
    if not config.as_paper:
        return _ours(film, config, line)
    done = _of_paper(film, config.as_paper)
    if line is None:
        return done
    unused = f"{LINE} was not used: --as-paper {config.as_paper} sets the steps itself"
    return replace(done, notes=(*done.notes, unused))


def _ours(film: Film, config: FilmsConfig, line: MuscleLine | None) -> Processed:
    # A person's line goes before what would be found.
    method = config.muscle if line is None else "none"
    masks = masks_of(
        film.pixels,
        film.mm_per_px,
        view=film.view,
        muscle=method,
        muscle_in_cc=config.muscle_in_cc,
    )
    if line is not None:
        masks = with_line(masks, line)
    pixels = film.pixels  # (H, W)
    history = []
    if config.denoise == "wiener":
        pixels = contrast.wiener(pixels)
    elif config.denoise == "median":
        pixels = contrast.median(pixels)
    if config.denoise != "none":
        history.append(f"denoised: {config.denoise}")
    if config.clahe:  # after the noise, which it would raise
        pixels = contrast.clahe(pixels)
        history.append("contrast equalised in places (CLAHE)")
    cut = None
    if not config.whole:
        is_muscle = masks.labels == MUSCLE
        if is_muscle.any():
            cut = np.where(is_muscle, pixels, np.uint16(0))
        pixels = np.where(masks.labels == BREAST, pixels, np.uint16(0))
        history.append("set to 0 outside the breast")
    notes = (*_view_notes(film, method), *masks.notes)
    written = np.asarray(pixels, np.uint16)
    by = method if line is None else "line"
    return Processed(film.told(*history), written, masks, None, False, notes, cut, by)


def _view_notes(film: Film, muscle: str) -> tuple[str, ...]:
    """Return what should be said of looking for the muscle in this view."""
    if muscle == "none":
        return ()
    if not film.view:
        return ("view not known: muscle is looked for as in an MLO",)
    if film.view in _SIDE_VIEWS:
        return (f"{film.view} view: its muscle is smaller than an MLO's, look at it",)
    return ()


def _of_paper(film: Film, section: str) -> Processed:
    """Process a film as a paper does, and say which settings the paper does not give."""
    prepared = as_paper(section, film.pixels, film.mm_per_px)
    # The side before the paper's steps tells whether they have mirrored the film.
    plain = masks_of(film.pixels, film.mm_per_px, muscle="none")
    mirrored = plain.chest_wall != prepared.masks.chest_wall
    labels = prepared.masks.labels.copy()
    labels[(labels == BREAST) & ~prepared.kept] = BACKGROUND
    labels[prepared.kept] = BREAST
    masks = replace(prepared.masks, labels=labels)
    if mirrored:
        turned = np.ascontiguousarray(film.pixels[:, ::-1])
        film = replace(film, pixels=turned)
    for step in prepared.steps:
        whose = "not in the paper" if step.ours else "as in the paper"
        film = film.told(f"as {section}: {step.name}, {step.setting} ({whose})")
    notes = [*masks.notes]
    if film.view not in ("", "MLO"):
        notes.append(f"{film.view} view: the steps of {section} are for MLO films")
    regions = None
    if prepared.regions is not None:
        regions = prepared.regions.clip(0, 65535).astype(np.uint16)
    pixels = np.asarray(prepared.pixels, np.uint16)
    by = f"as {section}"
    return Processed(film, pixels, masks, regions, mirrored, tuple(notes), None, by)
