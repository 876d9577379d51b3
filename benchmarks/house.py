"""How the code reads, in numbers: sizes, density, tests and borders, beside what is wanted.

Lines are all lines of a file, code lines those that are neither blank, comment nor docstring. A
function's lines are those of its body without the docstring. A module is tested where a test
imports it, or imports a name that its folder hands on from it; it is mirrored where
`tests/ROOM/test_MODULE.py` exists, also with the room's or the folder's name before the module's.

    python benchmarks/house.py
    python benchmarks/house.py --names "no test imports"
"""

import argparse
import ast
import io
import re
import shutil
import statistics
import subprocess
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "breastseg"
TESTS = ROOT / "tests"

COLUMNS = 100
BODY_LINES = 80
MODULE_LINES = 400
SENTENCE = 60
"""Letters from which on a pattern that a test matches pins a whole sentence."""
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Row:
    """One line of the table: what it counts, what was found, what is wanted, and where it is."""

    what: str
    now: str
    wanted: str
    is_met: bool
    names: list[str] = field(default_factory=list)


class Module:
    """A file of Python, read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)
        self.lines = self.text.splitlines()

    @property
    def name(self) -> str:
        """Return its dotted name; a folder's is that of its `__init__`."""
        parts = self.path.relative_to(SOURCE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def is_own(self) -> bool:
        """Return whether it has a subject: `__init__` hands on names, `__main__` starts."""
        return not self.path.stem.startswith("__")

    @cached_property
    def comments(self) -> int:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return sum(token.type == tokenize.COMMENT for token in tokens)

    @cached_property
    def code_lines(self) -> int:
        """Return the lines that are neither blank, comment nor docstring."""
        silent: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                silent |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        for number, line in enumerate(self.lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                silent.add(number)
        return len(self.lines) - len(silent)

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield each function with the lines of its body."""
        for node in ast.walk(self.tree):
            if isinstance(node, FUNCTIONS):
                body = node.body
                has_docstring = ast.get_docstring(node, clean=False) is not None
                first = body[1 if has_docstring and len(body) > 1 else 0]
                yield node.name, (body[-1].end_lineno or 0) - first.lineno + 1


def read(folder: Path) -> list[Module]:
    """Read all Python below a folder."""
    return [Module(path) for path in sorted(folder.rglob("*.py"))]


def percentile(values: list[int], share: float) -> int:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def form(modules: list[Module]) -> Iterator[Row]:
    """Yield how lines and statements look."""
    lines = sum(len(module.lines) for module in modules)
    code = sum(module.code_lines for module in modules)
    wide = [
        f"{module.name}:{number}"
        for module in modules
        for number, line in enumerate(module.lines, start=1)
        if len(line) > COLUMNS
    ]
    yield Row(
        f"lines over {COLUMNS} columns", f"{len(wide)} of {lines:,}", "0", len(wide) == 0, wide
    )
    nodes = sum(1 for module in modules for _ in ast.walk(module.tree))
    yield Row("AST nodes a code line", f"{nodes / code:.1f}", "<= 9", nodes / code <= 9)
    comprehensions = {module.name: 0 for module in modules}
    for module in modules:
        for node in ast.walk(module.tree):
            comprehensions[module.name] += isinstance(node, COMPREHENSIONS)
    share = 1000 * sum(comprehensions.values()) / lines
    most = sorted(comprehensions, key=lambda name: -comprehensions[name])[:20]
    yield Row(
        "comprehensions a thousand lines",
        f"{share:.1f}",
        "<= 15",
        share <= 15,
        [f"{name} ({comprehensions[name]})" for name in most],
    )
    comments = 1000 * sum(module.comments for module in modules) / lines
    yield Row("comments a thousand lines", f"{comments:.1f}", ">= 25", comments >= 25)


def sizes(modules: list[Module]) -> Iterator[Row]:
    """Yield how long modules and functions are."""
    lengths = [len(module.lines) for module in modules if module.is_own]
    median, tall = int(statistics.median(lengths)), percentile(lengths, 0.9)
    largest = [
        f"{module.name} ({len(module.lines)})"
        for module in sorted(modules, key=lambda module: -len(module.lines))
        if len(module.lines) > MODULE_LINES
    ]
    yield Row(
        "lines of a module: median / p90 / max",
        f"{median} / {tall} / {max(lengths)}",
        f"<= 130 / 280 / {MODULE_LINES}",
        median <= 130 and tall <= 280 and max(lengths) <= MODULE_LINES,
        largest,
    )
    bodies = [
        (f"{module.name}.{name}", length)
        for module in modules
        for name, length in module.functions()
    ]
    counted = [length for _, length in bodies]
    over = [f"{name} ({length})" for name, length in bodies if length > BODY_LINES]
    p90 = percentile(counted, 0.9)
    yield Row(
        "lines of a function: median / p90 / max",
        f"{int(statistics.median(counted))} / {p90} / {max(counted)}",
        f"p90 <= 28, none over {BODY_LINES}",
        p90 <= 28 and not over,
        over,
    )


def handed_on(modules: list[Module]) -> dict[tuple[str, str], str]:
    """Return the module of each name that the `__init__` of a folder hands on."""
    found = {}
    for module in modules:
        if module.path.stem == "__init__":
            for node in module.tree.body:
                if isinstance(node, ast.ImportFrom) and node.module:
                    for alias in node.names:
                        found[module.name, alias.name] = node.module
    return found


def imported(tests: list[Module], modules: list[Module]) -> set[str]:
    """Return the names of the modules that tests import."""
    origins = handed_on(modules)
    found: set[str] = set()
    for test in tests:
        for node in ast.walk(test.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                for alias in node.names:
                    found.add(f"{node.module}.{alias.name}")
                    found.add(origins.get((node.module, alias.name), ""))
    return found


def mirrors(module: Module) -> set[str]:
    """Return the names that a test file of a module may have."""
    parts = module.name.split(".")[1:]
    endings = {"_".join(parts[start:]) for start in range(len(parts))}
    return {f"test_{ending}" for ending in endings | {f"{parts[0]}_{parts[-1]}"}}


@cache
def names_of_tests(folder: Path) -> set[str]:
    """Return the names of a folder's test files."""
    return {path.stem for path in folder.glob("test_*.py")}


def has_mirror(module: Module) -> bool:
    """Return whether `tests/ROOM` has a test file of the module's name."""
    room = module.name.split(".")[1]
    files = names_of_tests(TESTS / room) | names_of_tests(TESTS / "ground")
    return bool(files & mirrors(module))


def sentences(tests: list[Module]) -> list[str]:
    """Return where a test pins a whole sentence."""
    found = []
    for test in tests:
        for node in ast.walk(test.tree):
            if isinstance(node, ast.keyword) and node.arg == "match":
                texts = [part for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
                length = sum(len(part.value) for part in texts if isinstance(part.value, str))
                if length >= SENTENCE:
                    found.append(f"{test.path.relative_to(ROOT)}:{node.value.lineno} ({length})")
    return found


def habits(modules: list[Module], tests: list[Module]) -> Iterator[Row]:
    """Yield what tests reach, and what is untyped."""
    untyped = [module.name for module in modules if "dict[str, Any]" in module.text]
    yield Row("modules with dict[str, Any]", str(len(untyped)), "<= 8", len(untyped) <= 8, untyped)
    own = [module for module in modules if module.is_own]
    reached = imported(tests, modules)
    alone = [module.name for module in own if module.name not in reached]
    yield Row(
        "modules that no test imports",
        f"{len(alone)} of {len(own)}",
        "<= 10",
        len(alone) <= 10,
        alone,
    )
    without = [module.name for module in own if not has_mirror(module)]
    share = 100 * (len(own) - len(without)) / len(own)
    yield Row("modules with a test file of their name", f"{share:.0f} %", ">= 70 %", share >= 70,
              without)  # fmt: skip
    pinned = sentences(tests)
    yield Row(
        f"tests that pin {SENTENCE} letters and more",
        str(len(pinned)),
        "<= 20",
        len(pinned) <= 20,
        pinned,
    )


def occurrences(modules: list[Module], pattern: str, room: str) -> list[str]:
    """Return the lines outside of a room that a pattern fits."""
    found = []
    for module in modules:
        if module.name.startswith(f"breastseg.{room}"):
            continue
        for number, line in enumerate(module.lines, start=1):
            if re.search(pattern, line):
                found.append(f"{module.name}:{number}")
    return found


def borders(modules: list[Module]) -> Iterator[Row]:
    """Yield what crosses a border between rooms."""
    # That of http.client is another, of an answer that broke off.
    web = occurrences(modules, r"(?<!client\.)\bHTTPException\b", "serve.web")
    yield Row("HTTPException outside serve.web", str(len(web)), "0", not web, web)
    flat = occurrences(modules, r"isinstance\(.*\bFlatSlide\b", "images")
    yield Row("isinstance(..., FlatSlide) outside images", str(len(flat)), "0", not flat, flat)
    linter = shutil.which("lint-imports")
    if linter is None:
        yield Row("contracts of import-linter that are broken", "not looked at", "0", False)
        return
    said = subprocess.run([linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True).stdout
    counts = re.search(r"(\d+) kept, (\d+) broken", said)
    broken = counts[2] if counts else "?"
    lines = [line for line in said.splitlines() if line.endswith("BROKEN")]
    yield Row(
        "contracts of import-linter that are broken (cycles, arrows up)",
        broken,
        "0",
        broken == "0",
        lines,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--names", metavar="WORDS", help="list the places of the rows that say so")
    words = parser.parse_args().names
    modules = read(SOURCE)
    tests = read(TESTS)
    rows = [*form(modules), *sizes(modules), *habits(modules, tests), *borders(modules)]
    print("| | now | wanted | |")
    print("| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row.what} | {row.now} | {row.wanted} | {'met' if row.is_met else '-'} |")
    for row in rows:
        if words is not None and words in row.what:
            print(f"\n{row.what}:")
            print("\n".join(row.names) or "none")


if __name__ == "__main__":
    main()
