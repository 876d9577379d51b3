"""Write docs/files.md: every file that the product writes, from the code that writes it.

What lies where comes from the heads of the modules that write it, fields from the classes that are
read and written. A test holds the page equal to them; `python scripts/files_page.py` writes it.
"""

import ast
import inspect
import re
import types
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from breastseg.labels import BUILT_IN, LabelMap
from breastseg.records import entries

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "files.md"
HEAD = """# Files

Every file that breastseg writes. This page is made by `python scripts/files_page.py` from the code
that writes them, and a test holds it to that; change it there.

All files appear whole (written beside and renamed). JSON is UTF-8, two spaces deep; `NaN` stands
where a score or measure has no meaning. Tables are CSV in UTF-8 with a comma, an empty cell for
nothing. Label images are 8 bits, 0 is "not analysed" or "not annotated", class k of the label map
is k. A folder that a command writes into has `breastseg-work.json`: `command` and `settings`; the
same command goes on in it, another is refused.
"""
PLACES = (
    ("predict", "inference.predict"),
    ("predict --shard", "inference.shards"),
    ("gather", "inference.gather"),
    ("prepare", "data.dataset"),
    ("audit", "data.audit"),
    ("train, RUN/", "training.train"),
    ("a bundle, RUN/bundle/", "bundles.bundle"),
    ("evaluate", "evaluation.evaluate"),
    ("evaluate --as-report", "studies.student_report.chapter"),
    ("models monai", "bundles.monai"),
    ("propose", "annotate.proposals.propose"),
    ("inflation", "studies.inflation.inflation"),
    ("mammo prepare", "mammography.prepare"),
    ("mammo split", "mammography.split"),
    ("mammo masses", "studies.rgu_net.study"),
    ("mammo classify", "studies.rois.study"),
    ("mammo audit", "studies.rois.audit"),
)
"""Commands, and the module whose head lists what they write."""
RECORDS = (
    ("run.json", "maps.record", "RunRecord"),
    ("scores.json of evaluate", "evaluation.scores", "Scores"),
    ("card.json", "bundles.card", "Card"),
)
MORE = """
## Others

| file | what |
| --- | --- |
| `report.html`, `audit.html`, `cohort.html` | one page each, with every image inside; nothing reads them again |
| `.part-NAME`, `.part-NAME.json` | a download that was interrupted: what is there, and `url`, `sha256`, `validator`, `size` that must still hold |
| `removed.csv`, `proof.csv` of deidentify | what was taken out of each slide; that its tiles are the same bytes |
| `manifest.csv` of mammo report | what became of each report; beside it a folder each with `report.json` and `report.txt`, and `report.dcm` where its films were given |
| `split.csv` in a data set | `region`, `split`: train, val or test |
| `breastseg/` in a folder that is served | the list of jobs, maps as predict writes them, and what people drew |

Columns of `measures.csv` and the `measures` of run.json are [defined in the glossary](glossary.md#measures).
"""  # noqa: E501  a table
WRITTEN: dict[type, set[str]] = {LabelMap: set(BUILT_IN["region5"].to_dict())}
"""Of a class with fields that no file has: those that it has."""
ENTRY = re.compile(r"^((?:[A-Z]+/|)[\w.*+<>-]+(?:/[\w.*<>-]*)*(?:, [\w./-]+)*) {2,}(\S.*)$")


def listed(module: str) -> list[tuple[str, str]]:
    """Return the files that the head of a module lists, and what it says of each."""
    source = ROOT.joinpath("src", "breastseg", *module.split("."))
    source = source / "__init__.py" if source.is_dir() else source.with_suffix(".py")
    lines = (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").splitlines()
    found: list[tuple[str, str]] = []
    going = False
    for line in lines:
        match = ENTRY.match(line)
        if match:
            found.append((match[1], match[2]))
            going = True
        elif going and line.strip():
            name, words = found[-1]
            found[-1] = name, f"{words} {line.strip()}"
        else:
            going = False
    return found


def said_of(record: type) -> dict[str, str]:
    """Return what a class says of each of its attributes."""
    lines = (inspect.getdoc(record) or "").partition("Attributes:")[2].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        match = re.match(r"^    (\w+): (.*)$", line)
        if match:
            name = match[1]
            found[name] = match[2]
        elif name and line.strip():
            found[name] += " " + line.strip()
    return found


def kind_of(kind: Any) -> str:
    """Return a type as a reader of JSON calls it."""
    plain = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    if kind in plain:
        return plain[kind]
    if kind is types.NoneType:
        return "null"
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(kind_of, inner)))
    if origin in (tuple, list):
        if len(inner) > 1 and Ellipsis not in inner:
            return f"list of {len(inner)}: {kind_of(inner[0])}"
        return f"list of {kind_of(inner[0])}"
    if origin is dict:
        return "anything" if inner[1] is Any else f"by name: {kind_of(inner[1])}"
    return "anything" if kind in (object, Any) else f"[{kind.__name__}](#{kind.__name__.lower()})"


def inside(kind: Any) -> list[type]:
    """Return the records in a type."""
    if isinstance(kind, type) and is_dataclass(kind):
        return [kind]
    return [record for inner in get_args(kind) for record in inside(inner)]


def table(record: type) -> list[str]:
    """Return the fields of a record as a Markdown table."""
    said = said_of(record)
    lines = ["| field | is | what |", "| --- | --- | --- |"]
    for entry in entries(record):
        if entry.key not in WRITTEN.get(record, {entry.key}):
            continue
        kind = kind_of(entry.type)
        if entry.optional and entry.field.default is None:
            kind = kind.removesuffix(" or null") + ", or not there"
        lines.append(f"| `{entry.key}` | {kind} | {said.get(entry.field.name, '')} |")
    return lines


def section(title: str, first: type, done: set[type]) -> list[str]:
    """Return a file's fields, then those of the records in it."""
    lines = [f"## {title}", "", *table(first), ""]
    waiting = [first]
    while waiting:
        for entry in entries(waiting.pop(0)):
            for record in inside(entry.type):
                if record not in done:
                    done.add(record)
                    waiting.append(record)
                    words = (inspect.getdoc(record) or "").partition("\n\n")[0]
                    said = " ".join(words.split())
                    lines += [f"### {record.__name__}", "", said, "", *table(record), ""]
    return lines


def page() -> str:
    """Return the page."""
    lines = [HEAD]
    for command, module in PLACES:
        lines += [f"## {command}", "", "| file | what |", "| --- | --- |"]
        lines += [f"| `{name}` | {words} |" for name, words in listed(module)]
        lines.append("")
    done: set[type] = set()
    for title, module, name in RECORDS:
        lines += section(title, getattr(import_module(f"breastseg.{module}"), name), done)
    return "\n".join(lines).rstrip() + "\n" + MORE


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
