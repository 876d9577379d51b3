"""dicom_out(): maps of DICOM slides -> DICOM files that belong to the slides' studies.

OUT/RESULT/annotations.dcm       the regions: Microscopy Bulk Simple Annotations
OUT/RESULT/measures.dcm          the measures: TID 1500
OUT/RESULT/segmentation_N.dcm    the map on level N of the slide, and on the coarser ones

RESULT is the result's folder in the maps.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from breastseg.errors import ImageError, InputError
from breastseg.files import Remains, fingerprint, own_folder
from breastseg.inference.finished import (
    Made,
    check_qupath_names,
    each_result,
    finished_results,
    regions_of,
    tell_failed,
)
from breastseg.maps.dicom.made import Making
from breastseg.maps.dicom.measures import write_measures
from breastseg.maps.dicom.regions import write_regions_dicom
from breastseg.maps.dicom.segmentation import KINDS, write_segmentation
from breastseg.maps.dicom.source import DicomSlide, read_dicom_slide
from breastseg.maps.files.label_tiles import label_tiles
from breastseg.maps.record import RUN
from breastseg.records import to_json
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources.annotations import read_drawn
from breastseg.wording import counted

_REMAINS = Remains(rest=("**/*.dcm",))
_OF_MAP = ("model", "model_files", "label_map", "measures", "box_level0_px", "packages")
"""What of run.json says that a map is another one."""
_APART = 0.01
"""Microns per pixel that differ by a larger share get a note."""


def dicom_out(
    maps: str | Path,
    out: str | Path,
    *,
    segmentation: str = "binary",
    reporter: Reporter = TERMINAL,
) -> int:
    """Write the results of DICOM slides as DICOM, beside the same study.

    The same maps give the same bytes and UIDs, so that a file sent twice is the same instance.

    Args:
        maps: folder that predict() wrote into, or one result in it.
        out: folder for the files.
        segmentation: "binary" (a frame for each class and tile) or "labelmap".
        reporter: who hears of it.

    Returns:
        how many files were written.

    Raises:
        InputError: no maps there, or a slide that is not the one that was mapped.
        ImageError: a slide that is no DICOM, or lacks what cannot be made up.
        MissingPackageError: highdicom is not installed.
        IncompleteError: some of several failed; the rest is done.
    """
    if segmentation not in KINDS:
        raise InputError(f"--segmentation {segmentation}: wanted {', '.join(KINDS)}")
    maps = Path(maps)
    out = Path(out)
    folders = finished_results(maps)
    files = 0
    settings = {"maps": str(maps), "segmentation": segmentation}
    with own_folder(out, "dicom", settings, remains=_REMAINS):

        def write(made: Made) -> None:
            nonlocal files
            # One result alone is in a folder of its name too, and never in OUT itself.
            name = Path(made.folder.resolve().name)
            if made.folder != maps:
                name = made.folder.relative_to(maps)
            files += _write(made, out / name, segmentation, reporter)

        failed = each_result(folders, write, reporter)
    reporter.message(f"{counted(files, 'DICOM file')}: {out}")
    tell_failed(failed, folders)
    return files


def _write(made: Made, folder: Path, kind: str, reporter: Reporter) -> int:
    """Write the files of one result; return how many."""
    slide = _slide(made)
    for note in (*slide.notes, *_resolution(made, slide)):
        reporter.message(f"{made.slide}: {note}")
    check_qupath_names(made, [entry.qupath for entry in made.label_map.classes])
    making = _making(made, slide)
    for left_over in folder.glob("*.dcm"):  # of another map of this slide
        left_over.unlink()
    labels = label_tiles(made.folder)
    # By the header's um/px and not by those of the map: the frames lie on the slide's levels.
    mpp = slide.levels[0].mpp * made.size_px[0] / labels.size_px[0]
    paths = write_segmentation(labels, made.label_map, slide, folder, making, kind=kind, mpp=mpp)
    if not paths:
        reporter.message(f"{made.slide}: nothing was analysed, no segmentation")
    drawn = read_drawn(regions_of(made.folder))
    regions = folder / "annotations.dcm"
    polygons = write_regions_dicom(drawn, made.label_map, slide, regions, making)
    write_measures(made.run.measures, made.label_map, slide, folder / "measures.dcm", making)
    return len(paths) + (polygons > 0) + 1


def _slide(made: Made) -> DicomSlide:
    """Return the slide, which must be the one that was mapped."""
    slide = read_dicom_slide(made.slide)
    if made.run.input_fingerprint != fingerprint(made.slide):
        raise InputError(
            f"{made.slide}: is not the slide that was mapped, or was changed since; map it again"
        )
    finest = slide.levels[0].size_px
    if finest != made.size_px:
        own_size, size = (" x ".join(map(str, sides)) for sides in (finest, made.size_px))
        raise ImageError(
            f"{made.slide}: its finest level has {own_size} px, the map is of {size}; give predict"
            " the folder of the slide"
        )
    return slide


def _resolution(made: Made, slide: DicomSlide) -> tuple[str, ...]:
    """Return a note where the map was made at another um/px than the header has."""
    header_mpp = slide.levels[0].mpp
    if abs(header_mpp / made.mpp - 1) <= _APART:
        return ()
    return (
        f"its header says {header_mpp:.4g} um/px and it was mapped at {made.mpp:.4g}: measures are"
        " those of the map, what a viewer measures follows the header",
    )


def _making(made: Made, slide: DicomSlide) -> Making:
    """Return what the UIDs and dates of the files are made of."""
    instances = [str(level.header.SOPInstanceUID) for level in slide.levels]
    run = to_json(made.run)
    of_map = {key: run[key] for key in _OF_MAP}
    if made.run.models is not None:
        of_map["models"] = run["models"]
    # UIDs follow from slide and map: the same map sent twice is one instance in an archive.
    seed = json.dumps([instances, of_map], sort_keys=True)
    made_at = (made.folder / RUN).stat().st_mtime
    when = datetime.fromtimestamp(made_at, tz=UTC)
    return Making(seed, made.run.model, when)
