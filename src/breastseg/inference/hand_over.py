"""hand_over(): maps that are made -> the mask of one class, as another pipeline reads it.

OUT/contours_geojson/SLIDE.geojson                  for TRIDENT: its --job_dir
OUT/masks/SLIDE.tif, OUT/slides.csv                 for hs2p: its csv
OUT/patches/SLIDE.h5, OUT/process_list_autogen.csv  for CLAM: its --data_h5_dir and --csv_path

SLIDE is the slide's file name without its ending, as these programs call it.
"""

from pathlib import Path

from breastseg.errors import InputError
from breastseg.files import Remains, own_folder, write_table
from breastseg.inference.finished import (
    Made,
    check_qupath_names,
    each_result,
    finished_results,
    regions_of,
    tell_failed,
)
from breastseg.maps.files.label_tiles import label_tiles
from breastseg.maps.files.masks import patches_of, write_contours, write_mask, write_patches
from breastseg.reporter import TERMINAL, Reporter
from breastseg.sources.annotations import read_drawn
from breastseg.wording import counted

PIPELINES = ("trident", "clam", "hs2p")
_REMAINS = Remains(rest=("contours_geojson", "masks", "patches", "*.csv"))


def hand_over(
    maps: str | Path,
    out: str | Path,
    pipeline: str,
    *,
    class_name: str = "tumor",
    patch_px: int = 256,
    reporter: Reporter = TERMINAL,
) -> int:
    """Write the mask of a class of every slide that is mapped, for another pipeline.

    Args:
        maps: folder that predict() wrote into, or one result in it.
        out: folder for the other pipeline.
        pipeline: one of PIPELINES.
        class_name: a class of the maps.
        patch_px: side of a patch at level 0, for clam.
        reporter: who hears of it.

    Returns:
        how many slides have the class.

    Raises:
        InputError: no maps there, no such pipeline, two slides of one name.
        LabelError: a map has no such class.
        IncompleteError: some of several failed; the rest is done.
    """
    if pipeline not in PIPELINES:
        raise InputError(f"--for {pipeline}: wanted {', '.join(PIPELINES)}")
    if not 32 <= patch_px <= 2**15:
        raise InputError(f"--patch {patch_px}: wanted 32 to {2**15} pixels at level 0")
    folders = finished_results(Path(maps))
    settings = {"maps": str(maps), "for": pipeline, "class": class_name}
    if pipeline == "clam":
        settings["patch_px"] = str(patch_px)
    out = Path(out)
    rows: list[dict[str, object]] = []
    with_class = 0
    names: dict[str, Path] = {}
    with own_folder(out, "masks", settings, remains=_REMAINS):

        def write(made: Made) -> None:
            nonlocal with_class
            # These pipelines know a slide by its file name alone, whatever folder it lies in.
            if made.name in names:
                raise InputError(
                    f"{made.slide}: second slide called '{made.name}', the first is"
                    f" {names[made.name]}; {pipeline} would take one for the other"
                )
            names[made.name] = made.slide
            row, has_class = _write(made, out, pipeline, class_name, patch_px)
            with_class += has_class
            if not has_class:
                reporter.message(f"{made.slide}: no {class_name}")
            if row:
                rows.append(row)

        failed = each_result(folders, write, reporter)
        if pipeline != "trident":
            write_table(out / _LISTS[pipeline], rows, _COLUMNS[pipeline])
    reporter.message(f"{counted(with_class, 'slide')} with {class_name} for {pipeline}: {out}")
    tell_failed(failed, folders)
    return with_class


_LISTS = {"hs2p": "slides.csv", "clam": "process_list_autogen.csv"}
_COLUMNS = {
    "hs2p": ("sample_id", "image_path", "mask_path"),
    "clam": ("slide_id", "process", "status"),
}


def _write(
    made: Made, out: Path, pipeline: str, class_name: str, patch_px: int
) -> tuple[dict[str, object], bool]:
    """Write one slide's mask; return its row for the list of slides, empty where it has none, and
    whether the slide has the class."""
    label = _label(made, class_name)
    if pipeline == "trident":
        qupath = made.label_map.classes[label - 1].qupath
        check_qupath_names(made, (qupath,))
        path = out / "contours_geojson" / f"{made.name}.geojson"
        contours = write_contours(read_drawn(regions_of(made.folder)), qupath, path)
        return {}, contours > 0
    labels = label_tiles(made.folder)
    if pipeline == "hs2p":
        path = (out / "masks" / f"{made.name}.tif").absolute()
        mpp = made.mpp * made.size_px[0] / labels.size_px[0]
        has_class = write_mask(labels, label, path, mpp=mpp)
        row: dict[str, object] = {
            "sample_id": made.name,
            "image_path": str(made.slide.absolute()),
            "mask_path": str(path),
        }
        return row, has_class
    corners = patches_of(labels, label, made.size_px, patch_px)  # (N, 2)
    if not len(corners):
        return {}, False
    path = out / "patches" / f"{made.name}.h5"
    write_patches(corners, path, patch_px=patch_px, size_px=made.size_px, name=made.name)
    return {"slide_id": made.slide.name, "process": 1, "status": "processed"}, True


def _label(made: Made, class_name: str) -> int:
    """Return the label of a class of a map; case does not matter."""
    names = [name.casefold() for name in made.label_map.names]
    if class_name.casefold() not in names:
        raise InputError(
            f"{made.folder}: class '{class_name}' is none of its map's"
            f" ({', '.join(made.label_map.names)}); choose one with --class"
        )
    return names.index(class_name.casefold()) + 1
