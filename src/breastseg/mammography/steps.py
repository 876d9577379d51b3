"""The steps from a film to its prepared folder: size, masks, noise, contrast, files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from breastseg.files import write_json, written
from breastseg.json_files import JsonObject
from breastseg.mammography.density import density_of
from breastseg.mammography.dicom_mg import is_dicom
from breastseg.mammography.film import Film, resample_film
from breastseg.mammography.findings import Finding, Mask, mirrored, paint_shape, scaled
from breastseg.mammography.layouts.entry import Entry
from breastseg.mammography.masks import FilmMasks
from breastseg.mammography.muscle_line import LINE, MuscleLine, fitted_to, line_hash, read_line
from breastseg.mammography.overlay import overlay
from breastseg.mammography.processing import Processed, process
from breastseg.mammography.reading import Known, read_entry
from breastseg.mammography.record import (
    CUT,
    LABELS,
    RECORD,
    areas_of,
    finding_rows,
    lengths_of,
    mask_name,
    read_record,
)
from breastseg.mammography.seg import SEG, write_seg

if TYPE_CHECKING:
    from breastseg.mammography.prepare import FilmsConfig


def write_film(entry: Entry, folder: Path, name: str, data_set: str, config: FilmsConfig) -> None:
    """Read a film and write all its files into a folder, its record last.

    Args:
        entry: of a layout.
        folder: empty, or that of the same film, where a person may have put the muscle's line.
        name: of the film.
        data_set: of the film.
        config: what is done.

    Raises:
        ImageError: the film is not taken, or no breast is found on it.
        DatasetError: muscle.json is broken, or of another film.
    """
    line_digest = line_hash(folder)  # before it is read: a change meanwhile is seen next time
    line = read_line(folder / LINE, name)
    known = read_entry(replace(entry, name=name), config.pixel_mm)
    film = known.film
    factor = 1.0
    if config.mm_per_px is not None:
        film, factor = resample_film(film, config.mm_per_px)
    size = (film.pixels.shape[0], film.pixels.shape[1])
    done = process(film, config, _on_film(line, size, name))
    film = done.film
    film_masks = done.masks
    findings, masks = _moved(known, factor, size, mirror=done.mirrored)
    notes = [*known.notes, *done.notes, *_chest_wall_notes(film, done)]
    notes += _outside_breast(findings, masks, film_masks.labels)
    _write_png(folder / "image.png", done.pixels)
    if done.cut is None:
        # The folder may be of a run before the muscle's line was moved away.
        (folder / CUT).unlink(missing_ok=True)
    else:
        _write_png(folder / CUT, done.cut)
    _write_png(folder / "labels.png", film_masks.labels)
    if done.regions is not None:
        _write_png(folder / "regions.png", done.regions)
    for place, mask in masks.items():
        _write_png(folder / mask_name(place), mask.astype(np.uint8) * 255)
    _write_overlay(folder / "overlay.jpg", film, film_masks, findings, masks)
    if config.seg:
        notes += _write_seg(folder / SEG, entry, name, done, config)
    density, density_notes = _density(film, film_masks, is_measured=not config.as_paper)
    notes += density_notes
    record = _record(name, data_set, entry, known, film, film_masks, notes)
    record["mirrored"] = done.mirrored
    record["muscle_by"] = done.muscle_by
    record["muscle_line"] = line_digest
    record["findings"] = finding_rows(findings, masks)
    record.update(density)
    # Last: a folder with its record is whole.
    write_json(folder / RECORD, record)


def _moved(
    known: Known, factor: float, size: tuple[int, int], *, mirror: bool
) -> tuple[tuple[Finding, ...], dict[int, Mask]]:
    """Return the findings of a film, and their masks, on its prepared image.

    Args:
        known: the film as it was read.
        factor: its new size over its old one.
        size: (H, W) of the prepared image.
        mirror: whether left and right are exchanged on it.
    """
    findings = []
    for finding in known.findings:
        finding = scaled(finding, factor)
        findings.append(mirrored(finding, size[1]) if mirror else finding)
    masks = {}
    for place, mask in known.masks.items():
        mask = _resized(mask, size)
        masks[place] = np.ascontiguousarray(mask[:, ::-1]) if mirror else mask
    return tuple(findings), masks


def _write_seg(
    path: Path, entry: Entry, name: str, done: Processed, config: FilmsConfig
) -> list[str]:
    """Write the masks as DICOM where the film is; else say that there are none."""
    if not is_dicom(entry.path):
        return [f"no {SEG}: the film is no DICOM file"]
    labels = done.masks.labels  # (H, W)
    if done.mirrored:  # back: it lies over the film as the archive has it
        labels = np.ascontiguousarray(labels[:, ::-1])
    way = f"as {config.as_paper}" if config.as_paper else config.muscle
    write_seg(path, entry.path, labels, name, way)
    return []


def _density(
    film: Film, masks: FilmMasks, *, is_measured: bool
) -> tuple[JsonObject, tuple[str, ...]]:
    """Return the bright share of the breast with the density proposed, and why there is none.

    The film's own pixels are measured, before noise and contrast are changed. A paper's steps have
    another idea of breast and muscle; nothing is measured by them.
    """
    if not is_measured:
        return {"fibroglandular_share": None, "density_proposed": "", "density_also": ""}, ()
    density = density_of(film.pixels, masks, film.mm_per_px)
    share = density.fibroglandular_share
    is_known = not np.isnan(share)
    row: JsonObject = {
        "fibroglandular_share": round(share, 4) if is_known else None,  # JSON has no NaN
        "density_proposed": density.category,
        "density_also": density.also,
    }
    return row, () if is_known else density.notes


def is_prepared(folder: Path) -> bool:
    """Return whether a film's folder is whole, and made with the line that lies there now.

    Folders of before density was measured are not: they are prepared again.
    """
    if not (folder / RECORD).is_file():
        return False
    record = read_record(folder / RECORD)
    is_measured = "fibroglandular_share" in record
    return is_measured and bool(record.get("muscle_line") == line_hash(folder))


def _on_film(line: MuscleLine | None, size: tuple[int, int], name: str) -> MuscleLine | None:
    """Return a person's line in the pixels of a film of (H, W)."""
    if line is None:
        return None
    height, width = size
    return fitted_to(line, (width, height), name)


def _chest_wall_notes(film: Film, done: Processed) -> list[str]:
    """Say where the header and the image put the chest wall on different sides."""
    masks = done.masks
    if done.mirrored or not film.chest_wall or not masks.chest_wall_sure:
        return []
    if film.chest_wall == masks.chest_wall:
        return []
    return [
        f"chest wall: the header says {film.chest_wall}, the image {masks.chest_wall}; "
        "the image is believed"
    ]


def _outside_breast(
    findings: tuple[Finding, ...], masks: Mapping[int, Mask], labels: npt.NDArray[np.uint8]
) -> list[str]:
    """Name the findings of which less than a tenth lies on breast or muscle.

    So does a table that counts from another corner, or is of another copy of the images.
    """
    tissue = (labels == LABELS["breast"]) | (labels == LABELS["muscle"])
    notes = []
    for place, finding in enumerate(findings):
        if finding.shape is None:
            continue
        area = masks.get(place)  # (H, W)
        if area is None:
            area = paint_shape(finding.shape, (tissue.shape[0], tissue.shape[1]))
        if np.count_nonzero(area & tissue) < 0.1 * np.count_nonzero(area):
            notes.append(f"finding {place + 1} lies outside the breast: is its table of this film?")
    return notes


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return a mask (H, W) in another size; a pixel is in it where half of it was.

    A mask that is smaller than that everywhere keeps each pixel that it touches.
    """
    if mask.shape == size:
        return mask
    values = mask.astype(np.float32)
    shares = cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    half = shares >= 0.5
    if half.any():
        return np.asarray(half)
    return np.asarray(shares > 0)


def _record(
    name: str,
    data_set: str,
    entry: Entry,
    known: Known,
    film: Film,
    masks: FilmMasks,
    notes: list[str],
) -> JsonObject:
    """Return what film.json says of a film, without its findings and its density."""
    height, width = film.pixels.shape
    read_height, read_width = known.film.pixels.shape
    labels = np.asarray(masks.labels, np.uint8)
    score = masks.muscle_score  # NaN where there is none, which JSON does not have
    return {
        "film": name,
        "data_set": data_set,
        "patient": entry.patient,
        "laterality": film.laterality,
        "laterality_origin": film.laterality_origin,
        "view": film.view,
        "view_origin": film.view_origin,
        "width_px": width,
        "height_px": height,
        "mm_per_px": film.mm_per_px,
        "mm_origin": film.mm_origin,
        "read": {
            "width_px": read_width,
            "height_px": read_height,
            "mm_per_px": known.film.mm_per_px,
        },
        "chest_wall": masks.chest_wall,
        "chest_wall_sure": bool(masks.chest_wall_sure),
        "muscle_score": None if np.isnan(score) else round(score, 3),
        **areas_of(labels, film.mm_per_px),
        **lengths_of(labels),
        "labels": LABELS,
        "history": list(film.history),
        "notes": notes,
        "facts": dict(entry.facts),
    }


def _write_png(path: Path, values: npt.NDArray[Any]) -> None:
    with written(path) as unfinished:
        Image.fromarray(np.ascontiguousarray(values)).save(unfinished, "PNG", compress_level=6)


_FINDING = (64, 200, 255)
"""RGB of the outline of a finding."""


def _write_overlay(
    path: Path,
    film: Film,
    film_masks: FilmMasks,
    findings: tuple[Finding, ...],
    masks: Mapping[int, Mask],
) -> None:
    """Write the film with the outlines of its masks and findings, made small."""
    canvas = overlay(film.pixels, film_masks)  # (h, w, 3)
    size = (canvas.shape[0], canvas.shape[1])
    factor = size[1] / film.pixels.shape[1]
    for place, finding in enumerate(findings):
        if place in masks:
            area = _resized(masks[place], size)
        elif finding.shape is not None:
            small = scaled(finding, factor).shape
            assert small is not None
            area = paint_shape(small, size)
        else:
            continue
        outline = area.astype(np.uint8)
        edges, _ = cv2.findContours(outline, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, edges, -1, _FINDING, thickness=2)
    with written(path) as unfinished:
        Image.fromarray(canvas).save(unfinished, "JPEG", quality=88)
