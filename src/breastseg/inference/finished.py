"""Results that predict() finished, for what is made of them later: masks, DICOM."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from breastseg.errors import BreastsegError, IncompleteError, InputError, one_of_several
from breastseg.geometry import check_mpp
from breastseg.labels import LabelMap
from breastseg.maps.record import (
    MANIFEST_TABLE,
    PACKED_REGIONS,
    REGIONS,
    RUN,
    RunRecord,
    read_run_json,
)
from breastseg.reporter import Reporter
from breastseg.tables import read_table


@dataclass(frozen=True)
class Made:
    """A result that is whole.

    Attributes:
        folder: of the result.
        run: its run.json.
    """

    folder: Path
    run: RunRecord

    @property
    def slide(self) -> Path:
        """The input, as predict() was given it."""
        return Path(self.run.input)

    @property
    def name(self) -> str:
        """What other programs call the slide."""
        return self.slide.stem

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) of the slide at level 0."""
        return self.run.size_px

    @property
    def mpp(self) -> float:
        """Microns per pixel at level 0."""
        return self.run.mpp

    @property
    def label_map(self) -> LabelMap:
        """Names the classes."""
        return self.run.label_map


def finished_results(maps: Path) -> list[Path]:
    """Return the folders of results that are whole, in the order of the manifest.

    Args:
        maps: folder that predict() wrote into, or one result in it.

    Raises:
        InputError: no maps there.
    """
    if (maps / RUN).is_file():
        return [maps]
    if not (maps / MANIFEST_TABLE).is_file():
        raise InputError(
            f"{maps}: no manifest.csv and no run.json, wanted a folder of breastseg predict (of"
            " shards, after breastseg gather)"
        )
    table = read_table(maps / MANIFEST_TABLE, InputError, needed=("outcome", "result"), others=True)
    done = [maps / row["result"] for row in table.rows if row["outcome"] == "done"]
    inside = maps.resolve()
    for folder in done:
        if not folder.resolve().is_relative_to(inside):
            raise InputError(f"{maps / 'manifest.csv'}: {folder} is not in the folder; mend it")
    if not done:
        raise InputError(f"{maps}: no slide is done, see manifest.csv there")
    return done


def each_result(
    folders: Sequence[Path], work: Callable[[Made], None], reporter: Reporter
) -> list[str]:
    """Do something with each result; return what failed, where there are several. The error of a
    single one is raised."""
    failed = []
    for folder in folders:
        try:
            with one_of_several(str(folder), several=len(folders) > 1):
                work(read_made(folder))
        except BreastsegError as error:
            if len(folders) == 1:
                raise
            failed.append(str(error))
            reporter.message(f"failed: {error}")
    return failed


def tell_failed(failed: Sequence[str], folders: Sequence[Path]) -> None:
    """Raise IncompleteError where some failed."""
    if failed:
        rest = ", the others are done" if len(failed) < len(folders) else ""
        raise IncompleteError(
            f"{len(failed)} of {len(folders)} failed{rest}; the first: {failed[0]}"
        )


def read_made(folder: Path) -> Made:
    """Read a result's run.json; InputError when it is none."""
    try:
        run = RunRecord.from_dict(read_run_json(folder))
    except ValueError as cause:
        raise InputError(
            f"{folder / RUN}: not a result's run.json ({cause}); make the map again"
        ) from None
    check_mpp(run.mpp, str(folder / RUN))
    return Made(folder, run)


def check_qupath_names(made: Made, wanted: Sequence[str]) -> None:
    """Refuse a map of which two classes have one name in regions.geojson."""
    names = [entry.qupath for entry in made.label_map.classes]
    for qupath in wanted:
        if names.count(qupath) > 1:
            raise InputError(
                f"{made.folder}: two classes are called '{qupath}' in its regions; give them QuPath"
                " names of their own in the label map"
            )


def regions_of(folder: Path) -> Path:
    """Return the file of a result's regions."""
    packed = folder / PACKED_REGIONS
    return packed if packed.is_file() else folder / REGIONS
