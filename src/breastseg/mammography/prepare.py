"""prepare_films(): a folder of mammograms in; clean images, masks and tables out.

OUT/FILM/image.png      16 bits, bright is dense; 0 outside the breast unless asked for whole
OUT/FILM/muscle.png     the pixels that were cut off as muscle, where there are any; 0 elsewhere
OUT/FILM/labels.png     0 outside the film, 1 background, 2 breast, 3 muscle, 4 artefact
OUT/FILM/overlay.jpg    the film with its outlines and findings, to look at
OUT/FILM/finding-N.png  mask of a finding that is one
OUT/FILM/regions.png    bright regions, where the paper of --as-paper makes some
OUT/FILM/seg.dcm        the masks as DICOM, where asked for; it has the patient of its film
OUT/FILM/film.json      where side, view and size come from, and all that was done to the pixels
OUT/FILM/muscle.json    the muscle's line, where a person put one in `breastseg serve`: read here
OUT/films.csv           a row a film
OUT/breasts.csv         a row a breast: area, bright share, the density proposed; a patient has the
                        denser breast's
OUT/findings.csv        a row a finding, in pixels of image.png
OUT/manifest.csv        what became of each film, with a sentence where it was refused
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from breastseg.errors import (
    BreastsegError,
    ImageError,
    IncompleteError,
    InputError,
    MissingPackageError,
    SourceError,
    one_of_several,
)
from breastseg.files import (
    Remains,
    fit_name,
    own_folder,
    sha256_of,
    write_table,
    written_folder,
)
from breastseg.json_files import JsonObject
from breastseg.mammography.breasts import COLUMNS as BREAST_COLUMNS
from breastseg.mammography.breasts import TABLE as BREASTS
from breastseg.mammography.breasts import breast_rows
from breastseg.mammography.layouts import Entry, Layout, find_layout
from breastseg.mammography.layouts.entry import files_below
from breastseg.mammography.layouts.loose import NAME as LOOSE
from breastseg.mammography.pairs import disagreements
from breastseg.mammography.papers import STEPS
from breastseg.mammography.reading import check_mm
from breastseg.mammography.record import RECORD, film_row, read_record
from breastseg.mammography.steps import is_prepared, write_film
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

MUSCLE = ("path", "srg", "rows", "none")
DENOISE = ("none", "wiener", "median")
PAPERS = tuple(STEPS)
TABLES = ("films.csv", BREASTS, "findings.csv", "manifest.csv")
_REMAINS = Remains(finished=(f"*/{RECORD}",), rest=TABLES)


@dataclass(frozen=True)
class FilmsConfig:
    """What is done to each film.

    Attributes:
        muscle: how the pectoral muscle is found: "path", "srg", "rows", or "none" to leave it.
        muscle_in_cc: look for muscle in views from above too, where there is none or little.
        denoise: "wiener", "median" or "none".
        clahe: whether contrast is equalised in places.
        mm_per_px: millimetres a pixel of the prepared image; None keeps the film's own.
        as_paper: "3.4", "3.5", "3.6" or "3.8": that system's own steps; "" is ours.
        whole: keep what is not breast in image.png too.
        pixel_mm: millimetres a pixel of the films, where they do not say or say it wrong.
        keep_names: call loose DICOM films as their files are called, not by numbers.
        seg: write the masks of DICOM films as DICOM too, with the patient and study of the film.
    """

    muscle: str = "path"
    muscle_in_cc: bool = False
    denoise: str = "none"
    clahe: bool = False
    mm_per_px: float | None = 0.2
    as_paper: str = ""
    whole: bool = False
    pixel_mm: float | None = None
    keep_names: bool = False
    seg: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be done."""
        for option, value, known in (
            ("--muscle", self.muscle, MUSCLE),
            ("--denoise", self.denoise, DENOISE),
            ("--as-paper", self.as_paper, ("", *PAPERS)),
        ):
            if value not in known:
                raise InputError(f"{option} '{value}': wanted {', '.join(filter(None, known))}")
        ours = (self.denoise, self.clahe, self.muscle, self.muscle_in_cc, self.whole)
        defaults = ("none", False, "path", False, False)
        if self.as_paper and ours != defaults:
            raise InputError(
                f"--as-paper {self.as_paper} sets the steps itself; leave out --muscle, "
                "--muscle-in-cc, --denoise, --clahe and --whole"
            )
        if self.mm_per_px is not None:
            check_mm(self.mm_per_px, "--to-pixel-mm")
        if self.pixel_mm is not None:
            check_mm(self.pixel_mm, "--pixel-mm")


def prepare_films(
    source: str | Path,
    out: str | Path,
    config: FilmsConfig = FilmsConfig(),
    *,
    reporter: Reporter = TERMINAL,
) -> list[JsonObject]:
    """Prepare every film of a folder; films that cannot be are named, and the others go on.

    Args:
        source: a data set, a folder of films, or one film.
        out: the folder of the results; must be empty or hold the same work, which goes on.
        config: what is done.
        reporter: who hears of it.

    Returns:
        the rows of manifest.csv.

    Raises:
        SourceError: no film there, or none that could be prepared.
        DatasetError: a table of the data set that does not fit.
        IncompleteError: some films were refused; the others are done.
    """
    source = Path(source)
    out = Path(out)
    layout = find_layout(source, keep_names=config.keep_names)
    reporter.message(f"{layout.name}: {counted(len(layout.entries), 'film')}")
    for note in layout.notes:
        reporter.message(f"note: {note}")
    settings = {"films": _digest(source), **asdict(config)}
    with own_folder(out, "mammo prepare", settings, remains=_REMAINS):
        rows, records = _run(layout, source, out, config, reporter)
        # After all films: what is said of one depends on another.
        sentences = disagreements(records)
        if sentences:
            reporter.message(
                f"{counted(len(sentences), 'film')} whose muscle disagrees with the other breast's:"
                " films.csv names them, look at both"
            )
        _write_tables(out, rows, records, sentences)
    return _judged(rows, out)


def _digest(source: Path) -> str:
    """Return a hash of the names and sizes of all files: what was prepared, without a path."""
    digest = hashlib.sha256()
    for path in files_below(source):
        name = path.relative_to(source).as_posix() if path != source else path.name
        line = f"{name} {path.stat().st_size}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _run(
    layout: Layout, source: Path, out: Path, config: FilmsConfig, reporter: Reporter
) -> tuple[list[JsonObject], list[JsonObject]]:
    """Prepare each film; return the rows of the manifest and the records of films."""
    rows: list[JsonObject] = []
    records = []
    names: set[str] = set()
    for entry in reporter.each(layout.entries, title="prepare", unit="film"):
        name = _own_name(entry.name, names)
        row: JsonObject = {"film": name, "outcome": "done", "cause": ""}
        try:
            with one_of_several(name):
                if layout.name == LOOSE:
                    row["sha256"] = sha256_of(entry.path)  # which file it was, without its name
                if not (out / name).is_dir():
                    with written_folder(out / name) as folder:
                        write_film(entry, folder, name, layout.name, config)
                elif not is_prepared(out / name):  # the muscle's line was moved
                    write_film(entry, out / name, name, layout.name, config)
                    reporter.message(f"{name}: prepared again")
                records.append(read_record(out / name / RECORD))
        except BreastsegError as error:
            refused = isinstance(error, (ImageError, MissingPackageError))
            row["outcome"] = "refused" if refused else "failed"
            row["cause"] = _sentence(str(error), entry, source, name)
            reporter.message(f"{row['outcome']}: {entry.path}: {row['cause']}")
        rows.append(row)
    for left_out in layout.left_out:
        name = fit_name(left_out.name)
        rows.append({"film": name, "outcome": "left out", "cause": left_out.cause})
    if layout.left_out:
        first = layout.left_out[0].cause
        reporter.message(f"{counted(len(layout.left_out), 'film')} left out, the first: {first}")
    return rows, records


def _own_name(name: str, taken: set[str]) -> str:
    """Return a name for a film's folder that no other film or table has."""
    fit = fit_name(name)
    number = 2
    own = fit
    # casefold: some systems take A and a for one name
    while own.casefold() in taken or own in TABLES:
        own = f"{fit}-{number}"
        number += 1
    taken.add(own.casefold())
    return own


def _sentence(cause: str, entry: Entry, source: Path, name: str) -> str:
    """Return a sentence that begins with the film's name; manifests hold no path."""
    # The longer ones first: a folder's path is the beginning of its file's.
    for path in (str(entry.path.resolve()), str(entry.path), str(source.resolve()), str(source)):
        cause = cause.replace(path, name)
    return cause if cause.startswith(name) else f"{name}: {cause}"


def _write_tables(
    out: Path, rows: list[JsonObject], records: list[JsonObject], sentences: dict[str, str]
) -> None:
    """Write the tables.

    Args:
        out: the folder.
        rows: of the manifest.
        records: of films.
        sentences: film -> what is said of it beside its own notes.
    """
    films = []
    findings = []
    for record in records:
        name = record["film"]
        notes = list(record["notes"])
        if name in sentences:
            notes.append(sentences[name])
        films.append(film_row({**record, "notes": notes}))
        for finding in record["findings"]:
            row = {"film": name, **finding}
            row.pop("points_px", None)  # thousands of numbers: film.json has them
            findings.append(row)
    write_table(out / "films.csv", films)
    write_table(out / BREASTS, breast_rows(records), BREAST_COLUMNS)
    write_table(out / "findings.csv", findings)
    write_table(out / "manifest.csv", rows)


def _judged(rows: list[JsonObject], out: Path) -> list[JsonObject]:
    """Return the rows of the manifest; raise where not all films are done."""
    done = [row for row in rows if row["outcome"] == "done"]
    bad = [row for row in rows if row["outcome"] in ("refused", "failed")]
    if not done:
        first = bad[0]["cause"] if bad else rows[0]["cause"]
        number = len(bad) or len(rows)
        raise SourceError(f"none of {counted(number, 'film')} could be prepared: {first}")
    if bad:
        raise IncompleteError(
            f"{len(bad)} of {counted(len(done) + len(bad), 'film')} refused or failed, the others "
            f"are done; the first: {bad[0]['cause']}; {out / 'manifest.csv'} tells of each"
        )
    return rows
