"""propose(): images and slides in, first masks out, for a person to correct.

OUT/annotations/NAME.geojson    areas for QuPath, in level-0 pixels; or, asked for as masks,
OUT/masks/NAME.png              an image's labels in its own size: 1 tumor, 2 not tumor, 0 glass;
                                a slide's are NAME.ome.tif
OUT/overlays/NAME.jpg           the image with its areas over it
OUT/proposals.csv               what became of each: colours, areas, and scores where the truth is
                                known
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from breastseg.annotate.proposals.mask import (
    MPP,
    NOT_TUMOR,
    TUMOR,
    ColourConfig,
    Mask,
    Proposal,
    propose_mask,
)
from breastseg.annotate.proposals.score import count_pixels, find_truth, scores
from breastseg.annotate.proposals.write import write_areas, write_mask, write_overlay
from breastseg.errors import BreastsegError, IncompleteError, InputError, one_of_several
from breastseg.files import Remains, own_folder, write_table
from breastseg.histology.stain_check import doubts
from breastseg.histology.tissue import tissue_mask
from breastseg.images import Pixels, Slide, check_upright, open_slide
from breastseg.inference.inputs import Input, Inputs, list_inputs
from breastseg.metrics.confusion import Counts
from breastseg.reporter import TERMINAL, Reporter

_WRITERS = {"geojson": ("annotations", write_areas), "mask": ("masks", write_mask)}
FORMS = tuple(_WRITERS)
_REMAINS = Remains(rest=("proposals.csv",))

MAX_PIXELS = 16_000_000
"""Most pixels that are looked at: 64 mm2 at 2 um/px. A larger slide is looked at more coarsely, so
that memory does not grow with it."""


@dataclass(frozen=True)
class ProposeConfig:
    """What is proposed of which images.

    Attributes:
        colour: how tissue is told apart.
        mpp: microns per pixel of the inputs, when they do not say or say it wrong.
        form: "geojson" for QuPath, or "mask".
        truth: folder of masks (BCSS codes, names of the images) to score against; None scores
            nothing.
    """

    colour: ColourConfig = field(default_factory=ColourConfig)
    mpp: float | None = None
    form: str = "geojson"
    truth: str | None = None

    def __post_init__(self) -> None:
        """Refuse an unknown form."""
        if self.form not in FORMS:
            raise InputError(f"format '{self.form}': wanted {' or '.join(FORMS)}")


def propose(
    inputs: str | Path | Sequence[str | Path],
    out: str | Path,
    config: ProposeConfig = ProposeConfig(),
    *,
    reporter: Reporter = TERMINAL,
) -> list[dict[str, object]]:
    """Propose where tumour is by dominant colours alone: a starting point for a person, not a
    result.

    Args:
        inputs: images, slides, folders of them, or tables of slides (CSV: path, mpp, patient).
        out: folder of the proposals; must be empty or hold the same work, which is then done again.
        config: which colours, written how, scored against what.
        reporter: who hears of it.

    Returns:
        the rows of proposals.csv, one an input; with `truth` a last one for all together.

    Raises:
        ImageError, MppError, SourceError: the only input cannot be used, or has no truth.
        IncompleteError: some of several failed; the rest is done, and proposals.csv says what
            became of each.
    """
    listed = list_inputs([inputs] if isinstance(inputs, (str, Path)) else inputs)
    items, out = listed.items, Path(out)
    if len(items) == 1:
        # The only input is tried before the folder is made: a mistyped name leaves nothing behind.
        _check(items[0], config)
        if items[0].named:
            _opened(items[0], config).close()
    settings = {**asdict(config), "inputs": [[str(item.path), item.mpp] for item in items]}
    left_out: list[dict[str, object]] = []
    for entry in listed.left_out:
        left_out.append({"picture": str(entry.path), "outcome": "left out", "cause": entry.cause})
        reporter.message(str(entry))
    with own_folder(out, "propose", settings, remains=_REMAINS):
        rows, counts = _run(listed, out, config, reporter)
        if counts.any():
            rows.append({"picture": "all", "outcome": "done", **scores(counts)})
            reporter.message(f"all{_score_text(rows[-1])}")
        write_table(out / "proposals.csv", [*rows, *left_out])
    failed = [row for row in rows if row["outcome"] == "failed"]
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(items)} failed, the others are done; the first:"
            f" {failed[0]['cause']}; {out / 'proposals.csv'} tells of each"
        )
    return rows


def _check(item: Input, config: ProposeConfig) -> None:
    if item.box is not None:
        raise InputError(
            f"{item.path}: box '{item.box}' in the table, wanted none: whole images are proposed;"
            " leave the column out"
        )
    if config.truth is not None:
        find_truth(Path(config.truth), item.name)


def _opened(item: Input, config: ProposeConfig) -> Slide:
    if item.broken is not None:
        raise item.broken
    return open_slide(item.path, mpp=item.mpp or config.mpp)


def _run(
    listed: Inputs, out: Path, config: ProposeConfig, reporter: Reporter
) -> tuple[list[dict[str, object]], Counts]:
    """Propose each; return the rows of the table, and the counts of all together."""
    rows: list[dict[str, object]] = []
    total: Counts = np.zeros((2, 3), np.int64)
    several = len(listed.items) > 1
    for item in listed.items:
        try:
            with (
                one_of_several(str(item.path), several=several),
                closing(_opened(item, config)) as slide,
            ):
                _check(item, config)
                row, counts = _propose_one(slide, item.name, out, config)
        except BreastsegError as error:
            if not several:
                raise
            row = {"picture": str(item.path), "outcome": "failed", "cause": str(error)}
            reporter.message(f"failed: {error}")
        else:
            total += counts
            if row["doubts"]:
                reporter.message(f"warning: {item.path}: {row['doubts']}")
            reporter.message(
                f"{item.path}: {row['colours']}; tumor {row['tumor_mm2']:.3g} of"
                f" {row['tissue_mm2']:.3g} mm2{_score_text(row)}"
            )
        rows.append(row)
    return rows, total


def _propose_one(
    slide: Slide, name: str, out: Path, config: ProposeConfig
) -> tuple[dict[str, object], Counts]:
    """Write the proposal of one slide; return its row of the table, and its counts against the
    truth (0 without)."""
    check_upright(slide, "its proposal")  # a mask or areas, as `prepare` takes them
    width, height = slide.size_px
    mpp_that_fits = slide.mpp * (width * height / MAX_PIXELS) ** 0.5
    mpp = max(MPP, slide.mpp, mpp_that_fits)
    pixels = slide.read(mpp=mpp)
    tissue = _tissue(slide, pixels)
    proposal = propose_mask(pixels, config.colour, mpp=mpp, where=str(slide.path), tissue=tissue)
    counts: Counts = np.zeros((2, 3), np.int64)
    if config.truth is not None:
        truth = find_truth(Path(config.truth), name)
        counts = count_pixels(proposal.labels, truth, slide.size_px)
    folder, write = _WRITERS[config.form]
    path = write(slide, proposal.labels, out / folder, name)
    write_overlay(pixels, proposal.labels, out / "overlays" / f"{name}.jpg")
    # Of a doubt only the finding: what follows the semicolon is about a model.
    warnings = [doubt.partition("; ")[0] for doubt in doubts(pixels)]
    row = {
        "picture": str(slide.path),
        "outcome": "done",
        "cause": "",
        "mpp": slide.mpp,
        "mpp_source": slide.mpp_source,
        "result": path.relative_to(out).as_posix(),
        "colours": str(proposal.colours),
        **_areas(slide, proposal),
        "doubts": ", ".join(warnings),
    }
    return (row if config.truth is None else row | scores(counts)), counts


def _tissue(slide: Slide, pixels: Pixels) -> Mask | None:
    """Return where a slide has tissue, in the size of `pixels`; None for a flat image, all of
    which was meant."""
    if slide.is_flat:
        return None
    mask = tissue_mask(slide).view(np.uint8)
    size = pixels.shape[1], pixels.shape[0]
    # Exact: OpenCV's plain INTER_NEAREST takes the pixel at the corner, not at the centre.
    resized = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(resized > 0)


def _areas(slide: Slide, proposal: Proposal) -> dict[str, float]:
    """Return areas in mm2; labels lie over the whole slide, whatever their own size is."""
    slide_mm2 = slide.size_px[0] * slide.size_px[1] * slide.mpp**2 / 1e6
    counts = np.bincount(proposal.labels.ravel(), minlength=NOT_TUMOR + 1)
    share = counts / proposal.labels.size
    return {
        "tumor_mm2": float(share[TUMOR] * slide_mm2),
        "tissue_mm2": float((share[TUMOR] + share[NOT_TUMOR]) * slide_mm2),
    }


def _score_text(row: dict[str, object]) -> str:
    if "tumor_dice" not in row:
        return ""
    return (
        f"; Dice of tumor {row['tumor_dice']:.3f}, of calling everything tumor"
        f" {row['everything_tumor_dice']:.3f}"
    )
