"""deidentify(): slides -> a folder of copies without labels, names, dates and identifiers."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from breastseg.errors import BreastsegError, ImageError, InputError, OutputError, one_of_several
from breastseg.files import (
    Remains,
    fit_name,
    own_folder,
    table_text,
    write_json,
    write_table,
    write_text,
    written,
    written_folder,
)
from breastseg.json_files import read_json
from breastseg.privacy.dicom import copy_dicom, look_at_dicom
from breastseg.privacy.findings import Finding, Level
from breastseg.privacy.slides import content_hash, kind_of, list_slides
from breastseg.privacy.tiff import copy_tiff, look_at_tiff

_RECORDS = "records"
_ENDINGS = (".ome.tiff", ".ome.tif", ".tiff", ".tif", ".svs", ".ndpi")
_OWN = ("removed.csv", "proof.csv", _RECORDS, "breastseg-work.json")


@dataclass(frozen=True)
class Deidentified:
    """What became of the slides.

    Attributes:
        copies: names in the folder of the copies that are there.
        refused: slides that were not copied, and why, in one line each.
    """

    copies: list[str] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    path: Path
    name: str
    kind: str


def look_at(path: str | Path) -> list[Finding]:
    """Return what a slide gives away: its name, label and macro images, tags; never the values.

    Raises:
        ImageError: not there, damaged, or a format that is not understood.
    """
    path = Path(path)
    name = Finding("file name", "name", "may name a person or a case")
    with one_of_several(str(path)):
        inside = look_at_dicom(path) if kind_of(path) == "dicom" else look_at_tiff(path)
    return [name, *inside]


def deidentify(
    slides: Sequence[str | Path],
    out: str | Path,
    *,
    keep_names: bool = False,
    names: str | Path | None = None,
) -> Deidentified:
    """Copy slides without label and macro images, names, dates and identifiers; pixels untouched.

    Copies are numbered by the hash of what is in them, so that their order says nothing of the old
    names. The tables in `out`: removed.csv has what was removed of which copy, proof.csv the
    hashes of every level's tiles, found equal before and after. The same call goes on where a
    killed one stopped.

    Args:
        slides: files, folders of DICOM files, and folders of slides.
        out: folder of the copies.
        keep_names: call copies as the slides are called.
        names: a private table of which copy is of which slide; outside of `out`.

    Raises:
        ImageError: nothing that is a slide; of a single slide, why it is refused.
        InputError: `names` lies in `out`, or two slides would have one name.
        OutputError: `out` holds something else.
    """
    out = Path(out)
    paths = list_slides(slides)
    if not paths:
        raise ImageError("no slides given; name files or folders")
    if names is not None and Path(names).resolve().is_relative_to(out.resolve()):
        raise InputError(f"{names}: lies in the folder that is given away; put it elsewhere")
    result = Deidentified()
    jobs, hashes = _jobs(paths, keep_names, result)
    everything = "".join(sorted(hashes))  # sorted: the same slides in another order are the same
    settings = {
        "slides": len(paths),
        "names": "kept" if keep_names else "numbered",
        "content": hashlib.sha256(f"work {everything}".encode()).hexdigest(),
    }
    # New identifiers of DICOM come from the content, so that a run that goes on gives the same;
    # the word before it keeps the key from being the hash that is written down.
    key = hashlib.sha256(f"identifiers {everything}".encode()).digest()
    remains = Remains(finished=(f"{_RECORDS}/*.json",), rest=(_RECORDS,))
    with own_folder(out, "deidentify", settings, remains=remains):
        if names is not None:
            _write_names(Path(names), jobs)
        removed: list[dict[str, object]] = []
        proof: list[dict[str, object]] = []
        for job in tqdm(jobs, desc="deidentify", unit="slide", disable=None):
            try:
                with one_of_several(str(job.path), several=len(paths) > 1):
                    findings, levels = _copy(job, out, key)
            except BreastsegError as error:
                if len(paths) == 1:
                    raise
                result.refused.append((job.path, str(error)))
                continue
            result.copies.append(job.name)
            for row in findings:
                removed.append({"file": job.name, **row})
            for row in levels:
                proof.append({"file": job.name, **row})
        # Where nothing was removed the table still has its columns.
        heads = {"file": "", "place": "", "tag": "", "kind": ""}
        write_text(out / "removed.csv", table_text(removed or [heads]))
        write_table(out / "proof.csv", proof)
    return result


def _jobs(
    paths: list[Path], keep_names: bool, result: Deidentified
) -> tuple[list[_Job], list[str]]:
    """Give every slide that can be read a name; refuse the others."""
    slides: list[tuple[str, Path, str]] = []  # hash of the content, path, kind
    for path in paths:
        try:
            with one_of_several(str(path), several=len(paths) > 1):
                content = content_hash(path) if path.exists() else ""
                slides.append((content, path, kind_of(path)))
        except BreastsegError as error:
            if len(paths) == 1:
                raise
            result.refused.append((path, str(error)))
    # By content: the order of the copies says nothing of the old names.
    slides.sort()
    jobs: list[_Job] = []
    taken: dict[str, Path] = {}
    for number, (_, path, kind) in enumerate(slides, start=1):
        numbered = f"slide-{number:04d}{_ending(path, kind)}"
        name = fit_name(path.name) if keep_names else numbered
        # Some systems take A and a for one name.
        folded = name.casefold()
        if folded in _OWN:
            raise InputError(f"{path}: is called like a table of ours; rename it")
        if folded in taken:
            raise InputError(
                f"{path}: is called like {taken[folded]}; rename one, or leave out --keep-names"
            )
        taken[folded] = path
        jobs.append(_Job(path, name, kind))
    return jobs, [content for content, _, _ in slides]


def _ending(path: Path, kind: str) -> str:
    """Return the ending of a copy: readers go by it."""
    if kind == "dicom":  # a folder
        return ""
    for ending in _ENDINGS:
        if path.name.lower().endswith(ending):
            return ending
    return ".tif"


def _write_names(path: Path, jobs: list[_Job]) -> None:
    """Write which copy is of which slide, for its owner's eyes."""
    rows = [{"copy": job.name, "slide": str(job.path)} for job in jobs]
    text = table_text(rows)
    if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
        raise OutputError(f"{path}: is there already with other names; choose another file")
    write_text(path, text)
    path.chmod(0o600)  # it leads from a copy back to its person: for this user alone


def _copy(
    job: _Job, out: Path, key: bytes
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Copy one slide, or take what is there of it; return its rows of the two tables."""
    record = out / _RECORDS / f"{job.name}.json"
    target = out / job.name
    if record.is_file() and target.exists():
        saved = read_json(record, OutputError, "the record of a copy; remove it to copy again")
        if not isinstance(saved, dict) or not {"removed", "proof"} <= saved.keys():
            raise OutputError(f"{record}: not the record of a copy; remove it to copy again")
        return saved["removed"], saved["proof"]
    findings: list[Finding]
    levels: list[Level]
    if job.kind == "dicom":
        if target.is_dir():  # complete, but a kill came before its record
            _remove_copy(target)
        with written_folder(target) as unfinished:
            findings, levels = copy_dicom(job.path, unfinished, key)
    else:
        with written(target) as unfinished:
            findings, levels = copy_tiff(job.path, unfinished)
    rows: list[dict[str, object]] = [{**finding.row()} for finding in findings]
    proof: list[dict[str, object]] = [{**level.row()} for level in levels]
    # Last: a copy with a record is whole, and is not made again.
    write_json(record, {"removed": rows, "proof": proof})
    return rows, proof


def _remove_copy(folder: Path) -> None:
    """Remove a copy's files; rmdir() refuses where a person has put more into its folder."""
    for file in folder.glob("*.dcm"):
        file.unlink()
    folder.rmdir()
