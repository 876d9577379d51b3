"""Reports of a file or a folder -> an output folder with a manifest; one bad file does not stop the
others."""

from collections.abc import Sequence
from pathlib import Path

from breastseg.errors import BreastsegError, IncompleteError, InputError, one_of_several
from breastseg.files import Remains, fit_name, own_folder, sha256_of, write_table, write_text
from breastseg.mammography.reports.record import read_record, write_report
from breastseg.mammography.reports.structure import read_report
from breastseg.mammography.reports.summary import summary
from breastseg.mammography.reports.values import Report
from breastseg.reporter import TERMINAL, Reporter
from breastseg.wording import counted

MANIFEST = "manifest.csv"
_REMAINS = Remains(
    finished=(MANIFEST,), rest=("*/report.json", "*/report.txt", "*/report.dcm", "*")
)
ENDINGS = (".txt", ".text", ".md", ".rpt", "")
"""Of files that are taken from a folder; a file that is named itself may have any."""
_HIDDEN = (".", "~$")
_MOST_FILES = 100_000


def structure_reports(
    source: str | Path,
    out: str | Path,
    *,
    films: Sequence[str | Path] = (),
    reporter: Reporter = TERMINAL,
) -> list[dict[str, object]]:
    """Read one report, or each file in a folder; write OUT/NAME/report.json and report.txt.

    Args:
        source: a text, or a folder of texts.
        out: folder of the results; empty, new, or of the same work, which is then done again.
        films: DICOM mammograms of the examination of a single report; with them report.dcm is
            written.
        reporter: who hears of it.

    Returns:
        the rows of manifest.csv, one a file.

    Raises:
        InputError: the only file is no report, no such folder, nothing in it, or films for several
            reports.
        MissingPackageError: films are given and highdicom is not installed.
        OutputError: the output folder holds something else.
        IncompleteError: some of several files failed; the others are done, and manifest.csv tells
            of each.
    """
    source = Path(source)
    out = Path(out)
    paths, others = list_files(source, out)
    several = source.is_dir()
    if films and several:
        raise InputError(
            f"{source}: a folder, and films of one examination; give one report with its films"
        )
    only = None if several else read_report(paths[0])
    settings = {"source": str(source), "films": [str(film) for film in films]}
    with own_folder(out, "mammo report", settings, remains=_REMAINS):
        rows = _each(paths, source, out, films, only, reporter)
        write_table(out / MANIFEST, rows + _left_out(others, source, reporter))
    failed = [row for row in rows if row["outcome"] == "failed"]
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {counted(len(rows), 'report')} failed, the others are done; the "
            f"first: "
            f"{failed[0]['cause']}; {out / MANIFEST} tells of each"
        )
    return rows


def list_files(source: Path, out: Path) -> tuple[list[Path], list[Path]]:
    """Return the file, or the files of a folder and its folders in order, but for hidden ones and
    the output folder."""
    if not source.exists():
        raise InputError(
            f"{source}: not found, wanted the text of a report or a folder of such texts"
        )
    if not source.is_dir():
        return [source], []
    results = out.resolve()
    texts: list[Path] = []
    others: list[Path] = []
    for path in sorted(source.rglob("*")):
        parts = path.relative_to(source).parts
        is_hidden = any(part.startswith(_HIDDEN) for part in parts)
        # The results of a former run may lie in the folder: they are no reports.
        if is_hidden or not path.is_file() or path.resolve().is_relative_to(results):
            continue
        is_text = path.suffix.casefold() in ENDINGS
        (texts if is_text else others).append(path)
    number = len(texts) + len(others)
    if not texts:
        what = f"{counted(number, 'file')}, none of them" if others else "no files in it, not"
        raise InputError(f"{source}: {what} with an ending of texts ({_endings()})")
    if number > _MOST_FILES:
        raise InputError(
            f"{source}: {number:,} files, wanted up to {_MOST_FILES:,}; give one folder after "
            f"the other"
        )
    return texts, others


def _endings() -> str:
    """Return the endings of texts, for messages."""
    return f"{', '.join(filter(None, ENDINGS))} or none"


def _left_out(others: list[Path], source: Path, reporter: Reporter) -> list[dict[str, object]]:
    """Return the rows of files that are not taken from a folder, and say that there are some."""
    if others:
        reporter.message(
            f"left out: {counted(len(others), 'file')} with an ending that is not {_endings()}"
        )
    cause = f"ending not {_endings()}"
    rows: list[dict[str, object]] = []
    for path in others:
        shown = path.relative_to(source).as_posix()
        rows.append({"report": shown, "outcome": "left out", "cause": cause})
    return rows


def _each(
    paths: list[Path],
    source: Path,
    out: Path,
    films: Sequence[str | Path],
    only: Report | None,
    reporter: Reporter,
) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    names: set[str] = set()
    for path in paths:
        shown = path.name if path == source else path.relative_to(source).as_posix()
        name = _name(shown, names)
        try:
            with one_of_several(str(path), several=only is None):
                report = only if only is not None else read_report(path)
                _write(out / name, report, films)
        except BreastsegError as error:
            if only is not None:
                raise
            reporter.message(f"failed: {error}")
            rows.append({"report": shown, "outcome": "failed", "cause": str(error)})
            continue
        reporter.message(f"{path}: {_in_short(report)}")
        rows.append(_row(shown, name, path, report))
    return rows


def _name(shown: str, names: set[str]) -> str:
    """Return the name of a report's folder: its file's without the ending, unless that is taken."""
    file_name = shown.rsplit("/", 1)[-1]
    has_ending = "." in file_name[1:]  # a dot in front is none
    stem = shown.rsplit(".", 1)[0] if has_ending else shown
    name = fit_name(stem.replace("/", "__"))
    if name.casefold() in names or name == MANIFEST:
        name = fit_name(shown.replace("/", "__"))  # a.txt beside a.md
    number = 2
    while name.casefold() in names:
        name = f"{fit_name(stem.replace('/', '__'))}-{number}"
        number += 1
    names.add(name.casefold())
    return name


def _write(folder: Path, report: Report, films: Sequence[str | Path]) -> None:
    """Write what was read; the JSON is read back and compared."""
    if films:
        from breastseg.mammography.reports.sr import write_sr

        write_sr(folder / "report.dcm", report, films)
    write_report(folder / "report.json", report)
    write_text(folder / "report.txt", summary(report))
    if read_record(folder / "report.json") != report:
        raise BreastsegError(
            f"{folder / 'report.json'}: reads back as something else; report it with this line"
        )


def _row(shown: str, name: str, path: Path, report: Report) -> dict[str, object]:
    category, density = "", ""
    if report.category is not None:
        category = report.category.value.value
    if report.densities:
        density = report.densities[0].value.value
    codes = dict.fromkeys(issue.code for issue in report.issues)  # each once, in order
    return {
        "report": shown,
        "outcome": "done",
        "cause": "",
        "result": f"{name}/report.json",
        "category": category,
        "density": density,
        "findings": len(report.findings),
        "issues": ";".join(codes),
        "encoding": report.encoding,
        "sha256": sha256_of(path),
    }


def _in_short(report: Report) -> str:
    category = "no BI-RADS category"
    if report.category is not None:
        category = f"BI-RADS {report.category.value.value}"
    issues = counted(len(report.issues), "issue") if report.issues else "no issues"
    return f"{category}, {counted(len(report.findings), 'finding')}, {issues}"
